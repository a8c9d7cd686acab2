#include "agent/target/stm32u5.h"

#include "agent/target/core.h"
#include "agent/target/u5_regs.h"
#include "proto/base/mono.h"
#include "proto/board/sfi.h"

#include <string.h>

#define RESET_LOW_MS   5
#define HALT_BUDGET_MS 200
#define STUB_BUDGET_MS 500

/* The stub: calls through the RSS table and stops.
 *   0: ldr r1, [pc, #4]   table address, at 8
 *   2: ldr r1, [r1, #0]   first service
 *   4: blx r1             r0 is the buffer, then the status
 *   6: bkpt #0
 *   8: the table's address */
static const uint32_t stub[] = {0x68094901u, 0xBE004788u,
				SFI_RSS_TABLE + SFI_RSS_GET_CERTIFICATE};
#define STUB_BKPT  6u
#define STUB_AT	   U5_SRAM1
#define STUB_OUT   (U5_SRAM1 + 0x100u)
#define STUB_STACK (U5_SRAM1 + 0x4000u)

uint32_t stm32u5_address(const struct stm32u5 *u, uint32_t addr)
{
	return u->secure ? addr + U5_SECURE_ALIAS : addr;
}

void stm32u5_sleep(struct stm32u5 *u, unsigned ms)
{
	mono_sleep_ms(ms);
	u->waited_ms += ms;
}

enum err_code stm32u5_connect(struct stm32u5 *u, struct err *e)
{
	enum err_code rc = adi_connect(u->adi, NULL, e);

	return rc == ERR_OK ? adi_power_up(u->adi, e) : rc;
}

static enum err_code hold_reset(struct stm32u5 *u, bool hold, struct err *e)
{
	return u->wire.ops->hold_reset(u->wire.ctx, hold, e);
}

static bool is_refusal(enum err_code rc)
{
	return rc == ERR_TARGET_FAULT || rc == ERR_TIMEOUT;
}

enum err_code stm32u5_connect_under_reset(struct stm32u5 *u, bool *halted,
					  struct err *e)
{
	enum err_code rc = hold_reset(u, true, e);
	enum err_code arm = ERR_OK;

	*halted = false;
	if (rc != ERR_OK)
		return rc;
	stm32u5_sleep(u, RESET_LOW_MS);
	rc = stm32u5_connect(u, e);
	if (rc == ERR_OK)
		arm = core_request_halt(u->adi, e);
	if (rc != ERR_OK || (arm != ERR_OK && !is_refusal(arm))) {
		(void)hold_reset(u, false, NULL);
		return rc != ERR_OK ? rc : arm;
	}
	rc = hold_reset(u, false, e);
	if (rc != ERR_OK)
		return rc;
	rc = core_request_halt(u->adi, e);
	if (rc == ERR_OK)
		rc = core_wait_halted(u->adi, HALT_BUDGET_MS, e);
	*halted = rc == ERR_OK;
	return is_refusal(rc) ? ERR_OK : rc;
}

/* ---- who is it ---- */

/* A value that a locked chip may refuse: then it is 0. */
static enum err_code read_or_zero(struct stm32u5 *u, uint32_t addr, void *out,
				  size_t len, bool *refused, struct err *e)
{
	enum err_code rc = adi_read(u->adi, addr, out, len, e);

	if (rc != ERR_TARGET_FAULT)
		return rc;
	memset(out, 0, len);
	*refused = true;
	return ERR_OK;
}

static enum err_code read_identity(struct stm32u5 *u,
				   struct target_identity *id, bool *refused,
				   struct err *e)
{
	uint32_t idcode = 0;
	uint16_t kib = 0;
	enum err_code rc = read_or_zero(u, U5_DBGMCU_IDCODE, &idcode,
					sizeof idcode, refused, e);

	id->dev_id = idcode & 0xFFFu;
	id->rev_id = idcode >> 16;
	/* another chip has other things at the addresses that follow */
	if (rc != ERR_OK || (id->dev_id != STM32U5_DEV_ID && idcode != 0))
		return rc;
	rc = read_or_zero(u, U5_FLASH + U5_FLASH_OPTR, &id->optr,
			  sizeof id->optr, refused, e);
	if (rc == ERR_OK)
		rc = read_or_zero(u, U5_UID, id->uid, sizeof id->uid, refused,
				  e);
	if (rc == ERR_OK)
		rc = read_or_zero(u, U5_FLASH_SIZE, &kib, sizeof kib, refused,
				  e);
	id->flash_kib = kib;
	id->rdp = (uint8_t)(id->optr & U5_OPTR_RDP);
	id->tzen = (id->optr & U5_OPTR_TZEN) != 0;
	return rc;
}

