/* The STM32U585 as a chip to be provisioned: who it is, its core, its flash,
 * its option bytes. Everything goes through one struct adi; nothing here
 * knows the probe. All calls block, within the budgets stated.
 */
#ifndef AGENT_TARGET_STM32U5_H
#define AGENT_TARGET_STM32U5_H

#include "agent/drv/adi.h"
#include "agent/target/target.h"

/* -------- core and identity: stm32u5.c -------- */

#define STM32U5_DEV_ID 0x482u /* U575 and U585 */

/* What the functions below need of the harness. */
struct stm32u5 {
	struct adi *adi;
	struct swd_wire wire; /* for nRST */
	bool secure;	      /* use the secure alias: TZEN=1 at RDP 0 */
	uint64_t waited_ms;   /* slept so far, for the account */
};

/* nRST low, connect, power up, let go of nRST with the core set to halt at its
 * first instruction. *halted tells whether it did: a locked chip does not.
 * 1 s. */
enum err_code stm32u5_connect_under_reset(struct stm32u5 *u, bool *halted,
					  struct err *e);

/* Connect, power up, leave the chip running. */
enum err_code stm32u5_connect(struct stm32u5 *u, struct err *e);

/* As target_identify(); sets u->secure by what it finds. */
enum err_code stm32u5_identify(struct stm32u5 *u, struct target_identity *id,
			       struct err *e);

/* Is it still the board that told this UID? A swap between two steps must not
 * lock or write another unit. ERR_STATE when not. */
enum err_code stm32u5_same_board(struct stm32u5 *u, const uint8_t uid[12],
				 struct err *e);

/* The RSS's chip certificate, by a few instructions run from SRAM1. The core
 * must be halted and TZEN 0. */
enum err_code stm32u5_chip_certificate(struct stm32u5 *u, uint8_t cert[136],
				       struct err *e);

/* Sleep, and count it. */
void stm32u5_sleep(struct stm32u5 *u, unsigned ms);

/* Address of a peripheral or memory for the state the chip is in. */
uint32_t stm32u5_address(const struct stm32u5 *u, uint32_t addr);

/* -------- internal flash: stm32u5_flash.c -------- */

/* As target_flash_write() and target_flash_erase(). TZEN must be 0. */
enum err_code stm32u5_flash_write(struct stm32u5 *u, uint32_t offset,
				  const void *data, size_t len, struct err *e);
enum err_code stm32u5_flash_erase(struct stm32u5 *u, uint32_t offset,
				  size_t len, struct err *e);

/* Make the control register writable. A disturbed key sequence locks it until
 * the next reset (RM0456 7.3.6): then the chip is reset and it is tried
 * again. options: the option bytes as well. */
enum err_code stm32u5_flash_unlock(struct stm32u5 *u, bool options,
				   struct err *e);
/* Wait for the end of an operation; ERR_INTEGRITY when it reports an error
 * (which is cleared), ERR_TIMEOUT. */
enum err_code stm32u5_flash_wait(struct stm32u5 *u, int budget_ms,
				 struct err *e);

/* -------- option bytes: stm32u5_option.c -------- */

/* As target_lock_down(); ends with nRST low. */
enum err_code stm32u5_lock_down(struct stm32u5 *u, struct err *e);

/* As target_lock_state(). nRST must not be held. */
enum err_code stm32u5_lock_state(struct stm32u5 *u, enum target_lock *lock,
				 struct err *e);

#endif
