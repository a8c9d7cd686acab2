/* The inside of bench/chip: the parts of one board and the time they share.
 * Only files of this folder include it.
 *
 * Two moments count. `now_ps` is the world's: what chip_advance() has added
 * up. The CPU's own time (cpu.h) is at most that, and lags behind it by less
 * than one translated block. board_time_ps() is whichever of the two applies to
 * the access being made. Peripherals hold no timers: each works out its state
 * from the time when it is looked at, so it must bear a time slightly older
 * than one it has seen.
 */
#ifndef BENCH_CHIP_BOARD_H
#define BENCH_CHIP_BOARD_H

#include "bench/chip/adc.h"
#include "bench/chip/chip.h"
#include "bench/chip/cpu.h"
#include "bench/chip/flash.h"
#include "bench/chip/gpio.h"
#include "bench/chip/hash.h"
#include "bench/chip/nor.h"
#include "bench/chip/nor_pins.h"
#include "bench/chip/ospi.h"
#include "bench/chip/poll.h"
#include "bench/chip/rcc.h"
#include "bench/chip/rng.h"
#include "bench/chip/scs.h"
#include "bench/chip/tim.h"
#include "bench/chip/usart.h"

#define BOARD_NEVER	   UINT64_MAX

/* RM0456 Rev 6, memory map: SRAM1, 2 and 3 are contiguous. */
#define BOARD_SRAM	   0x20000000u
#define BOARD_SRAM_BYTES   (768u << 10)
#define BOARD_SRAM2	   0x20030000u
#define BOARD_SRAM2_BYTES  (64u << 10)
#define BOARD_SRAM4	   0x28000000u
#define BOARD_SRAM4_BYTES  (16u << 10)
#define BOARD_SECURE_ALIAS 0x10000000u

/* System memory as far as it is modelled: RSS library, OTP, UID. */
#define BOARD_SYSTEM	   0x0BF90000u
#define BOARD_SYSTEM_BYTES 0x11000u

enum board_fault {
	FAULT_NOR_MISSING = 1u << 0,
	FAULT_NOR_WRONG_SIZE = 1u << 1,
	FAULT_NOR_STUCK_BUSY = 1u << 2,
	FAULT_NOR_BIT_ERROR = 1u << 3,
	FAULT_FOREIGN_CHIP = 1u << 4,
	FAULT_RDP1 = 1u << 5,
	FAULT_FLASH_WORN = 1u << 6,
	FAULT_OPTION_BYTES_STUCK = 1u << 7,
	FAULT_MODEM_FAIL = 1u << 8,
	FAULT_SIM_FAIL = 1u << 9,
	FAULT_WIFI_FAIL = 1u << 10,
	FAULT_APP_TEST_FAIL = 1u << 11,
	FAULT_FIRMWARE_HANG = 1u << 12,
	FAULT_CSR_BAD_SIGNATURE = 1u << 13,
};

/* Why the chip resets; RM0456 Rev 6, RCC_CSR. */
enum board_reset {
	RESET_POWER = 1u << 27,
	RESET_OPTIONS = 1u << 25,
	RESET_PIN = 1u << 26,
	RESET_SOFTWARE = 1u << 28,
};

/* What hangs where. Pins and alternate functions are not looked at. */
struct board_wiring {
	const char *name;
	unsigned nor_ospi;     /* 0: OCTOSPI1, 1: OCTOSPI2 */
	unsigned rail_channel; /* of ADC1 */
};

struct chip {
	const struct board_wiring *wiring;
	uint8_t uid[12];
	uint32_t dev_id;
	uint8_t key[32];
	uint8_t cert[136];
	uint64_t seed;
	unsigned faults; /* enum board_fault */

	bool powered;
	bool nrst; /* true: released */
	uint64_t now_ps;
	struct chip_account account;

	uint8_t *sram;
	uint8_t *sram4;
	uint8_t *system;

	struct cpu cpu;
	struct poll poll;
	struct scs scs;
	struct flash flash;
	struct rcc rcc;
	struct gpio gpio;
	struct tim tim[TIM_COUNT];
	struct ospi ospi[OSPI_COUNT];
	struct nor nor;
	struct nor_pins nor_pins;
	struct usart usart[USART_COUNT];
	struct adc adc;
	struct rng rng;
	struct hash hash;
};

static inline bool board_has(const struct chip *c, enum board_fault f)
{
	return c->faults & (unsigned)f;
}

/* The time of the access being made. */
uint64_t board_time_ps(const struct chip *c);

/* The access has to wait until then: the CPU loses that time. A debugger's
 * access goes through at once; the wire's clock is not ours. */
void board_stall(struct chip *c, uint64_t until_ps);

/* The next moment after t_ps at which any peripheral can change by itself;
 * BOARD_NEVER when none will. */
uint64_t board_next_event(struct chip *c, uint64_t t_ps);

/* Reset the chip, for the reason given. From code running on the CPU this
 * takes effect when the current block ends. */
void board_reset(struct chip *c, enum board_reset reason);

/* -------- protection, from the option bytes in force -------- */

enum board_rdp { RDP_0, RDP_0_5, RDP_1, RDP_2 };
enum board_rdp board_rdp(const struct chip *c);
bool board_tzen(const struct chip *c);

#endif
