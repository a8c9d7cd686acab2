/* What a unit's certificate request must be before the controller relays it.
 *
 * The factory is regarded as compromised: a request is believed only because
 * of the two signatures on it. The unit's own key signs the request, and the
 * hardware-test program, which reached the chip encrypted, signs the request's
 * hash together with the UID and this attempt's challenge. Sizes, labels and
 * the device ID: proto/board/sfi.h; the request itself: RFC 2986.
 * That the public key is new, the permit live and the lot not full are rules
 * of the line, checked by the caller.
 */
#ifndef CONTROLLER_ENROL_CSR_H
#define CONTROLLER_ENROL_CSR_H

#include "proto/base/err.h"
#include "proto/board/sfi.h"

#include <stddef.h>
#include <stdint.h>

#define CSR_MAX_BYTES	     2048u
#define CSR_ATTEST_MAX_BYTES 80u
#define CSR_ATTEST_KEY_BYTES 64u /* P-256, X || Y, big-endian */
#define CSR_DEVICE_ID_SIZE   (SFI_DEVICE_ID_CHARS + 1u)
#define CSR_SHA256_SIZE	     65u
#define CSR_SPKI_MAX_BYTES   128u

struct csr_claim {
	const uint8_t *csr; /* DER */
	size_t csr_len;
	const uint8_t *attestation; /* DER ECDSA signature */
	size_t attestation_len;
	uint8_t uid[SFI_UID_BYTES];		  /* of the attempt's permit */
	uint8_t challenge[SFI_CHALLENGE_BYTES];	  /* of the attempt's permit */
	uint8_t attest_key[CSR_ATTEST_KEY_BYTES]; /* of the release */
};

struct csr_facts {
	char device_id[CSR_DEVICE_ID_SIZE];
	char csr_sha256[CSR_SHA256_SIZE];
	char spki_sha256[CSR_SHA256_SIZE]; /* identifies the key pair */
};

/* "PV" and 32 hex digits, from the UID alone. */
void csr_device_id(char out[CSR_DEVICE_ID_SIZE],
		   const uint8_t uid[SFI_UID_BYTES]);

/* All of the policy; *facts is filled only on ERR_OK. Never blocks; about a
 * millisecond of CPU.
 * ERR_MALFORMED: not a PKCS#10 request, or bytes too few or too many.
 * ERR_REFUSED: well-formed, but of another curve or algorithm, for another
 * name or challenge, or with other attributes.
 * ERR_INTEGRITY: one of the two signatures does not verify. */
enum err_code csr_check(const struct csr_claim *claim, struct csr_facts *facts,
			struct err *e);

#endif