static enum target_lock judge_lock(const struct target_identity *id,
				   bool refused, bool halted)
{
	if (refused)
		return TARGET_LOCKED;
	if (id->dev_id != STM32U5_DEV_ID)
		return halted ? TARGET_OPEN : TARGET_LOCK_UNKNOWN;
	if (id->rdp != U5_RDP_0)
		return TARGET_LOCKED;
	return halted ? TARGET_OPEN : TARGET_LOCK_UNKNOWN;
}

enum err_code stm32u5_identify(struct stm32u5 *u, struct target_identity *id,
			       struct err *e)
{
	bool halted = false, refused = false;
	enum err_code rc;

	memset(id, 0, sizeof *id);
	id->lock = TARGET_LOCK_UNKNOWN;
	u->secure = false;
	adi_set_secure(u->adi, false);
	adi_restore_clock(u->adi);
	rc = adi_connect(u->adi, &id->dpidr, e);
	if (rc == ERR_OK)
		rc = adi_choose_clock_port(u->adi, e);
	if (rc == ERR_OK)
		rc = stm32u5_connect_under_reset(u, &halted, e);
	if (rc == ERR_TARGET_FAULT) { /* no debug power: RDP 2 or worse */
		id->lock = TARGET_LOCKED;
		return ERR_OK;
	}
	if (rc == ERR_OK)
		rc = read_identity(u, id, &refused, e);
	if (rc != ERR_OK)
		return rc;
	id->lock = judge_lock(id, refused, halted);
	u->secure = id->tzen && id->rdp == U5_RDP_0;
	adi_set_secure(u->adi, u->secure);
	/* halted at its first instruction: nothing in SRAM is of use yet */
	if (id->lock == TARGET_OPEN && id->dev_id == STM32U5_DEV_ID &&
	    !id->tzen)
		return adi_choose_clock_memory(u->adi, U5_SRAM1_LAST_KIB, e);
	return ERR_OK;
}

enum err_code stm32u5_same_board(struct stm32u5 *u, const uint8_t uid[12],
				 struct err *e)
{
	uint8_t now[12];
	enum err_code rc = adi_read(u->adi, U5_UID, now, sizeof now, e);

	if (rc == ERR_OK && memcmp(now, uid, sizeof now) != 0)
		rc = err_set(e, ERR_STATE,
			     "another board than the one identified is in the "
			     "harness");
	return rc;
}

/* ---- running a few instructions ---- */

static enum err_code start_stub(struct stm32u5 *u, struct err *e)
{
	enum err_code rc = adi_write(u->adi, STUB_AT, stub, sizeof stub, e);

	if (rc == ERR_OK)
		rc = core_write_register(u->adi, 0, STUB_OUT, e);
	return rc == ERR_OK ? core_start(u->adi, STUB_AT, STUB_STACK, e) : rc;
}

/* *status is r0 when the stub has come to its end. */
static enum err_code run_stub(struct stm32u5 *u, uint32_t *status,
			      struct err *e)
{
	uint32_t pc = 0;
	enum err_code rc = start_stub(u, e);

	if (rc == ERR_OK)
		rc = core_wait_halted(u->adi, STUB_BUDGET_MS, e);
	if (rc == ERR_TIMEOUT)
		(void)core_request_halt(u->adi, NULL);
	if (rc == ERR_OK)
		rc = core_read_register(u->adi, U5_REG_PC, &pc, e);
	if (rc == ERR_OK && pc != STUB_AT + STUB_BKPT)
		rc = err_set(e, ERR_INTEGRITY,
			     "the chip stopped at 0x%08x when asked for its "
			     "certificate",
			     (unsigned)pc);
	return rc == ERR_OK ? core_read_register(u->adi, 0, status, e) : rc;
}

enum err_code stm32u5_chip_certificate(struct stm32u5 *u, uint8_t cert[136],
				       struct err *e)
{
	uint32_t status = 0, mark = 0;
	enum err_code rc =
		adi_read32(u->adi, SFI_RSS_TABLE + SFI_RSS_MARK, &mark, e);

	/* another RSS has other things at these addresses */
	if (rc == ERR_OK && mark != SFI_RSS_MARK_VALUE)
		return err_set(e, ERR_INTEGRITY,
			       "the chip's RSS is not one that gives "
			       "certificates: 0x%08x where its mark should be",
			       (unsigned)mark);
	if (rc == ERR_OK)
		rc = run_stub(u, &status, e);
	if (rc != ERR_OK)
		return rc;
	if (status != SFI_RSS_OK)
		return err_set(e, ERR_INTEGRITY,
			       "the chip gives no certificate: status 0x%08x",
			       (unsigned)status);
	return adi_read(u->adi, STUB_OUT, cert, SFI_CHIP_CERT_BYTES, e);
}
