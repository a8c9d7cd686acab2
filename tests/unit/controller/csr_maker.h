/* Certificate requests as a unit makes them, and as it must not: for the tests
 * of the CSR policy and of the EST client's replies. OpenSSL builds them, so
 * that policy and test do not share a library. */
#ifndef TESTS_UNIT_CONTROLLER_CSR_MAKER_H
#define TESTS_UNIT_CONTROLLER_CSR_MAKER_H

#include "proto/base/openssl_names.h"

#include "controller/enrol/csr.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct csr_recipe {
	const char *curve;   /* NULL: P-256 */
	const char *digest;  /* NULL: SHA256 */
	const char *cn;	     /* NULL: the device ID */
	const char *serial;  /* NULL: the UID */
	const char *country; /* NULL: none; else one name too many */
	bool cn_twice;
	bool one_set;	      /* both names in one SET: a name of two values */
	const char *password; /* NULL: the challenge; "": no attribute */
	bool extension;	      /* one attribute too many */
	bool break_signature;
};

struct csr_made {
	uint8_t der[CSR_MAX_BYTES], attestation[CSR_ATTEST_MAX_BYTES];
	struct csr_claim claim; /* points into this struct */
	EVP_PKEY *key, *attest_key;
};

void csr_make(struct csr_made *m, const struct csr_recipe *recipe);
void csr_made_free(struct csr_made *m);

/* Sign again what the claim now says. */
void csr_attest(struct csr_made *m);

#endif
