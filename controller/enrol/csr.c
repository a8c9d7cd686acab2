/* mbedTLS does the ASN.1, the names and the signatures. It keeps the
 * attributes of a request to itself in 2.28, so the challengePassword is read
 * from the raw CertificationRequestInfo with the library's own DER walker;
 * OpenSSL's X509_REQ would give attributes directly, but accepts BER and
 * trailing bytes, which a strict policy must not.
 *
 * Invariant: everything is checked before *facts is touched, and the
 * signatures are checked last, over exactly the bytes that were parsed. */
#include "controller/enrol/csr.h"

#include "proto/base/hex.h"

#include <assert.h>
#include <mbedtls/asn1.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/oid.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_csr.h>
#include <string.h>

/* PKCS #9 challengePassword (RFC 2985 5.4.1), 1.2.840.113549.1.9.7 */
static const uint8_t oid_challenge[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
					0x0d, 0x01, 0x09, 0x07};

static void sha256(uint8_t out[32], const void *data, size_t len)
{
	int rc = mbedtls_sha256_ret(data, len, out, 0);

	assert(rc == 0);
	(void)rc;
}

void csr_device_id(char out[CSR_DEVICE_ID_SIZE],
		   const uint8_t uid[SFI_UID_BYTES])
{
	uint8_t text[sizeof(SFI_DEVICE_ID_LABEL) - 1 + SFI_UID_BYTES];
	uint8_t hash[32];

	memcpy(text, SFI_DEVICE_ID_LABEL, sizeof(SFI_DEVICE_ID_LABEL) - 1);
	memcpy(text + sizeof(SFI_DEVICE_ID_LABEL) - 1, uid, SFI_UID_BYTES);
	sha256(hash, text, sizeof(text));
	memcpy(out, "PV", 2);
	hex_encode(out + 2, hash, 16);
}

static enum err_code check_key(const mbedtls_x509_csr *csr, struct err *e)
{
	if (!mbedtls_pk_can_do(&csr->pk, MBEDTLS_PK_ECDSA) ||
	    mbedtls_pk_ec(csr->pk)->grp.id != MBEDTLS_ECP_DP_SECP256R1)
		return err_set(e, ERR_REFUSED, "the key is not on P-256");
	if (csr->sig_pk != MBEDTLS_PK_ECDSA || csr->sig_md != MBEDTLS_MD_SHA256)
		return err_set(e, ERR_REFUSED,
			       "the signature is not ECDSA with SHA-256");
	return ERR_OK;
}

static bool name_is(const mbedtls_x509_name *n, const char *oid, size_t oid_len,
		    const char *want)
{
	return n->oid.len == oid_len && !memcmp(n->oid.p, oid, oid_len) &&
	       n->val.len == strlen(want) &&
	       !memcmp(n->val.p, want, n->val.len);
}

/* CN = device id and serialNumber = UID, each once, in either order, nothing
 * else. */
static enum err_code check_subject(const mbedtls_x509_csr *csr,
				   const char *device_id, const char *uid,
				   struct err *e)
{
	const mbedtls_x509_name *n;
	unsigned cn = 0, serial = 0, others = 0;

	for (n = &csr->subject; n && n->oid.p; n = n->next) {
		if (n->next_merged)
			others++;
		if (name_is(n, MBEDTLS_OID_AT_CN,
			    MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN), device_id))
			cn++;
		else if (name_is(n, MBEDTLS_OID_AT_SERIAL_NUMBER,
				 MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_SERIAL_NUMBER),
				 uid))
			serial++;
		else
			others++;
	}
	if (cn != 1 || serial != 1 || others)
		return err_set(e, ERR_REFUSED,
			       "the subject is not CN=%s, serialNumber=%s",
			       device_id, uid);
	return ERR_OK;
}

static int skip(uint8_t **p, const uint8_t *end, int tag)
{
	size_t len;
	int rc = mbedtls_asn1_get_tag(p, end, &len, tag);

	if (!rc)
		*p += len;
	return rc;
}

