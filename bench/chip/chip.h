/* One virtual board: an STM32U585 with its SPI NOR, as seen from its pins and
 * from its debug access port. Whatever runs on it is machine code that
 * somebody put into its memory; nothing here knows what comes next.
 *
 * Modelled time is in ns since the board was powered, and advances only
 * through chip_advance(): the caller (probe, bench loop) says how much time
 * the wire or the world took, and the CPU runs for that long. NOR and flash
 * busy times, resets and timers all follow modelled time.
 *
 * Single-threaded: all calls on one chip come from one thread at a time.
 */
#ifndef BENCH_CHIP_CHIP_H
#define BENCH_CHIP_CHIP_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chip;

struct chip_config {
	uint8_t uid[12];
	uint32_t dev_id;      /* 0x482 for a U585; others for a foreign chip */
	const char *nor_part; /* "w25q64jv", "w25q128jv", "mx25lm51245g",
			       * "" for no NOR fitted */
	const char *wiring;   /* where NOR and rail hang: "bench", which NULL
			       * means too, or "b-u585i-iot02a" */
	uint8_t chip_key[32]; /* P-256 private key held by the RSS */
	uint8_t chip_cert[136];	   /* proto/board/sfi.h */
	uint64_t seed;		   /* TRNG and random faults */
	const char *const *faults; /* names out of faults.def that concern
				    * board, chip, NOR and firmware-visible
				    * peripherals; NULL-terminated */
};

/* A new, blank board, not powered. Config strings are copied. */
enum err_code chip_new(struct chip **chip, const struct chip_config *config,
		       struct err *e);
/* Are they names that chip_new() knows? */
bool chip_has_wiring(const char *name);
bool chip_has_nor_part(const char *name);
void chip_free(struct chip *chip);

/* Supply on or off. Power-on is a power-on reset: SRAM content is lost,
 * option bytes are loaded, the CPU starts from the boot address. */
void chip_power(struct chip *chip, bool on);

/* The nRST pin, true = released. */
void chip_nrst(struct chip *chip, bool released);

/* Let modelled time pass. The CPU executes what fits; a CPU that waits in a
 * poll loop is skipped forward to the next event, never past `ns`. */
void chip_advance(struct chip *chip, uint64_t ns);
uint64_t chip_now_ns(const struct chip *chip);

/* Could anything happen on this board without an outside event? False when
 * the CPU is halted, off, or polling a pin that nobody drives: the bench then
 * need not burn host time on it. */
bool chip_busy(const struct chip *chip);

/* Is the CPU in a loop that watches an input pin (GPIO IDR, EXTI pending), so
 * that only the world outside or a time-out of its own ends the wait? The bench
 * then lets time pass at the world's pace, or every time-out would come before
 * the world could answer. */
bool chip_awaits_pin(const struct chip *chip);

/* -------- provisioning UART, as pin levels (PB0 out, PE4 in) -------- */

/* Every change of PB0's level, with the modelled time at which it happened,
 * in order. Called from inside chip_advance(). Idle level is high. */
typedef void chip_pin_fn(void *arg, uint64_t at_ns, bool level);
void chip_on_pb0(struct chip *chip, chip_pin_fn *fn, void *arg);

/* PE4's level from now on; may be scheduled ahead (at_ns >= chip_now_ns). */
void chip_set_pe4(struct chip *chip, uint64_t at_ns, bool level);

/* -------- the SPI NOR's own pins -------- */

/* For a fixture that reaches them past a chip held in reset (chip_nrst), which
 * leaves them alone. CS#; true is high. at_ns does not fall. */
void chip_nor_cs(struct chip *chip, uint64_t at_ns, bool level);
/* SPI mode 0: a rising edge of SCK with `in` on DI. Returns DO as it stood
 * there. */
bool chip_nor_clock(struct chip *chip, uint64_t at_ns, bool in);

/* -------- debug access, for the DP/AP in bench/wire -------- */

enum chip_bus { CHIP_BUS_OK, CHIP_BUS_FAULT };

/* False when the DAP must not answer on the wire at all (off, RDP 2). */
bool chip_dap_alive(const struct chip *chip);

/* A transfer by the AHB-AP: size 1, 2 or 4 bytes, aligned. secure is what
 * CSW asks for; the chip decides by RDP and TZEN whether that is granted
 * (RM0456 Rev 6, debug access rules). value: bytes lane-adjusted, i.e. the
 * low `size` bytes. System control space (DHCSR, FPB, ...) is reached this way
 * too. */
enum chip_bus chip_ahb_read(struct chip *chip, uint32_t addr, unsigned size,
			    bool secure, uint32_t *value);
enum chip_bus chip_ahb_write(struct chip *chip, uint32_t addr, unsigned size,
			     bool secure, uint32_t value);

/* AP CSW status: is secure debug granted (SPIDEN), are transfers possible
 * (DeviceEn)? */
bool chip_secure_debug(const struct chip *chip);
bool chip_device_enabled(const struct chip *chip);

/* -------- for the bench's own witness, never for the agent -------- */

/* The NOR's content, NULL when none is fitted; valid until chip_free(). */
const uint8_t *chip_nor(const struct chip *chip, size_t *len);
/* Internal flash content, 2 MiB. */
const uint8_t *chip_flash(const struct chip *chip, size_t *len);
/* RDP byte, TZEN, program counter, power: for the state listing. */
void chip_describe(const struct chip *chip, char *out, size_t out_size);

/* Where modelled time went since chip_new(); account.def says what each row
 * counts. Who wants a stretch of it takes differences. */
struct chip_account {
#define CHIP_ACCOUNT(name, what) uint64_t name;
#include "bench/chip/account.def"
#undef CHIP_ACCOUNT
};
void chip_account(const struct chip *chip, struct chip_account *out);

#endif
