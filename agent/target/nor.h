/* The board's SPI NOR: what it is, and making its content equal to an image.
 * Behind target_nor_identify(), _program() and _sha256(); a faster engine
 * takes the place of nor_program() alone.
 */
#ifndef AGENT_TARGET_NOR_H
#define AGENT_TARGET_NOR_H

#include "agent/target/octospi.h"
#include "agent/target/sfdp.h"
#include "agent/target/target.h"

#define NOR_BLOCK_BYTES 65536u

struct nor {
	struct octospi ospi;
	bool known; /* nor_identify() has been through */
	struct target_nor id;
	struct sfdp geometry;
	struct sfdp_erase sector; /* smallest erase unit, at most 64 KiB */
	struct sfdp_erase block;  /* largest that is at most 64 KiB */
	struct octospi_command read, program;
};

void nor_init(struct nor *n, struct adi *adi);
/* Another board, or the same after a reset. */
void nor_forget(struct nor *n);

enum err_code nor_identify(struct nor *n, struct err *e);
enum err_code nor_program(struct nor *n, uint64_t len, target_read_fn *read,
			  void *read_arg, target_progress_fn *progress,
			  void *progress_arg, struct target_nor_report *report,
			  struct err *e);
enum err_code nor_sha256(struct nor *n, uint64_t len, uint8_t sha256[32],
			 struct err *e);

#endif
