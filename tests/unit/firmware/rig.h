/* A virtual board without probe or agent: the debug port's registers are
 * written directly, the provisioning UART is taken from pin edges. What the
 * agent does to a board, in as few lines as possible, so that firmware can be
 * tried for itself. */
#ifndef TESTS_UNIT_FIRMWARE_RIG_H
#define TESTS_UNIT_FIRMWARE_RIG_H

#include "bench/chip/chip.h"
#include "bench/sfi/sfi.h"
#include "proto/base/dbuf.h"
#include "proto/uart/uart.h"

#include <mbedtls/pk.h>

#define RIG_EDGES 4096u

/* Which of the builds runs on which kind of board. */
struct rig_target {
	const char *programs; /* folder in the firmware's build folder, "." */
	const char *wiring, *nor_part; /* chip.h */
	uint32_t octospi;	       /* the NOR's, non-secure alias */
	unsigned octospi_clock;	       /* its bit in RCC_AHB2ENR2 */
};
extern const struct rig_target rig_bench, rig_iot02a;

struct rig {
	const struct rig_target *target;
	char folder[64];
	struct dbuf image;  /* .pli */
	struct dbuf loader; /* sfi-loader.bin */
	uint8_t key_nonce[28];
	uint8_t attest_public[65];
	mbedtls_pk_context ca;

	struct chip *chip;
	struct chip_config config;

	/* PB0: edges not decoded yet, and the byte being put together */
	struct {
		uint64_t at_ns;
		bool level;
	} edges[RIG_EDGES];
	size_t edge_count;
	bool level; /* before the first edge */
	uint64_t frame_ns;
	bool in_frame;
	struct uart_lines lines;
	uint64_t pe4_free_ns; /* PE4 is driven until then */
	unsigned flip_every;  /* damage every n-th byte to the DUT, 0: none */
	unsigned sent_bytes;
};

/* Keys, card key, image out of the firmware that has been built. */
void rig_init(struct rig *r, const struct rig_target *target);
void rig_fini(struct rig *r);

/* What may differ from a good board; all zero for a good one. */
struct rig_board {
	const char *const *faults; /* of faults.def, NULL-terminated */
	const struct dbuf *image;  /* another image */
	const char *firmware_id;   /* licence for other firmware */
	unsigned licence_flip;	   /* damage this byte of the licence, not 0 */
};
/* A new board; NOR and flash programmed, licence in place, option bytes set,
 * running from reset. NULL for a good one. */
void rig_board(struct rig *r, const struct rig_board *b);
/* Press reset, or take the supply away and bring it back. */
void rig_reset(struct rig *r);
void rig_power_cycle(struct rig *r);
void rig_board_free(struct rig *r);

/* Without running it: the steps of rig_board(). */
void rig_new(struct rig *r, const char *const *faults);
void rig_write_flash(struct rig *r, uint32_t offset, const uint8_t *data,
		     size_t len);
void rig_write_nor(struct rig *r, const uint8_t *data, size_t len);
void rig_lock(struct rig *r);
void rig_licence(struct rig *r, const char *firmware_id, uint8_t out[136]);

/* Let time pass until PB0 has carried a whole line (true, in r->lines) or
 * wait_ms are over. */
bool rig_line(struct rig *r, unsigned wait_ms);
/* Drive PE4, a little after now. */
void rig_send(struct rig *r, const char *bytes, size_t len);
uint32_t rig_ms(const struct rig *r);

#endif
