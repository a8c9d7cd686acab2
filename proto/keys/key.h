/* The brand's secret keys in files: P-256 private keys as PEM, and SFI keys
 * (AES-128 key and GCM nonce, what the SFI card holds). docs/keys.md says who
 * has which, and what its loss means.
 *
 * A file is opened only when nobody but its owner has any right to it. What it
 * holds is in the clear or under a passphrase:
 *   P-256  PKCS#8 (RFC 5958); encrypted: PBES2 with scrypt (RFC 7914) and
 *          AES-256-CBC. Whatever else OpenSSL decrypts is read, too.
 *   SFI    28 raw bytes; encrypted: CMS AuthEnvelopedData (RFC 5083),
 * AES-256-GCM, a PasswordRecipientInfo (RFC 3211) with PBKDF2; PEM. Texts in
 * front of the PEM block are for people, nobody checks them.
 *
 * Errors of all readers: ERR_IO; ERR_CONFIG others have rights to the file;
 * ERR_INPUT no such key; ERR_UNAUTHORISED no passphrase, or a wrong one.
 */
#ifndef PROTO_KEYS_KEY_H
#define PROTO_KEYS_KEY_H

#include "proto/base/err.h"
#include "proto/base/secret.h"

#include <mbedtls/pk.h>
#include <stdint.h>

#define KEY_PUBLIC_BYTES	 65u /* X9.62 uncompressed P-256 */
#define KEY_SIGNATURE_BYTES	 64u /* r || s, big-endian */
#define KEY_HASH_BYTES		 32u
#define KEY_SFI_BYTES		 28u /* 16 AES-128 key, 12 GCM nonce */
#define KEY_PASSPHRASES_MAX	 4u
#define KEY_PASSPHRASE_MIN_CHARS 8
#define KEY_PASSPHRASE_MAX_CHARS 128

/* -------- passphrases -------- */

/* How the keys of one command are unlocked: each by the first passphrase that
 * fits; when there is none at all, the terminal is asked for each. Begin with
 * zeros, end with key_unlock_fini(). Readers that get NULL open only what is
 * not encrypted. */
struct key_unlock {
	struct secret passphrases[KEY_PASSPHRASES_MAX];
	unsigned count;
};

/* One more passphrase, the first line of a file that only its owner has rights
 * to, or of standard input ("-"). ERR_IO, ERR_CONFIG, ERR_USAGE (too many). */
enum err_code key_unlock_add(struct key_unlock *u, const char *path,
			     struct err *e);
void key_unlock_fini(struct key_unlock *u); /* wipes */

/* A passphrase for a new key: the one of u, or else asked twice on the
 * terminal. ERR_INPUT when it has fewer than KEY_PASSPHRASE_MIN_CHARS,
 * ERR_UNAUTHORISED without a terminal. Blocks while a person types. */
enum err_code key_passphrase_new(struct secret *s, const struct key_unlock *u,
				 const char *path, struct err *e);

/* Ask on the controlling terminal, without echo. ERR_UNAUTHORISED when there is
 * none; hint (what to give instead) goes into the error. */
enum err_code key_ask(struct secret *s, const char *prompt, const char *hint,
		      struct err *e);

/* -------- reading -------- */

/* A P-256 private key into pk (initialised by the caller, who frees it), and
 * its public key. */
enum err_code key_load(mbedtls_pk_context *pk, const char *path,
		       const struct key_unlock *u,
		       uint8_t public_key[KEY_PUBLIC_BYTES], struct err *e);

/* The caller wipes it. */
enum err_code key_load_sfi(uint8_t key[KEY_SFI_BYTES], const char *path,
			   const struct key_unlock *u, struct err *e);

/* What kind of file is this? Looks at its head only. */
enum key_file {
	KEY_FILE_PRIVATE, /* PEM with a private key, encrypted or not */
	KEY_FILE_PUBLIC,
	KEY_FILE_SFI,
};
enum err_code key_file_kind(enum key_file *kind, const char *path,
			    struct err *e);

/* -------- making -------- */

/* A new key into a file of mode 0600, whole or not at all. role ("release")
 * goes into the text in front; passphrase may be NULL. ERR_EXISTS when the file
 * is there, unless force. */
enum err_code key_create(const char *path, const char *role,
			 const struct secret *passphrase, bool force,
			 uint8_t public_key[KEY_PUBLIC_BYTES], struct err *e);
enum err_code key_create_sfi(const char *path, const struct secret *passphrase,
			     bool force, uint8_t key[KEY_SFI_BYTES],
			     struct err *e);

/* -------- using -------- */

/* ECDSA as RFC 6979 has it: the same key and hash give the same r || s. ERR_BUG
 */
enum err_code key_sign(mbedtls_pk_context *pk,
		       const uint8_t hash[KEY_HASH_BYTES],
		       uint8_t signature[KEY_SIGNATURE_BYTES], struct err *e);

/* The public key as PEM (RFC 7468); NUL-terminated. ERR_BUG. */
#define KEY_PUBLIC_PEM_BYTES 256u
enum err_code key_public_pem(char pem[KEY_PUBLIC_PEM_BYTES],
			     const uint8_t public_key[KEY_PUBLIC_BYTES],
			     struct err *e);

/* SHA-256 of the DER SubjectPublicKeyInfo, as
 * `openssl pkey -pubin -outform DER | sha256sum` prints it. */
enum err_code key_fingerprint(uint8_t out[KEY_HASH_BYTES],
			      const uint8_t public_key[KEY_PUBLIC_BYTES],
			      struct err *e);

/* Of an SFI key: proto/board/sfi.h, SFI_KEY_LABEL. It tells nothing about the
 * key but whether two are the same. */
void key_sfi_fingerprint(uint8_t out[KEY_HASH_BYTES],
			 const uint8_t key[KEY_SFI_BYTES]);

#endif
