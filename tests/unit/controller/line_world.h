/* A line in a temporary database: one image, one lot, one station, for the
 * tests of the store and of what stands on it. */
#ifndef TESTS_UNIT_CONTROLLER_LINE_WORLD_H
#define TESTS_UNIT_CONTROLLER_LINE_WORLD_H

#include "controller/store/store.h"
#include "controller/store/store_access.h"
#include "controller/store/store_line.h"
#include "controller/store/store_report.h"
#include "controller/store/store_unit.h"

#define WORLD_LOT "A17"
#define WORLD_IMAGE \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct world {
	char dir[64];
	char db_path[96];
	struct store *store;
	struct store_unit_actor s1, s2; /* stations, both on the lot */
};

/* quantity 2, max_attempts 2, running, assigned to S1 and S2. */
void world_open(struct world *w);
void world_reopen(struct world *w); /* as after a restart */
void world_close(struct world *w);  /* and remove */

/* Run one writing job; the code it gave, *e filled. */
enum err_code world_run(struct world *w, store_run_fn *run, void *arg,
			struct err *e);

/* Board number n: its UID, an attempt of it, messages about it. */
void world_permit(struct msg_PERMIT_GET *m, unsigned n, unsigned attempt);
void world_licence(struct msg_LICENCE_ISSUED *m, unsigned n, unsigned attempt,
		   uint64_t fence, uint32_t counter_before);
/* A report that everything went well. */
void world_result(struct msg_RESULT *m, unsigned n, unsigned attempt,
		  const struct msg_PERMIT *p, const char *licence_id,
		  const char *cert_sha256);
/* The hash under which board n's certificate is filed here. */
void world_cert_sha256(char out[STORE_HASH_SIZE], unsigned n);

/* The jobs, with their outcome. The actor is s1 unless said otherwise. */
enum err_code world_get_permit(struct world *w,
			       const struct store_unit_actor *who,
			       const struct msg_PERMIT_GET *m,
			       struct msg_PERMIT *out, uint32_t *retry_ms);
enum err_code world_add_licence(struct world *w,
				const struct msg_LICENCE_ISSUED *m);
enum err_code world_add_certificate(struct world *w,
				    const struct store_unit_actor *who,
				    unsigned n, unsigned attempt,
				    uint64_t fence);
enum err_code world_add_result(struct world *w,
			       const struct store_unit_actor *who,
			       const struct msg_RESULT *m,
			       struct store_receipt *receipt, bool *downgraded);

/* permit, licence, certificate, result of board n; the permit's answer. */
enum err_code world_pass(struct world *w, unsigned n, unsigned attempt,
			 uint32_t counter_before, struct msg_PERMIT *permit);

#endif
