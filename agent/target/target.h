/* What can be done to the board in one harness, in the words of the process
 * and without a register in sight: agent/flow calls this, agent/target
 * implements it over agent/drv. One struct target belongs to one worker
 * thread. Every call blocks, within the budget stated; all return
 * ERR_PROBE_GONE when the probe is unplugged, ERR_NO_TARGET when no board
 * answers, ERR_WIRE when SWD fails after the recovery ladder, and
 * ERR_CANCELLED when target_cancel() was called. From spi-flash on: ERR_STATE
 * when the board that target_identify() saw last is not open, or is no longer
 * the one in the harness.
 */
#ifndef AGENT_TARGET_TARGET_H
#define AGENT_TARGET_TARGET_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target;

enum target_layout {
	TARGET_LAYOUT_RESISTOR,	    /* TDI tied to SWDIO through a resistor */
	TARGET_LAYOUT_OUTPUT_ENABLE /* SWDIO buffer that AD5 enables (high) */
};

struct target_config {
	const char *probe_serial; /* USB serial of the FT2232H */
	enum target_layout layout;
	uint32_t swd_hz; /* ceiling; 0 for the probe's maximum */
	uint32_t uart_baud;
	const char *wiring; /* of the boards: wiring.h; NULL: reference board */
};

/* Probe channel A and B. Strings are copied. ERR_CONFIG for a wiring that
 * nobody knows. 3 s. */
enum err_code target_open(struct target **t, const struct target_config *c,
			  struct err *e);
void target_close(struct target *t);

/* Between boards: no SWD clock above max_hz, nor above swd_hz of the
 * configuration; 0: above the latter alone. Returns the ceiling that holds
 * from now on, 0 for the probe's maximum. Nothing is sent. */
uint32_t target_limit_clock(struct target *t, uint32_t max_hz);

/* From any thread: the call in progress, and every later one until
 * target_resume(), returns ERR_CANCELLED soon. */
void target_cancel(struct target *t);
void target_resume(struct target *t);

/* The stack light on the harness (FT2232H channel A, ACBUS0 red, ACBUS1
 * yellow, ACBUS2 green; high is lit). */
enum target_light {
	TARGET_LIGHT_OFF,
	TARGET_LIGHT_BUSY,  /* yellow */
	TARGET_LIGHT_PASS,  /* green */
	TARGET_LIGHT_FAIL,  /* red */
	TARGET_LIGHT_RETRY, /* red and yellow: insert the same board again */
};
enum err_code target_light(struct target *t, enum target_light light,
			   struct err *e);

/* What the harness has cost since target_open(), for the account of an attempt
 * (docs/time-account.md): who wants a stretch of it takes differences. */
struct target_counts {
	uint64_t swclk_clocks, wire_ns;
	uint64_t usb_bytes, usb_transfers, usb_ns; /* of the SWD channel */
	uint64_t uart_bytes, uart_ns;		   /* both ways */
	uint64_t uart_wait_ns; /* in target_uart_read(), until bytes came;
				* their own time on the line taken off */
	uint64_t wait_ns;      /* slept on purpose */
};
void target_counts(const struct target *t, struct target_counts *out);

/* ---- detect ---- */

/* Is a board there now? One line reset and DPIDR read, 20 ms. Answers also
 * for a locked board. ERR_OK either way unless the probe fails. */
enum err_code target_present(struct target *t, bool *present, struct err *e);

/* ---- identify ---- */

enum target_lock { TARGET_OPEN, TARGET_LOCKED, TARGET_LOCK_UNKNOWN };

struct target_identity {
	uint32_t dpidr;
	uint32_t dev_id; /* 12 bits */
	uint32_t rev_id;
	uint8_t uid[12];
	uint32_t flash_kib;
	uint32_t optr; /* option register as read */
	uint8_t rdp;   /* its low byte */
	bool tzen;
	enum target_lock lock; /* LOCKED: what the chip refused to tell is 0;
				* a chip at RDP 0.5 or 1 still tells its
				* dev_id, and mostly uid and optr */
};

/* Connect (under reset when needed), power up the DAP, halt the core and read
 * who it is. 2 s. */
enum err_code target_identify(struct target *t, struct target_identity *id,
			      struct err *e);

/* ---- spi-flash ---- */

struct target_nor {
	uint8_t jedec_id[3]; /* manufacturer, type, capacity */
	char part[24];	     /* name, or "unknown" */
	uint64_t size_bytes; /* from SFDP, else from the JEDEC id */
};

