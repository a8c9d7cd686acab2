/* Two releases side by side: what changed, and what a line rewrites that has
 * the old one in its SPI flash and gets the new one. Host only. */
#ifndef PROTO_IMAGE_COMPARE_H
#define PROTO_IMAGE_COMPARE_H

#include "proto/image/image_file.h"

/* The header and every part of either image. */
#define COMPARE_ROWS_MAX (2 * IMAGE_PART_SLOTS + 1)

enum compare_state {
	COMPARE_SAME,
	COMPARE_MOVED,	 /* same bytes elsewhere */
	COMPARE_REKEYED, /* same program, encrypted anew */
	COMPARE_CHANGED,
	COMPARE_NEW,
	COMPARE_GONE,
};
const char *compare_state_name(enum compare_state state);

/* What has to be written: blocks of 64 KiB and sectors of 4 KiB in which any
 * byte differs, the sectors of these that must be erased first (some bit goes
 * from 0 to 1), and the bytes that differ. */
struct compare_cost {
	uint32_t blocks, sectors, erased, bytes;
};

struct compare_row {
	uint32_t type;				 /* 0: the header */
	const struct image_part *before, *after; /* NULL: not there */
	enum compare_state state;
	struct compare_cost cost; /* padding behind it included */
};

struct comparison {
	struct compare_row rows[COMPARE_ROWS_MAX];
	unsigned count;
	/* a block that two parts share counts once */
	struct compare_cost all;
	uint32_t blocks, sectors, header_bytes; /* of the new image */
};

/* Both opened and verified. Behind the old image the flash is taken to be
 * blank; behind the new one nothing is rewritten. ERR_IO */
enum err_code image_compare(struct image_file *before, struct image_file *after,
			    struct comparison *c, struct err *e);

/* Which release is older: < 0 when a is, > 0 when b is. Runs of digits count
 * as numbers, letters by their codes; "1.2" is older than "1.2.1", "1.2-rc1"
 * and "1.2~rc1" are older than "1.2"; what follows "+" does not count. */
int image_version_compare(const char *a, const char *b);

/* Is `after` a release of the same product and not older than `before`, as a
 * whole and in each program? ERR_INTEGRITY names what is older and where. */
enum err_code image_not_older(const struct image *after,
			      const struct image *before, struct err *e);
/* The same with the release's version alone. */
enum err_code image_not_older_than(const struct image *after,
				   const char *version, struct err *e);

#endif
