/* Key, certificate and signatures; see identity.h for the pages. */
#include "firmware/test/identity.h"

#include "firmware/hal/hal.h"
#include "proto/board/layout.h"

#include <mbedtls/asn1.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <string.h>

#define KEY_MAGIC  0x314b4c50u /* "PLK1" */
#define CERT_MAGIC 0x31434c50u /* "PLC1" */
#define KEY_AT	   LAYOUT_IDENTITY
#define CERT_AT	   (LAYOUT_IDENTITY + LAYOUT_PAGE_BYTES)
#define QUAD	   LAYOUT_QUADWORD_BYTES

struct key_page {
	uint32_t magic, reserved[3];
	uint8_t key[32], public_xy[64], check[32];
};

struct cert_page {
	uint32_t magic, length, reserved[2];
	uint8_t sha256[32];
	uint8_t der[IDENTITY_CERT_MAX_BYTES];
};

_Static_assert(sizeof(struct cert_page) <= LAYOUT_PAGE_BYTES, "one page");

static void sha256(const void *data, size_t len, uint8_t out[32])
{
	mbedtls_sha256_ret(data, len, out, 0);
}

void identity_device_id(char out[SFI_DEVICE_ID_CHARS + 1],
			const uint8_t uid[SFI_UID_BYTES])
{
	uint8_t in[sizeof(SFI_DEVICE_ID_LABEL) - 1 + SFI_UID_BYTES], hash[32];
	char *to = out;

	memcpy(in, SFI_DEVICE_ID_LABEL, sizeof(SFI_DEVICE_ID_LABEL) - 1);
	memcpy(in + sizeof(SFI_DEVICE_ID_LABEL) - 1, uid, SFI_UID_BYTES);
	sha256(in, sizeof(in), hash);
	*to++ = 'P';
	*to++ = 'V';
	for (unsigned i = 0; i < 16; i++) {
		*to++ = "0123456789abcdef"[hash[i] >> 4];
		*to++ = "0123456789abcdef"[hash[i] & 15u];
	}
	*to = '\0';
}

/* -------- key -------- */

static bool key_load(struct identity *id)
{
	const struct key_page *page = hal_flash(KEY_AT);
	uint8_t check[32];

	if (page->magic != KEY_MAGIC)
		return false;
	sha256(page->key, sizeof(page->key) + sizeof(page->public_xy), check);
	if (memcmp(check, page->check, sizeof(check)) != 0)
		return false;
	id->public_key[0] = 4;
	memcpy(id->public_key + 1, page->public_xy, 64);
	return mbedtls_mpi_read_binary(&id->key, page->key, 32) == 0 &&
	       mbedtls_ecp_check_privkey(&id->group, &id->key) == 0;
}

static bool key_generate(struct identity *id, identity_rng_fn *rng, void *arg)
{
	mbedtls_ecp_point q;
	size_t len;
	bool fine;

	mbedtls_ecp_point_init(&q);
	fine = mbedtls_ecp_gen_keypair(&id->group, &id->key, &q, rng, arg) ==
		       0 &&
	       mbedtls_ecp_point_write_binary(
		       &id->group, &q, MBEDTLS_ECP_PF_UNCOMPRESSED, &len,
		       id->public_key, sizeof(id->public_key)) == 0;
	mbedtls_ecp_point_free(&q);
	return fine;
}

static bool key_store(const struct identity *id)
{
	struct key_page page = {.magic = KEY_MAGIC};
	bool fine;

	memcpy(page.public_xy, id->public_key + 1, 64);
	fine = mbedtls_mpi_write_binary(&id->key, page.key, 32) == 0;
	sha256(page.key, sizeof(page.key) + sizeof(page.public_xy), page.check);
	fine = fine && hal_flash_erase(KEY_AT, LAYOUT_PAGE_BYTES) &&
	       hal_flash_write(KEY_AT + QUAD, page.key, sizeof(page) - QUAD) &&
	       hal_flash_write(KEY_AT, &page, QUAD) &&
	       memcmp(hal_flash(KEY_AT), &page, sizeof(page)) == 0;
	mbedtls_platform_zeroize(&page, sizeof(page));
	return fine;
}

bool identity_open(struct identity *id, identity_rng_fn *rng, void *arg)
{
	mbedtls_ecp_group_init(&id->group);
	mbedtls_mpi_init(&id->key);
	hal_uid(id->uid);
	identity_device_id(id->device_id, id->uid);
	if (mbedtls_ecp_group_load(&id->group, MBEDTLS_ECP_DP_SECP256R1) != 0)
		return false;
	return key_load(id) || (key_generate(id, rng, arg) && key_store(id));
}