/* From a CertificationRequestInfo to the content of its attributes. */
static int find_attributes(const mbedtls_x509_csr *csr, uint8_t **attr,
			   const uint8_t **end)
{
	const int seq = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
	uint8_t *p = csr->cri.p;
	const uint8_t *stop = csr->cri.p + csr->cri.len;
	size_t len;

	if (mbedtls_asn1_get_tag(&p, stop, &len, seq) || p + len != stop ||
	    skip(&p, stop, MBEDTLS_ASN1_INTEGER) || skip(&p, stop, seq) ||
	    skip(&p, stop, seq))
		return -1;
	if (mbedtls_asn1_get_tag(&p, stop, &len,
				 MBEDTLS_ASN1_CONTEXT_SPECIFIC |
					 MBEDTLS_ASN1_CONSTRUCTED) ||
	    p + len != stop)
		return -1;
	*attr = p;
	*end = stop;
	return 0;
}

static bool is_text_tag(uint8_t tag)
{
	return tag == MBEDTLS_ASN1_UTF8_STRING ||
	       tag == MBEDTLS_ASN1_PRINTABLE_STRING ||
	       tag == MBEDTLS_ASN1_IA5_STRING;
}

/* The only attribute, with its only value. */
static enum err_code check_challenge(const mbedtls_x509_csr *csr,
				     const char *want, struct err *e)
{
	const int seq = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
	const int set = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET;
	const uint8_t *end;
	uint8_t *p, tag;
	size_t len;

	if (find_attributes(csr, &p, &end))
		return err_set(e, ERR_MALFORMED, "attributes unreadable");
	if (mbedtls_asn1_get_tag(&p, end, &len, seq) || p + len != end)
		return err_set(e, ERR_REFUSED, "not exactly one attribute");
	if (mbedtls_asn1_get_tag(&p, end, &len, MBEDTLS_ASN1_OID))
		return err_set(e, ERR_MALFORMED, "attribute without a type");
	if (len != sizeof(oid_challenge) || memcmp(p, oid_challenge, len))
		return err_set(e, ERR_REFUSED,
			       "the attribute is not challengePassword");
	p += len;
	if (mbedtls_asn1_get_tag(&p, end, &len, set) || p + len != end ||
	    p == end)
		return err_set(e, ERR_MALFORMED,
			       "challengePassword unreadable");
	tag = *p;
	if (!is_text_tag(tag) || mbedtls_asn1_get_tag(&p, end, &len, tag) ||
	    p + len != end)
		return err_set(e, ERR_MALFORMED,
			       "challengePassword unreadable");
	if (len != strlen(want) || memcmp(p, want, len))
		return err_set(e, ERR_REFUSED,
			       "the challenge is not this attempt's");
	return ERR_OK;
}

static enum err_code check_own_signature(mbedtls_x509_csr *csr, struct err *e)
{
	uint8_t hash[32];

	sha256(hash, csr->cri.p, csr->cri.len);
	if (mbedtls_pk_verify(&csr->pk, MBEDTLS_MD_SHA256, hash, sizeof(hash),
			      csr->sig.p, csr->sig.len))
		return err_set(e, ERR_INTEGRITY,
			       "the request's own signature does not verify");
	return ERR_OK;
}

static void attested_hash(const struct csr_claim *claim, uint8_t out[32])
{
	mbedtls_sha256_context sha;
	uint8_t csr_hash[32];
	int rc = 0;

	sha256(csr_hash, claim->csr, claim->csr_len);
	mbedtls_sha256_init(&sha);
	rc |= mbedtls_sha256_starts_ret(&sha, 0);
	rc |= mbedtls_sha256_update_ret(&sha, (const uint8_t *)SFI_ATTEST_LABEL,
					sizeof(SFI_ATTEST_LABEL) - 1);
	rc |= mbedtls_sha256_update_ret(&sha, claim->uid, sizeof(claim->uid));
	rc |= mbedtls_sha256_update_ret(&sha, claim->challenge,
					sizeof(claim->challenge));
	rc |= mbedtls_sha256_update_ret(&sha, csr_hash, sizeof(csr_hash));
	rc |= mbedtls_sha256_finish_ret(&sha, out);
	mbedtls_sha256_free(&sha);
	assert(rc == 0);
}

