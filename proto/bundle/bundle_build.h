/* Builds an application bundle (bundle.h) out of a program. Host only. The
 * same input gives the same bytes when the key is a PEM file (RFC 6979) or
 * there is none; a PKCS#11 token signs with random numbers of its own. */
#ifndef PROTO_BUNDLE_BUNDLE_BUILD_H
#define PROTO_BUNDLE_BUNDLE_BUILD_H

#include "proto/bundle/bundle.h"
#include "proto/keys/key.h"

struct bundle_build {
	const char *rom_path; /* ELF, Intel HEX or raw binary, see rom.h */
	uint32_t load_address;
	/* file or PKCS#11 URI of a P-256 private key (proto/keys/signer.h);
	 * NULL: not signed */
	const char *key;
	const char *pin_path;	   /* of the key's token, or NULL */
	struct key_unlock *unlock; /* for an encrypted key; may be NULL */
	/* PEM files with P-256 public keys, or NULL */
	const char *debug_auth_path, *crash_report_path;
	/* The numbers. Keys come from the files; which policies are present
	 * follows from both, as with the vendor's bundler. */
	struct bundle_policy policy;
};

/* Append the whole bundle to out, whose maximum the caller has set. What was
 * built has been read back and checked. A token may take seconds. ERR_IO,
 * ERR_INPUT, ERR_USAGE (policies that do
 * not go together), ERR_TOO_BIG; ERR_UNAUTHORISED (the PIN), ERR_NOT_FOUND
 * (token or key). */
enum err_code bundle_build(const struct bundle_build *in, struct dbuf *out,
			   struct err *e);

/* Build and write the file as a whole; sha256 is that of the file. */
enum err_code bundle_build_file(const struct bundle_build *in, const char *path,
				uint8_t sha256[BUNDLE_HASH_BYTES],
				struct err *e);

#endif
