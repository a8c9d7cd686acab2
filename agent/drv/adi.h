/* ADIv5.2 (Arm IHI 0031E) over an SWD wire: one SW-DP, its AP 0, an AHB-AP.
 * Memory accesses are queued into a batch and run together; results are in
 * place when adi_run() returns ERR_OK.
 *
 * Recovery. A WAIT is retried where it happened, for 250 ms without
 * progress. A
 * FAULT is looked into: a bus error that shows twice (with ADI_ONCE: once) is
 * ERR_TARGET_FAULT (text and adi_fault_address() name the address), anything
 * else is a disturbed transfer. Disturbed transfers (also wrong parity, no ACK)
 * climb a ladder: clear the sticky flags; line reset; reconnect; after three
 * rungs without progress halve the clock, down to ADI_CLOCK_MIN_HZ. Past that
 * ERR_WIRE; ERR_NO_TARGET as soon as a reconnect finds nobody.
 *
 * What is repeated after a disturbance is decided by the caller: ADI_REPEAT
 * when a write or read may reach the target twice (memory, most registers),
 * ADI_ONCE when not (FIFOs, flash words): then the link is repaired and the
 * run returns ERR_WIRE, for the caller to start over at its own level.
 */
#ifndef AGENT_DRV_ADI_H
#define AGENT_DRV_ADI_H

#include "agent/drv/swd.h"
#include "proto/base/mono.h"

#define ADI_WAIT_BUDGET_MS   250
#define ADI_CLOCK_MIN_HZ     500000u
#define ADI_REPAIR_BUDGET_MS 2000

struct adi;

enum adi_policy { ADI_REPEAT, ADI_ONCE };

/* Counts since adi_new(), for the log and the attempt's record. */
struct adi_stats {
	uint64_t transfers, waits, faults, parity_errors, no_acks;
	uint64_t line_resets, reconnects, clock_drops;
};

/* max_hz: clock ceiling. Nothing is sent. ERR_NO_MEMORY. */
enum err_code adi_new(struct adi **a, struct swd_wire wire, uint32_t max_hz,
		      struct err *e);
void adi_free(struct adi *a); /* NULL allowed */

/* Line reset with JTAG-to-SWD (B5.2.1), then the way out of dormant state
 * (B5.3.4) if that was not answered; reads DPIDR. When nobody answers it is
 * tried once more at 1 MHz, where the clock then stays. ERR_NO_TARGET. *dpidr
 * may be NULL. */
enum err_code adi_connect(struct adi *a, uint32_t *dpidr, struct err *e);

/* After adi_connect(): power up debug and system (within 100 ms), overrun
 * detection on, AP 0 selected. ERR_TARGET_FAULT when the power-up is not
 * acknowledged. */
enum err_code adi_power_up(struct adi *a, struct err *e);

/* Secure or non-secure transfers from the next run on. Starts non-secure. */
void adi_set_secure(struct adi *a, bool secure);

/* The fastest clock at which the wire is clean, found by a short test from
 * where the clock is (_memory) or from the ceiling (_port) down in
 * the steps that an FT2232H divides: 30, 15, 10, 7.5, 6 MHz ... A clock at
 * which two runs of it are disturbed is left, with a line in the log that says
 * why. Less than 2 ms when the first is clean. ERR_WIRE when none is.
 *
 * _memory: patterns written to and read from the ADI_TEST_BYTES at addr, which
 * is a multiple of that; powered up, content is lost. _port: reads of DPIDR
 * after adi_connect(), all that a locked chip allows. */
#define ADI_TEST_BYTES 1024u
enum err_code adi_choose_clock_memory(struct adi *a, uint32_t addr,
				      struct err *e);
enum err_code adi_choose_clock_port(struct adi *a, struct err *e);

/* Back to the ceiling, for a new board. */
void adi_restore_clock(struct adi *a);
/* Another ceiling than adi_new()'s, between boards: it holds from the next
 * adi_connect() on. 0: none. */
void adi_limit_clock(struct adi *a, uint32_t max_hz);
uint32_t adi_clock_hz(const struct adi *a);

/* Queue 32-bit accesses; addr is word aligned. _fifo stays at addr, _block
 * goes up from it. Values to write are copied; *value must stay valid until
 * the run. A batch that grows past 256 Ki transfers, or 1 Mi words streamed, is
 * a bug and asserts. */
void adi_put32(struct adi *a, uint32_t addr, uint32_t value);
void adi_put32_block(struct adi *a, uint32_t addr, const uint32_t *v, size_t n);
void adi_get32(struct adi *a, uint32_t addr, uint32_t *value);
void adi_get32_block(struct adi *a, uint32_t addr, uint32_t *v, size_t n);
void adi_get32_fifo(struct adi *a, uint32_t addr, uint32_t *v, size_t n);
/* As adi_put32_block(), for much data into memory (anything that may be
 * written twice, whatever the policy of the run): the ACKs are not looked at
 * one by one, but once for each KiB, which makes it 48.2 clocks and 1.51 bytes
 * of USB per payload byte where the harness has the resistor. What follows in
 * the batch reaches the board only when all words before it did. A KiB that
 * was disturbed is streamed once more and then goes word by word. */
void adi_stream32(struct adi *a, uint32_t addr, const uint32_t *v, size_t n);
/* Idle clocks behind what was queued last: time for the target to work while
 * the batch goes on. At most 100,000 us. */
void adi_idle_us(struct adi *a, uint32_t us);
/* Forget what is queued. */
void adi_drop(struct adi *a);

/* Run what is queued; the batch is empty afterwards, however it ended. */
enum err_code adi_run(struct adi *a, enum adi_policy policy, struct err *e);
/* Of the last ERR_TARGET_FAULT. */
uint32_t adi_fault_address(const struct adi *a);

/* One access, ADI_REPEAT. */
enum err_code adi_read32(struct adi *a, uint32_t addr, uint32_t *value,
			 struct err *e);
enum err_code adi_write32(struct adi *a, uint32_t addr, uint32_t value,
			  struct err *e);

/* Any address and length, by words where aligned and bytes at the ends,
 * ADI_REPEAT. */
enum err_code adi_read(struct adi *a, uint32_t addr, void *buf, size_t len,
		       struct err *e);
enum err_code adi_write(struct adi *a, uint32_t addr, const void *buf,
			size_t len, struct err *e);

/* Read addr until (value & mask) == want, at least twice, for at most
 * budget_ms. The last value is left in *value (may be NULL). ERR_TIMEOUT. */
enum err_code adi_wait32(struct adi *a, uint32_t addr, uint32_t mask,
			 uint32_t want, int budget_ms, uint32_t *value,
			 struct err *e);

void adi_stats(const struct adi *a, struct adi_stats *out);

#endif
