/* mbedTLS 2.28's own CSR writer knows no challengePassword, so the request is
 * put together with its ASN.1 writer, back to front as that works. */
#include "firmware/test/csr.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <string.h>

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define SET	 (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET)
#define CONTEXT0 (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED)

/* X.520 6.2.2 and 6.2.9, PKCS #9 5.4.1, RFC 5480 2.1.1, RFC 5758 3.2 */
static const char oid_cn[] = "\x55\x04\x03";
static const char oid_serial[] = "\x55\x04\x05";
static const char oid_challenge[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07";
static const char oid_ec_key[] = "\x2a\x86\x48\xce\x3d\x02\x01";
static const char oid_p256[] = "\x2a\x86\x48\xce\x3d\x03\x01\x07";
static const char oid_ecdsa_sha256[] = "\x2a\x86\x48\xce\x3d\x04\x03\x02";

/* Where writing has got to: from `at` to the buffer's end is done. `fine`
 * turns false for good when something does not fit. */
struct der {
	unsigned char *start, *at, *end;
	bool fine;
};

static void took(struct der *d, int ret)
{
	if (ret < 0)
		d->fine = false;
}

static void put_raw(struct der *d, const void *bytes, size_t len)
{
	took(d, mbedtls_asn1_write_raw_buffer(&d->at, d->start, bytes, len));
}

/* Put a tag and a length before everything written since `since`. */
static void wrap(struct der *d, const unsigned char *since, int tag)
{
	took(d,
	     mbedtls_asn1_write_len(&d->at, d->start, (size_t)(since - d->at)));
	took(d, mbedtls_asn1_write_tag(&d->at, d->start, (unsigned char)tag));
}

static void put_tagged(struct der *d, int tag, const void *bytes, size_t len)
{
	const unsigned char *since = d->at;

	put_raw(d, bytes, len);
	wrap(d, since, tag);
}

static void put_bits(struct der *d, const void *bytes, size_t len)
{
	took(d, mbedtls_asn1_write_bitstring(&d->at, d->start, bytes, len * 8));
}

#define put_oid(d, oid) put_tagged(d, MBEDTLS_ASN1_OID, oid, sizeof(oid) - 1)

static void put_hex(struct der *d, const uint8_t *bytes, size_t len)
{
	char text[2 * SFI_CHALLENGE_BYTES];

	for (size_t i = 0; i < len; i++) {
		text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15u];
	}
	put_tagged(d, MBEDTLS_ASN1_PRINTABLE_STRING, text, 2 * len);
}

static void put_attributes(struct der *d, const uint8_t *challenge)
{
	const unsigned char *since = d->at;

	put_hex(d, challenge, SFI_CHALLENGE_BYTES);
	wrap(d, since, SET);
	put_oid(d, oid_challenge);
	wrap(d, since, SEQUENCE);
	wrap(d, since, CONTEXT0);
}

static void put_public_key(struct der *d, const struct identity *id)
{
	const unsigned char *since = d->at, *algorithm;

	put_bits(d, id->public_key, sizeof(id->public_key));
	algorithm = d->at;
	put_oid(d, oid_p256);
	put_oid(d, oid_ec_key);
	wrap(d, algorithm, SEQUENCE);
	wrap(d, since, SEQUENCE);
}

static void put_subject(struct der *d, const struct identity *id)
{
	const unsigned char *since = d->at, *name;

	put_hex(d, id->uid, sizeof(id->uid));
	put_oid(d, oid_serial);
	wrap(d, since, SEQUENCE);
	wrap(d, since, SET);
	name = d->at;
	put_tagged(d, MBEDTLS_ASN1_UTF8_STRING, id->device_id,
		   strlen(id->device_id));
	put_oid(d, oid_cn);
	wrap(d, name, SEQUENCE);
	wrap(d, name, SET);
	wrap(d, since, SEQUENCE);
}

/* CertificationRequestInfo, RFC 2986 4.1 */
static void put_info(struct der *d, const struct identity *id,
		     const uint8_t *challenge)
{
	const unsigned char *since = d->at;

	put_attributes(d, challenge);
	put_public_key(d, id);
	put_subject(d, id);
	took(d, mbedtls_asn1_write_int(&d->at, d->start, 0));
	wrap(d, since, SEQUENCE);
}

size_t csr_write(struct identity *id,
		 const uint8_t challenge[SFI_CHALLENGE_BYTES],
		 identity_rng_fn *rng, void *arg, uint8_t out[CSR_MAX_BYTES])
{
	uint8_t info[CSR_MAX_BYTES], whole[CSR_MAX_BYTES], hash[32];
	uint8_t signature[72];
	struct der i = {info, info + sizeof(info), info + sizeof(info), true};
	struct der w = {whole, whole + sizeof(whole), whole + sizeof(whole),
			true};
	const unsigned char *algorithm;
	size_t len;

	put_info(&i, id, challenge);
	mbedtls_sha256_ret(i.at, (size_t)(i.end - i.at), hash, 0);
	len = identity_sign(&id->group, &id->key, hash, rng, arg, signature);
	if (!i.fine || len == 0)
		return 0;
	put_bits(&w, signature, len);
	algorithm = w.at;
	put_oid(&w, oid_ecdsa_sha256);
	wrap(&w, algorithm, SEQUENCE);
	put_raw(&w, i.at, (size_t)(i.end - i.at));
	wrap(&w, w.end, SEQUENCE);
	if (!w.fine)
		return 0;
	len = (size_t)(w.end - w.at);
	memcpy(out, w.at, len);
	return len;
}

static void attest_hash(const struct identity *id, const uint8_t *challenge,
			const uint8_t *csr, size_t csr_len, uint8_t out[32])
{
	mbedtls_sha256_context sha;
	uint8_t csr_hash[32];

	mbedtls_sha256_ret(csr, csr_len, csr_hash, 0);
	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, (const uint8_t *)SFI_ATTEST_LABEL,
				  sizeof(SFI_ATTEST_LABEL) - 1);
	mbedtls_sha256_update_ret(&sha, id->uid, sizeof(id->uid));
	mbedtls_sha256_update_ret(&sha, challenge, SFI_CHALLENGE_BYTES);
	mbedtls_sha256_update_ret(&sha, csr_hash, sizeof(csr_hash));
	mbedtls_sha256_finish_ret(&sha, out);
	mbedtls_sha256_free(&sha);
}

size_t csr_attest(struct identity *id, const uint8_t key[32],
		  const uint8_t challenge[SFI_CHALLENGE_BYTES],
		  const uint8_t *csr, size_t csr_len, identity_rng_fn *rng,
		  void *arg, uint8_t out[72])
{
	mbedtls_mpi d;
	uint8_t hash[32];
	size_t len = 0;

	attest_hash(id, challenge, csr, csr_len, hash);
	mbedtls_mpi_init(&d);
	if (mbedtls_mpi_read_binary(&d, key, 32) == 0 &&
	    mbedtls_ecp_check_privkey(&id->group, &d) == 0)
		len = identity_sign(&id->group, &d, hash, rng, arg, out);
	mbedtls_mpi_free(&d);
	return len;
}
