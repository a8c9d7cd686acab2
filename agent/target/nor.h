/* The board's SPI NOR: what it is (nor.c, by registers over SWD), and making
 * its content equal to an image (nor_program.c, with the RAM loader). Behind
 * target_nor_identify(), _program() and _sha256().
 */
#ifndef AGENT_TARGET_NOR_H
#define AGENT_TARGET_NOR_H

#include "agent/target/loader/mailbox.h"
#include "agent/target/nor_plan.h"
#include "agent/target/octospi.h"
#include "agent/target/target.h"

#define NOR_BLOCK_BYTES 65536u
#define NOR_PAGE_BYTES	256u

struct nor {
	struct octospi ospi;
	bool known; /* nor_identify() has been through */
	struct target_nor id;
	struct sfdp geometry;
	struct nor_plan_costs costs; /* erase units and times */
	struct octospi_command read; /* one line, as slow as octospi.h */
	uint8_t quad_program_opcode; /* 0: none */
	bool quad;		     /* the loader uses four lines */
};

void nor_init(struct nor *n, struct adi *adi, const struct wiring *wiring);
/* Another board, or the same after a reset. */
void nor_forget(struct nor *n);

enum err_code nor_identify(struct nor *n, struct err *e);
/* For the loader, with four lines or one by n->quad. */
struct loader_setup nor_loader_setup(const struct nor *n);
enum err_code nor_program(struct nor *n, uint64_t len, target_read_fn *read,
			  void *read_arg, target_progress_fn *progress,
			  void *progress_arg, struct target_nor_report *report,
			  struct err *e);
enum err_code nor_sha256(struct nor *n, uint64_t len, uint8_t sha256[32],
			 struct err *e);

#endif