/* -------- certificate -------- */

/* Step over one element with this tag; false when it is not there. */
static bool skip(unsigned char **p, const unsigned char *end, int tag)
{
	size_t len;

	if (mbedtls_asn1_get_tag(p, end, &len, tag) != 0)
		return false;
	*p += len;
	return true;
}

static bool enter(unsigned char **p, const unsigned char **end)
{
	size_t len;

	if (mbedtls_asn1_get_tag(p, *end, &len,
				 MBEDTLS_ASN1_CONSTRUCTED |
					 MBEDTLS_ASN1_SEQUENCE) != 0)
		return false;
	*end = *p + len;
	return true;
}

bool identity_cert_matches(const struct identity *id, const uint8_t *der,
			   size_t len)
{
	const int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
	const int version =
		MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED;
	unsigned char *p = (unsigned char *)(uintptr_t)der;
	const unsigned char *end = der + len;
	size_t key_len;

	/* RFC 5280 4.1: Certificate, TBSCertificate up to its key */
	if (!enter(&p, &end) || end != der + len || !enter(&p, &end) ||
	    !skip(&p, end, version) || !skip(&p, end, MBEDTLS_ASN1_INTEGER) ||
	    !skip(&p, end, sequence) || !skip(&p, end, sequence) ||
	    !skip(&p, end, sequence) || !skip(&p, end, sequence))
		return false;
	if (!enter(&p, &end) || !skip(&p, end, sequence) ||
	    mbedtls_asn1_get_bitstring_null(&p, end, &key_len) != 0)
		return false;
	return key_len == sizeof(id->public_key) &&
	       memcmp(p, id->public_key, key_len) == 0;
}

static bool cert_stored(const uint8_t *der, size_t len)
{
	const struct cert_page *page = hal_flash(CERT_AT);

	return page->magic == CERT_MAGIC && page->length == len &&
	       memcmp(page->der, der, len) == 0;
}

static bool cert_write(const uint8_t *der, size_t len)
{
	static struct cert_page page __attribute__((aligned(8)));
	uint32_t bytes = (uint32_t)(offsetof(struct cert_page, der) + len);

	memset(&page, 0xFF, sizeof(page));
	page.magic = CERT_MAGIC;
	page.length = (uint32_t)len;
	memset(page.reserved, 0, sizeof(page.reserved));
	sha256(der, len, page.sha256);
	memcpy(page.der, der, len);
	bytes = (bytes + QUAD - 1) & ~(QUAD - 1);
	return hal_flash_erase(CERT_AT, LAYOUT_PAGE_BYTES) &&
	       hal_flash_write(CERT_AT + QUAD, page.sha256, bytes - QUAD) &&
	       hal_flash_write(CERT_AT, &page, QUAD);
}

bool identity_cert_store(const uint8_t *der, size_t len, uint8_t out[32])
{
	const struct cert_page *page = hal_flash(CERT_AT);

	if (len == 0 || len > IDENTITY_CERT_MAX_BYTES)
		return false;
	if (!cert_stored(der, len) &&
	    (!cert_write(der, len) || !cert_stored(der, len)))
		return false;
	sha256(page->der, len, out);
	return memcmp(out, page->sha256, 32) == 0;
}

/* -------- signatures -------- */

static int write_signature(unsigned char *buf, size_t size,
			   const mbedtls_mpi *r, const mbedtls_mpi *s)
{
	unsigned char *p = buf + size;
	size_t len = 0;
	int ret;

	MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_mpi(&p, buf, s));
	MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_mpi(&p, buf, r));
	MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(&p, buf, len));
	MBEDTLS_ASN1_CHK_ADD(
		len, mbedtls_asn1_write_tag(&p, buf,
					    MBEDTLS_ASN1_CONSTRUCTED |
						    MBEDTLS_ASN1_SEQUENCE));
	return (int)len;
}

size_t identity_sign(mbedtls_ecp_group *group, const mbedtls_mpi *key,
		     const uint8_t hash[32], identity_rng_fn *rng, void *arg,
		     uint8_t out[72])
{
	uint8_t der[72];
	mbedtls_mpi r, s;
	int len = -1;

	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	if (mbedtls_ecdsa_sign_det_ext(group, &r, &s, key, hash, 32,
				       MBEDTLS_MD_SHA256, rng, arg) == 0)
		len = write_signature(der, sizeof(der), &r, &s);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	if (len < 0)
		return 0;
	memcpy(out, der + sizeof(der) - len, (size_t)len);
	return (size_t)len;
}
