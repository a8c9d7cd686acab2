/* Inputs of an image for tests, in a folder of their own: keys, programs,
 * bundles, data, expectations. */
#ifndef TESTS_UNIT_PROTO_IMAGE_MAKER_H
#define TESTS_UNIT_PROTO_IMAGE_MAKER_H

#include "proto/image/image_build.h"

enum made {
	MADE_TEST,
	MADE_KERNEL,
	MADE_APP_TEST,
	MADE_APP,
	MADE_SFI_KEY,
	MADE_RELEASE,
	MADE_ATTEST,
	MADE_OTHER,
	MADE_APP_TEST_ZIP,
	MADE_APP_ZIP,
	MADE_DATA,
	MADE_EXPECT,
	MADE_IMAGE,
	MADE_IMAGE_2,
	MADE_COUNT
};

struct image_maker {
	char folder[32];
	char paths[MADE_COUNT][48];
	uint8_t release_public[IMAGE_PUBLIC_KEY_BYTES];
};

/* Small programs, version "1.TYPE"; the applications as bundles too. */
void image_maker_init(struct image_maker *m);
void image_maker_fini(struct image_maker *m);

/* Everything in it but data, 4 KiB alignment: small. */
struct image_build image_maker_inputs(const struct image_maker *m);

void image_maker_program(const char *path, enum layout_program type, size_t len,
			 const char *version);
/* len bytes that do not repeat; the same seed gives the same. */
void image_maker_data(const char *path, size_t len, uint64_t seed);

#endif
