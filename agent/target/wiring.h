/* Where the SPI NOR hangs, board by board: a table, of which a harness's
 * configuration names one row. What else differs between boards is the
 * firmware's (firmware/board/), which has to be the build for the same board:
 * wiring_has_program(). Pure: no wire.
 */
#ifndef AGENT_TARGET_WIRING_H
#define AGENT_TARGET_WIRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wiring_pin {
	uint8_t port; /* 0 is A */
	uint8_t pin;
	uint8_t function; /* AF0 to AF15 */
};

enum wiring_role {
	WIRING_CLK,
	WIRING_NCS,
	WIRING_IO0, /* to the NOR */
	WIRING_IO1, /* from the NOR */
	WIRING_IO2,
	WIRING_IO3,
	WIRING_ROLES
};

struct wiring {
	const char *name;
	/* What the versions of the board's programs end in. */
	const char *version_suffix;
	uint32_t ospi;	     /* its registers */
	uint32_t ospi_map;   /* its memory-mapped window */
	uint32_t ospi_clock; /* its bit in RCC_AHB2ENR2 */
	uint8_t divider;     /* of 160 MHz, while the RAM loader works */
	struct wiring_pin nor[WIRING_ROLES];
};

/* NULL: the reference board. NULL when there is no row of that name. */
const struct wiring *wiring_find(const char *name);

/* For messages: "bench or b-u585i-iot02a". */
const char *wiring_names(char *out, size_t out_size);

/* Is a program of this version one for boards wired so? */
bool wiring_has_program(const struct wiring *w, const char *version);

#endif
