/* Lock-down by option bytes (RM0456 Rev 6, 3.5 and 7.4). The order is the
 * chip's: TZEN can rise at RDP 0 only, RDP 0.5 exists with TZEN only, and
 * the secure boot address is writable by secure accesses only. So two reloads:
 *
 *   TZEN = 1, reload; then, by secure transfers, boot address and RDP, reload
 *
 * A reload resets the chip; the link drops, as it should.
 */
#include "agent/target/stm32u5.h"
#include "agent/target/u5_regs.h"
#include "proto/base/log.h"
#include "proto/base/mono.h"
#include "proto/board/layout.h"

#define OPTION_BUDGET_MS 500
#define RELOAD_BUDGET_MS 1500
#define RELOAD_PAUSE_MS	 5

static uint32_t reg(const struct stm32u5 *u, uint32_t offset)
{
	return stm32u5_address(u, U5_FLASH + offset);
}

/* Write option registers that are staged in the batch. */
static enum err_code commit(struct stm32u5 *u, struct err *e)
{
	enum err_code rc;

	adi_put32(u->adi, reg(u, U5_FLASH_NSCR), U5_FLASH_CR_OPTSTRT);
	rc = adi_run(u->adi, ADI_REPEAT, e);
	if (rc == ERR_OK)
		rc = stm32u5_flash_wait(u, OPTION_BUDGET_MS, e);
	if (rc == ERR_INTEGRITY)
		rc = err_set(e, ERR_STATE, "option bytes are not accepted");
	return rc;
}

/* The write that starts the reload is answered or not, by chance. */
static enum err_code launch(struct stm32u5 *u, struct err *e)
{
	enum err_code rc;

	adi_put32(u->adi, reg(u, U5_FLASH_NSCR), U5_FLASH_CR_OBL_LAUNCH);
	rc = adi_run(u->adi, ADI_ONCE, e);
	if (rc == ERR_WIRE || rc == ERR_NO_TARGET || rc == ERR_TARGET_FAULT)
		rc = ERR_OK;
	adi_restore_clock(u->adi);
	return rc;
}

/* Connect again, as often as it takes until the chip is back, and read OPTR
 * from the side given. halt: under reset, so that no code runs meanwhile. */
static enum err_code read_optr_again(struct stm32u5 *u, bool secure, bool halt,
				     uint32_t *optr, struct err *e)
{
	struct mono deadline = mono_after_ms(RELOAD_BUDGET_MS);
	enum err_code rc;
	bool last, halted;

	u->secure = secure;
	adi_set_secure(u->adi, secure);
	do {
		last = mono_passed(deadline);
		stm32u5_sleep(u, RELOAD_PAUSE_MS);
		rc = halt ? stm32u5_connect_under_reset(u, &halted, e)
			  : stm32u5_connect(u, e);
		if (rc == ERR_OK)
			rc = adi_read32(u->adi, reg(u, U5_FLASH_OPTR), optr, e);
	} while ((rc == ERR_NO_TARGET || rc == ERR_WIRE ||
		  rc == ERR_TARGET_FAULT) &&
		 !last);
	return rc;
}

static enum err_code switch_trustzone_on(struct stm32u5 *u, uint32_t optr,
					 struct err *e)
{
	enum err_code rc = stm32u5_flash_unlock(u, true, e);

	if (rc != ERR_OK)
		return rc;
	adi_put32(u->adi, reg(u, U5_FLASH_OPTR), optr | U5_OPTR_TZEN);
	rc = commit(u, e);
	if (rc == ERR_OK)
		rc = launch(u, e);
	if (rc == ERR_OK)
		rc = read_optr_again(u, true, true, &optr, e);
	if (rc == ERR_TARGET_FAULT ||
	    (rc == ERR_OK && (optr & U5_OPTR_TZEN) == 0))
		rc = err_set(e, ERR_STATE, "TrustZone did not switch on");
	return rc;
}