static enum err_code check_attestation(const struct csr_claim *claim,
				       struct err *e)
{
	uint8_t point[1 + CSR_ATTEST_KEY_BYTES], hash[32];
	enum err_code rc = ERR_OK;
	mbedtls_ecdsa_context key;

	mbedtls_ecdsa_init(&key);
	point[0] = 0x04; /* uncompressed, SEC 1 2.3.3 */
	memcpy(point + 1, claim->attest_key, CSR_ATTEST_KEY_BYTES);
	attested_hash(claim, hash);
	if (mbedtls_ecp_group_load(&key.grp, MBEDTLS_ECP_DP_SECP256R1) ||
	    mbedtls_ecp_point_read_binary(&key.grp, &key.Q, point,
					  sizeof(point)) ||
	    mbedtls_ecp_check_pubkey(&key.grp, &key.Q))
		rc = err_set(e, ERR_INTEGRITY,
			     "the release's attestation key is not a key");
	else if (mbedtls_ecdsa_read_signature(&key, hash, sizeof(hash),
					      claim->attestation,
					      claim->attestation_len))
		rc = err_set(e, ERR_INTEGRITY,
			     "the test program's signature does not verify");
	mbedtls_ecdsa_free(&key);
	return rc;
}

static void fill_facts(const struct csr_claim *claim, mbedtls_x509_csr *csr,
		       const char *device_id, struct csr_facts *facts)
{
	uint8_t spki[CSR_SPKI_MAX_BYTES], hash[32];
	int len = mbedtls_pk_write_pubkey_der(&csr->pk, spki, sizeof(spki));

	assert(len > 0); /* a P-256 key takes 91 bytes */
	sha256(hash, spki + sizeof(spki) - len, (size_t)len);
	hex_encode(facts->spki_sha256, hash, sizeof(hash));
	sha256(hash, claim->csr, claim->csr_len);
	hex_encode(facts->csr_sha256, hash, sizeof(hash));
	memcpy(facts->device_id, device_id, CSR_DEVICE_ID_SIZE);
}

static enum err_code check_parsed(const struct csr_claim *claim,
				  mbedtls_x509_csr *csr,
				  struct csr_facts *facts, struct err *e)
{
	char device_id[CSR_DEVICE_ID_SIZE], uid[2 * SFI_UID_BYTES + 1];
	char challenge[2 * SFI_CHALLENGE_BYTES + 1];
	enum err_code rc;

	csr_device_id(device_id, claim->uid);
	hex_encode(uid, claim->uid, SFI_UID_BYTES);
	hex_encode(challenge, claim->challenge, SFI_CHALLENGE_BYTES);
	if ((rc = check_key(csr, e)) ||
	    (rc = check_subject(csr, device_id, uid, e)) ||
	    (rc = check_challenge(csr, challenge, e)) ||
	    (rc = check_own_signature(csr, e)) ||
	    (rc = check_attestation(claim, e)))
		return rc;
	fill_facts(claim, csr, device_id, facts);
	return ERR_OK;
}

enum err_code csr_check(const struct csr_claim *claim, struct csr_facts *facts,
			struct err *e)
{
	mbedtls_x509_csr csr;
	enum err_code rc;

	if (!claim->csr || !claim->csr_len || claim->csr_len > CSR_MAX_BYTES)
		return err_set(e, ERR_MALFORMED,
			       "a request of %zu bytes; 1 to %u are possible",
			       claim->csr_len, CSR_MAX_BYTES);
	if (!claim->attestation || !claim->attestation_len ||
	    claim->attestation_len > CSR_ATTEST_MAX_BYTES)
		return err_set(e, ERR_MALFORMED, "an attestation of %zu bytes",
			       claim->attestation_len);
	mbedtls_x509_csr_init(&csr);
	if (mbedtls_x509_csr_parse_der(&csr, claim->csr, claim->csr_len) ||
	    csr.raw.len != claim->csr_len)
		rc = err_set(e, ERR_MALFORMED, "not a PKCS#10 request");
	else
		rc = check_parsed(claim, &csr, facts, e);
	mbedtls_x509_csr_free(&csr);
	return rc;
}
