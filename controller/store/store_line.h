/* Images, lots, assignments: what is to be built, by whom. All of these run
 * inside a job (store.h); those that take an actor write, apply the rules of
 * controller/line, and record what they did. */
#ifndef CONTROLLER_STORE_STORE_LINE_H
#define CONTROLLER_STORE_STORE_LINE_H

#include "controller/line/release.h"
#include "controller/store/store.h"

/* ---- images ---- */

#define STORE_IMAGE_PARTS_MAX 16

struct store_image_part {
	char type[STORE_NAME_SIZE];
	char version[STORE_NAME_SIZE];
	uint64_t len_bytes;
	char sha256[STORE_HASH_SIZE];
};

struct store_image {
	char sha256[STORE_HASH_SIZE];
	uint64_t len_bytes;
	char product[STORE_PRODUCT_SIZE];
	char version[STORE_NAME_SIZE];
	char fwid[17];
	char attestation_key[129]; /* P-256 X || Y in hex */
	char release_key_id[17];   /* as in the image; empty: before 003 */
	enum release_state state;
	int64_t imported_at, approved_at, retired_at; /* ms, 0: not yet */
	char imported_by[64], approved_by[64];	      /* store_actor.by */
	size_t parts_n;
	struct store_image_part parts[STORE_IMAGE_PARTS_MAX];
};

typedef enum err_code store_image_fn(void *arg, const struct store_image *im,
				     struct err *e);

/* The file of an image in image_dir: "DIR/SHA256.pli". out: PATH_MAX. */
void store_image_path(char *out, size_t out_size, const char *image_dir,
		      const char *sha256);

/* Its file is in place already, verified (console/upload.h). In state
 * imported, by who; times and state are set by the store. Known with the same
 * content: ERR_OK, *added false, no effect. */
enum err_code store_image_add(struct store_db *db,
			      const struct store_actor *who,
			      const struct store_image *im, bool *added,
			      struct err *e);
enum err_code store_image_get(struct store_db *db, const char *sha256,
			      struct store_image *out, struct err *e);
enum err_code store_images(struct store_db *db, store_image_fn *fn, void *arg,
			   struct err *e);

/* From imported to approved: lots may use it now. ERR_NOT_FOUND, ERR_STATE;
 * ERR_REFUSED, recorded: who imported it. */
enum err_code store_image_approve(struct store_db *db,
				  const struct store_actor *who,
				  const char *sha256, struct err *e);

/* No new lot may use it, for good; its file is kept. ERR_NOT_FOUND; ERR_STATE:
 * retired already, or a lot with it is not closed. */
enum err_code store_image_retire(struct store_db *db,
				 const struct store_actor *who,
				 const char *sha256, struct err *e);

/* ---- lots ---- */

struct store_lot_counts {
	uint64_t units; /* boards seen, permitted or not */
	uint64_t passed;
	uint64_t failed;
	uint64_t indeterminate;
	uint64_t in_progress;
	uint64_t attempts;
	uint64_t first_pass; /* units whose first attempt passed */
	uint64_t admitted;   /* units with a permit: these use up quota */
};

struct store_lot {
	char lot[STORE_NAME_SIZE];
	char product[STORE_PRODUCT_SIZE];
	char image_sha256[STORE_HASH_SIZE];
	uint64_t quantity;
	uint64_t max_attempts;
	char state[12]; /* draft, released, running, paused, closing, closed */
	int64_t created_at, started_at, closed_at; /* ms, 0: not yet */
	struct store_lot_counts counts;
	uint64_t quota_left; /* quantity - admitted */
};

typedef enum err_code store_lot_fn(void *arg, const struct store_lot *lot,
				   struct err *e);

struct store_lot_new {
	char lot[STORE_NAME_SIZE];	  /* [A-Za-z0-9._-]{1,32} */
	char product[STORE_PRODUCT_SIZE]; /* must be the image's */
	char image_sha256[STORE_HASH_SIZE];
	uint64_t quantity;     /* 1..1000000 */
	uint64_t max_attempts; /* 1..10 */
};

/* In state released: one person's line. ERR_EXISTS, ERR_INPUT, ERR_NOT_FOUND
 * (image), ERR_CONFLICT (product is not the image's), ERR_STATE (image not
 * approved). */
enum err_code store_lot_create(struct store_db *db,
			       const struct store_actor *who,
			       const struct store_lot_new *lot, struct err *e);

/* Each: ERR_NOT_FOUND; ERR_STATE when the lot's state does not allow it. */
enum err_code store_lot_start(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      struct err *e);
enum err_code store_lot_pause(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      struct err *e);
enum err_code store_lot_resume(struct store_db *db,
			       const struct store_actor *who, const char *lot,
			       struct err *e);

/* spooled: results that stations of this lot still hold, as their last
 * heartbeat said (console_live.stations). ERR_STATE names everything that is
 * missing: units in progress, spooled results, gaps of the ledger. On success
 * the lot's harnesses are unassigned. */
enum err_code store_lot_close(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      uint64_t spooled, struct err *e);

enum err_code store_lot_get(struct store_db *db, const char *lot,
			    struct store_lot *out, struct err *e);
enum err_code store_lots(struct store_db *db, store_lot_fn *fn, void *arg,
			 struct err *e);

/* ---- assignments ---- */

struct store_assignment {
	char station[STORE_NAME_SIZE];
	char harness[STORE_NAME_SIZE]; /* empty: every one of the station */
	char lot[STORE_NAME_SIZE];
	char lot_state[12];
	char product[STORE_PRODUCT_SIZE];
	char image_sha256[STORE_HASH_SIZE];
	uint64_t image_len;
	char fwid[17];
};

typedef enum err_code store_assignment_fn(void *arg,
					  const struct store_assignment *as,
					  struct err *e);

/* lot "" takes the assignment away; harness "" means all of the station and
 * replaces what single harnesses had. ERR_NOT_FOUND (station, lot), ERR_STATE
 * (station revoked, lot closed). */
enum err_code store_assign(struct store_db *db, const struct store_actor *who,
			   const char *lot, const char *station,
			   const char *harness, struct err *e);

/* station NULL: all. The row for one harness wins over that for all. */
enum err_code store_assignments(struct store_db *db, const char *station,
				store_assignment_fn *fn, void *arg,
				struct err *e);

#endif
