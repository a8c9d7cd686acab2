/* Any bytes as a unit's certificate request: UID, challenge, attestation key,
 * one byte of length and the attestation, the request. What is accepted names
 * this unit, and not one byte more is. */
#include "controller/enrol/csr.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_refused(enum err_code rc, const struct csr_facts *facts,
			  const struct err *e)
{
	static const struct csr_facts untouched;

	CHECK(rc == ERR_MALFORMED || rc == ERR_REFUSED || rc == ERR_INTEGRITY);
	CHECK(e->text[0] && !memcmp(facts, &untouched, sizeof untouched));
}

static void check_accepted(const struct csr_claim *claim,
			   const struct csr_facts *facts)
{
	struct csr_claim longer = *claim;
	struct csr_facts none = {0};
	char device_id[CSR_DEVICE_ID_SIZE];
	uint8_t *der = calloc(1, claim->csr_len + 1);
	struct err e = {0};

	csr_device_id(device_id, claim->uid);
	CHECK(!strcmp(facts->device_id, device_id));
	CHECK(strlen(facts->csr_sha256) == 64);
	CHECK(strlen(facts->spki_sha256) == 64);
	CHECK(der);
	memcpy(der, claim->csr, claim->csr_len);
	longer.csr = der;
	longer.csr_len++;
	check_refused(csr_check(&longer, &none, &e), &none, &e);
	free(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csr_claim claim;
	struct csr_facts facts = {0};
	struct err e = {0};
	const size_t head = sizeof claim.uid + sizeof claim.challenge +
			    sizeof claim.attest_key;
	enum err_code rc;

	if (size < head + 1 || data[head] > size - head - 1)
		return 0;
	memcpy(claim.uid, data, sizeof claim.uid);
	data += sizeof claim.uid;
	memcpy(claim.challenge, data, sizeof claim.challenge);
	data += sizeof claim.challenge;
	memcpy(claim.attest_key, data, sizeof claim.attest_key);
	data += sizeof claim.attest_key;
	claim.attestation_len = *data++;
	claim.attestation = data;
	claim.csr = data + claim.attestation_len;
	claim.csr_len = size - head - 1 - claim.attestation_len;
	rc = csr_check(&claim, &facts, &e);
	if (rc)
		check_refused(rc, &facts, &e);
	else
		check_accepted(&claim, &facts);
	return 0;
}