/* ERR_NOT_FOUND when nothing answers (all 0x00 or all 0xFF). 500 ms. */
enum err_code target_nor_identify(struct target *t, struct target_nor *nor,
				  struct err *e);

/* Fetches len bytes of the image at offset into buf; called in ascending
 * order or repeatedly. Any error ends the programming with that error. */
typedef enum err_code target_read_fn(void *arg, uint64_t offset, void *buf,
				     size_t len, struct err *e);
/* May be NULL. */
typedef void target_progress_fn(void *arg, unsigned percent);

struct target_nor_report {
	uint64_t bytes_compared, bytes_erased, bytes_programmed;
	uint64_t bytes_skipped; /* were as wanted already */
	int64_t wire_ms;
	/* measured on the target by its own clock: the NOR erasing, being
	 * written to, being hashed before and after that */
	uint64_t erase_us, program_us, compare_us, verify_us;
	uint8_t sha256[32]; /* of the first len bytes of the NOR now */
};

/* Make the first len bytes of the NOR equal to the image. The target hashes
 * what it holds, block by block; of blocks that differ, sectors that differ are
 * erased unless blank and written, and the block is hashed again: no block
 * counts as done whose SHA-256, taken on the target after the last write, is
 * not the image's. Done blocks stay done when it is called again after a
 * failure. Bytes past len keep their content, save those of the last sector.
 * ERR_TIMEOUT when the NOR stays busy past its data sheet maximum,
 * ERR_INTEGRITY when a block does not become what was written to it (text
 * names the offset). */
enum err_code target_nor_program(struct target *t, uint64_t len,
				 target_read_fn *read, void *read_arg,
				 target_progress_fn *progress,
				 void *progress_arg,
				 struct target_nor_report *report,
				 struct err *e);

/* Read back, for a pre-loaded part. */
enum err_code target_nor_sha256(struct target *t, uint64_t len,
				uint8_t sha256[32], struct err *e);

/* ---- licence ---- */

/* Ask the chip's RSS for its certificate (proto/board/sfi.h) by running a
 * small stub from SRAM. 500 ms. */
enum err_code target_chip_certificate(struct target *t, uint8_t cert[136],
				      struct err *e);

/* ---- sfi-load ---- */

/* Erase the pages that [offset, offset+len) touches and program them; verify
 * by reading back. offset counts from the start of flash, page aligned.
 * ERR_INTEGRITY when the flash reports an error or reads back other bytes.
 * 20 ms a page. */
enum err_code target_flash_write(struct target *t, uint32_t offset,
				 const void *data, size_t len, struct err *e);
/* Erase only; for the boot record, identity and other leftovers. */
enum err_code target_flash_erase(struct target *t, uint32_t offset, size_t len,
				 struct err *e);

/* ---- lock-down ---- */

/* TZEN on, secure boot address to the loader, RDP 0.5, option bytes reloaded,
 * with nRST held until target_hold_reset(false). The link dropping in between
 * is how it should go. ERR_STATE when option bytes did not take. 6 s. */
enum err_code target_lock_down(struct target *t, struct err *e);

/* Does the port refuse what it must refuse now? Reconnects and tries: DPIDR
 * and the option register answer, secure memory does not. LOCK_UNKNOWN is not
 * proof. nRST, when held, is let go for as long as this takes, so the firmware
 * may have begun to run. 500 ms. */
enum err_code target_lock_state(struct target *t, enum target_lock *lock,
				struct err *e);

/* Hold or release nRST. */
enum err_code target_hold_reset(struct target *t, bool hold, struct err *e);

/* ---- provisioning UART (FT2232H channel B) ---- */

/* Up to len bytes that have arrived; waits for the first until the probe has
 * seen wait_ms of quiet line (agent/drv/uart_port.h). *got is 0 after a quiet
 * wait; that is ERR_OK. */
enum err_code target_uart_read(struct target *t, void *buf, size_t len,
			       size_t *got, int wait_ms, struct err *e);
enum err_code target_uart_write(struct target *t, const void *buf, size_t len,
				struct err *e);
/* What so many bytes take on the line. */
int64_t target_uart_us(const struct target *t, size_t len);
/* Forget what has arrived so far. */
enum err_code target_uart_flush(struct target *t, struct err *e);

#endif
