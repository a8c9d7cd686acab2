#include "agent/target/wiring.h"

#include "agent/target/u5_regs.h"

#include <stdio.h>
#include <string.h>

#define PORT_E 4u
#define PORT_F 5u
#define PORT_I 8u

/* The OCTOSPI I/O manager stays as after reset, instance n on port n (RM0456
 * Rev 6, OCTOSPIM_PnCR); nothing has run since. */
static const struct wiring wirings[] = {
	/* Port 1 on E: STM32U585 data sheet (DS13086), table "alternate
	 * functions". */
	{.name = "bench",
	 .version_suffix = "",
	 .ospi = U5_OCTOSPI1,
	 .ospi_map = U5_OCTOSPI1_MAP,
	 .ospi_clock = U5_RCC_AHB2ENR2_OCTOSPI1,
	 .divider = 2,
	 .nor = {{PORT_E, 10, 10},
		 {PORT_E, 11, 10},
		 {PORT_E, 12, 10},
		 {PORT_E, 13, 10},
		 {PORT_E, 14, 10},
		 {PORT_E, 15, 10}}},
	/* Port 2 on F and I: b_u585i_iot02a_ospi.h of STM32CubeU5. 40 MHz,
	 * until somebody has measured the sampling point. IO4 to IO7 and DQS
	 * rest: the part wakes up in SPI mode and is left there. */
	{.name = "b-u585i-iot02a",
	 .version_suffix = "-b-u585i-iot02a",
	 .ospi = U5_OCTOSPI2,
	 .ospi_map = U5_OCTOSPI2_MAP,
	 .ospi_clock = U5_RCC_AHB2ENR2_OCTOSPI2,
	 .divider = 4,
	 .nor = {{PORT_F, 4, 5},
		 {PORT_I, 5, 5},
		 {PORT_F, 0, 5},
		 {PORT_F, 1, 5},
		 {PORT_F, 2, 5},
		 {PORT_F, 3, 5}}},
};

#define WIRINGS (sizeof wirings / sizeof wirings[0])

const struct wiring *wiring_find(const char *name)
{
	if (name == NULL)
		return &wirings[0];
	for (size_t i = 0; i < WIRINGS; i++)
		if (strcmp(wirings[i].name, name) == 0)
			return &wirings[i];
	return NULL;
}

const char *wiring_names(char *out, size_t out_size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < WIRINGS && len < out_size; i++) {
		const char *between = i + 1 < WIRINGS ? ", " : " or ";

		len += (size_t)snprintf(out + len, out_size - len, "%s%s",
					i == 0 ? "" : between, wirings[i].name);
	}
	return out;
}

static bool ends_in(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && strcmp(text + n - m, suffix) == 0;
}

/* The longest suffix decides: the reference board's is empty. */
bool wiring_has_program(const struct wiring *w, const char *version)
{
	const struct wiring *best = NULL;

	for (size_t i = 0; i < WIRINGS; i++)
		if (ends_in(version, wirings[i].version_suffix) &&
		    (best == NULL || strlen(wirings[i].version_suffix) >
					     strlen(best->version_suffix)))
			best = &wirings[i];
	return best == w;
}
