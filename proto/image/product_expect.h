/* What a release expects of board and line, out of its product manifest
 * (product.h), in the form in which the line judges by it. Host only. */
#ifndef PROTO_IMAGE_PRODUCT_EXPECT_H
#define PROTO_IMAGE_PRODUCT_EXPECT_H

#include "proto/base/err.h"
#include "proto/image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRODUCT_LIST_MAX   32u /* entries of a list */
#define PRODUCT_LIMITS_MAX 64u
#define PRODUCT_TEXT_MAX   32u /* characters of a name or text */
#define PRODUCT_UNIT_MAX   8u  /* as TEST of proto/uart/uart.def has it */
/* of min and max, either way: exact as a double, 16 characters as text */
#define PRODUCT_LIMIT_MOST 999999999999999

struct product_limit {
	char name[PRODUCT_TEXT_MAX + 1];
	char unit[PRODUCT_UNIT_MAX + 1]; /* empty: the measurement has none */
	bool has_min, has_max;
	int64_t min, max;
};

/* All zero: nothing is expected. */
struct product_expect {
	size_t id_n; /* 0: any part will do */
	uint8_t jedec_ids[PRODUCT_LIST_MAX][3];
	char fixture[PRODUCT_TEXT_MAX + 1]; /* empty: any */
	uint32_t swclk_max_hz;		    /* 0: any */
	size_t module_n;
	char modules[PRODUCT_LIST_MAX][PRODUCT_TEXT_MAX + 1];
	size_t limit_n;
	struct product_limit limits[PRODUCT_LIMITS_MAX];
};

/* Read it through an open image's read(): the manifest against the hash that
 * the header has of it, then its text. ERR_INTEGRITY, ERR_IO; names the
 * place. */
enum err_code product_expect_read(const struct image *im,
				  struct product_expect *x, struct err *e);

#endif
