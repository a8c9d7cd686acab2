/* ECDSA's public key follows from hash and signature, but for a choice of two
 * (SEC 1 v2.0, 4.1.6). So a signature can be held against the key id beside it
 * when nobody has said whose it must be. */
#include "proto/base/openssl_names.h"

#include "proto/image/signed_by.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <string.h>

struct recovery {
	EC_GROUP *group;
	BN_CTX *ctx;
	EC_POINT *point, *key;
	BIGNUM *r, *s, *hash, *inverse;
};

static bool recovery_init(struct recovery *v, const struct image *im)
{
	v->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	v->ctx = BN_CTX_new();
	v->r = BN_bin2bn(im->signature, 32, NULL);
	v->s = BN_bin2bn(im->signature + 32, 32, NULL);
	v->hash = BN_bin2bn(im->header_sha256, IMAGE_HASH_BYTES, NULL);
	v->inverse = BN_new();
	if (!v->group || !v->ctx || !v->r || !v->s || !v->hash || !v->inverse)
		return false;
	v->point = EC_POINT_new(v->group);
	v->key = EC_POINT_new(v->group);
	return v->point && v->key;
}

static void recovery_fini(struct recovery *v)
{
	EC_POINT_free(v->key);
	EC_POINT_free(v->point);
	BN_free(v->inverse);
	BN_free(v->hash);
	BN_free(v->s);
	BN_free(v->r);
	BN_CTX_free(v->ctx);
	EC_GROUP_free(v->group);
	ERR_clear_error();
}

/* hash and s become the factors of G and R: -hash/r and s/r. */
static bool divide(struct recovery *v)
{
	const BIGNUM *n = EC_GROUP_get0_order(v->group);

	if (BN_is_zero(v->r) || BN_cmp(v->r, n) >= 0 || BN_is_zero(v->s) ||
	    BN_cmp(v->s, n) >= 0)
		return false;
	return BN_mod_inverse(v->inverse, v->r, n, v->ctx) &&
	       BN_mod_mul(v->s, v->s, v->inverse, n, v->ctx) &&
	       BN_mod_mul(v->hash, v->hash, v->inverse, n, v->ctx) &&
	       (BN_is_zero(v->hash) || BN_sub(v->hash, n, v->hash));
}

/* The key, if R's ordinate is the odd one or the even one. */
static bool key_of(struct recovery *v, int odd,
		   uint8_t key[IMAGE_PUBLIC_KEY_BYTES])
{
	return EC_POINT_set_compressed_coordinates(v->group, v->point, v->r,
						   odd, v->ctx) == 1 &&
	       EC_POINT_mul(v->group, v->key, v->hash, v->point, v->s,
			    v->ctx) == 1 &&
	       EC_POINT_point2oct(v->group, v->key,
				  POINT_CONVERSION_UNCOMPRESSED, key,
				  IMAGE_PUBLIC_KEY_BYTES,
				  v->ctx) == IMAGE_PUBLIC_KEY_BYTES;
}

bool image_signed_by_key_id(const struct image *im)
{
	uint8_t key[IMAGE_PUBLIC_KEY_BYTES], id[SHA256_DIGEST_LENGTH];
	struct recovery v = {0};
	bool found = false, fine = recovery_init(&v, im) && divide(&v);

	/* R's abscissa is r; for one signature in 2^32 it is r + n */
	for (int i = 0; i < 4 && fine && !found; i++) {
		if (i == 2 && !BN_add(v.r, v.r, EC_GROUP_get0_order(v.group)))
			break;
		if (!key_of(&v, i & 1, key))
			continue;
		SHA256(key, sizeof key, id);
		found = memcmp(id, im->key_id, IMAGE_KEY_ID_BYTES) == 0;
	}
	recovery_fini(&v);
	return found;
}