static enum err_code set_rdp(struct stm32u5 *u, uint32_t optr, struct err *e)
{
	uint32_t want = (optr & ~U5_OPTR_RDP) | U5_RDP_0_5;
	enum err_code rc = stm32u5_flash_unlock(u, true, e);

	if (rc != ERR_OK)
		return rc;
	adi_put32(u->adi, reg(u, U5_FLASH_SECBOOTADD0R), LAYOUT_FLASH_S);
	adi_put32(u->adi, reg(u, U5_FLASH_OPTR), want);
	rc = commit(u, e);
	if (rc == ERR_OK)
		rc = launch(u, e);
	if (rc == ERR_OK)
		rc = read_optr_again(u, false, false, &optr, e);
	if (rc == ERR_TARGET_FAULT ||
	    (rc == ERR_OK && ((optr & U5_OPTR_RDP) != U5_RDP_0_5 ||
			      (optr & U5_OPTR_TZEN) == 0)))
		rc = err_set(e, ERR_STATE, "RDP 0.5 did not take");
	return rc;
}

static bool is_locked(uint32_t optr)
{
	return (optr & U5_OPTR_TZEN) != 0 && (optr & U5_OPTR_RDP) == U5_RDP_0_5;
}

enum err_code stm32u5_lock_down(struct stm32u5 *u, struct err *e)
{
	uint32_t optr = 0;
	enum err_code rc = adi_read32(u->adi, reg(u, U5_FLASH_OPTR), &optr, e);

	if (rc != ERR_OK)
		return rc;
	if (!is_locked(optr) && (optr & U5_OPTR_RDP) != U5_RDP_0)
		return err_set(e, ERR_STATE, "RDP is 0x%02x, not level 0",
			       (unsigned)(optr & U5_OPTR_RDP));
	if ((optr & U5_OPTR_TZEN) == 0) {
		rc = switch_trustzone_on(u, optr, e);
		optr |= U5_OPTR_TZEN;
	}
	if (rc == ERR_OK && !is_locked(optr))
		rc = set_rdp(u, optr, e);
	if (rc != ERR_OK)
		return rc;
	log_info("LOCKED_DOWN", "tzen=1 rdp=0.5");
	return u->wire.ops->hold_reset(u->wire.ctx, true, e);
}

/* ---- proof ---- */

static enum err_code try_read(struct stm32u5 *u, bool secure, uint32_t addr,
			      bool *refused, uint32_t *value, struct err *e)
{
	enum err_code rc;

	adi_set_secure(u->adi, secure);
	rc = adi_read32(u->adi, addr, value, e);
	adi_set_secure(u->adi, false);
	*refused = rc == ERR_TARGET_FAULT;
	return *refused ? ERR_OK : rc;
}

/* Locked is what refuses secure flash and secure SRAM while the non-secure
 * side still answers, and with option bytes that say so: a port that refuses
 * everything could just as well be out of order. */
enum err_code stm32u5_lock_state(struct stm32u5 *u, enum target_lock *lock,
				 struct err *e)
{
	bool no_flash = false, no_sram = false, no_optr = false;
	uint32_t optr = 0, v;
	enum err_code rc = stm32u5_connect(u, e);

	*lock = TARGET_LOCK_UNKNOWN;
	if (rc == ERR_OK)
		rc = try_read(u, false, U5_FLASH + U5_FLASH_OPTR, &no_optr,
			      &optr, e);
	if (rc == ERR_OK)
		rc = try_read(u, true, LAYOUT_FLASH_S, &no_flash, &v, e);
	if (rc == ERR_OK)
		rc = try_read(u, true, U5_SRAM1 + U5_SECURE_ALIAS, &no_sram, &v,
			      e);
	if (rc != ERR_OK)
		return rc;
	if (!no_flash || !no_sram ||
	    (!no_optr && (optr & U5_OPTR_RDP) == U5_RDP_0))
		*lock = TARGET_OPEN;
	else if (!no_optr)
		*lock = TARGET_LOCKED;
	return ERR_OK;
}
