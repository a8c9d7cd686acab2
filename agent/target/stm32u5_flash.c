/* Internal flash from the non-secure side (RM0456 Rev 6, 7.3): 8 KiB pages,
 * quad-words of 16 bytes that can be programmed once between erases. So a page
 * whose transfer was disturbed starts over from its erase.
 */
#include "agent/target/stm32u5.h"
#include "agent/target/u5_regs.h"
#include "proto/board/layout.h"

#include <assert.h>
#include <string.h>

#define BANK_PAGES	128u
#define PAGE_WORDS	(LAYOUT_PAGE_BYTES / 4u)
#define PAGE_TRIES	4
#define UNLOCK_TRIES	3
#define ERASE_BUDGET_MS 250
#define WRITE_BUDGET_MS 50
/* Quad-word program time, typical plus slack (DS13086 Rev 9, 5.3.10: 118 us);
 * a write that comes earlier stalls the bus, which costs a WAIT. */
#define QUADWORD_US	125u

static uint32_t reg(const struct stm32u5 *u, uint32_t offset)
{
	return stm32u5_address(u, U5_FLASH + offset);
}

enum err_code stm32u5_flash_wait(struct stm32u5 *u, int budget_ms,
				 struct err *e)
{
	uint32_t sr = 0;
	enum err_code rc = adi_wait32(u->adi, reg(u, U5_FLASH_NSSR),
				      U5_FLASH_SR_BUSY, 0, budget_ms, &sr, e);

	if (rc != ERR_OK || (sr & U5_FLASH_SR_ERRORS) == 0)
		return rc;
	(void)adi_write32(u->adi, reg(u, U5_FLASH_NSSR), U5_FLASH_SR_ERRORS,
			  NULL);
	return err_set(e, ERR_INTEGRITY, "flash reports an error: NSSR 0x%08x",
		       (unsigned)sr);
}

static enum err_code give_keys(struct stm32u5 *u, uint32_t cr, bool options,
			       struct err *e)
{
	if ((cr & U5_FLASH_CR_LOCK) != 0) {
		adi_put32(u->adi, reg(u, U5_FLASH_NSKEYR), U5_FLASH_KEY1);
		adi_put32(u->adi, reg(u, U5_FLASH_NSKEYR), U5_FLASH_KEY2);
	}
	if (options && (cr & U5_FLASH_CR_OPTLOCK) != 0) {
		adi_put32(u->adi, reg(u, U5_FLASH_OPTKEYR), U5_FLASH_OPTKEY1);
		adi_put32(u->adi, reg(u, U5_FLASH_OPTKEYR), U5_FLASH_OPTKEY2);
	}
	return adi_run(u->adi, ADI_ONCE, e);
}

enum err_code stm32u5_flash_unlock(struct stm32u5 *u, bool options,
				   struct err *e)
{
	uint32_t locks =
		U5_FLASH_CR_LOCK | (options ? U5_FLASH_CR_OPTLOCK : 0u);
	uint32_t cr = 0;
	bool halted;
	enum err_code rc;

	for (int i = 0; i < UNLOCK_TRIES; i++) {
		rc = adi_read32(u->adi, reg(u, U5_FLASH_NSCR), &cr, e);
		if (rc != ERR_OK || (cr & locks) == 0)
			return rc;
		rc = give_keys(u, cr, options, e);
		if (rc == ERR_OK)
			rc = adi_read32(u->adi, reg(u, U5_FLASH_NSCR), &cr, e);
		if (rc == ERR_OK && (cr & locks) == 0)
			return ERR_OK;
		if (rc != ERR_OK && rc != ERR_WIRE && rc != ERR_TARGET_FAULT)
			return rc;
		rc = stm32u5_connect_under_reset(u, &halted, e);
		if (rc != ERR_OK)
			return rc;
	}
	return err_set(e, ERR_INTEGRITY, "flash does not unlock: NSCR 0x%08x",
		       (unsigned)cr);
}

static enum err_code lock(struct stm32u5 *u, struct err *e)
{
	return adi_write32(u->adi, reg(u, U5_FLASH_NSCR), U5_FLASH_CR_LOCK, e);
}

static enum err_code erase_page(struct stm32u5 *u, uint32_t page, struct err *e)
{
	uint32_t cr = U5_FLASH_CR_PER |
		      (page % BANK_PAGES) << U5_FLASH_CR_PNB_SHIFT |
		      (page >= BANK_PAGES ? U5_FLASH_CR_BKER : 0u);
	enum err_code rc;

	adi_put32(u->adi, reg(u, U5_FLASH_NSSR),
		  U5_FLASH_SR_ERRORS | U5_FLASH_SR_EOP);
	adi_put32(u->adi, reg(u, U5_FLASH_NSCR), cr);
	adi_put32(u->adi, reg(u, U5_FLASH_NSCR), cr | U5_FLASH_CR_STRT);
	rc = adi_run(u->adi, ADI_REPEAT, e);
	if (rc == ERR_OK)
		rc = stm32u5_flash_wait(u, ERASE_BUDGET_MS, e);
	if (rc == ERR_OK)
		rc = adi_write32(u->adi, reg(u, U5_FLASH_NSCR), 0, e);
	return rc;
}

static bool is_blank(const uint32_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (words[i] != UINT32_MAX)
			return false;
	return true;
}

/* Blank quad-words stay erased: a later entry may still be appended there. */
static enum err_code program_page(struct stm32u5 *u, uint32_t page,
				  const uint32_t words[PAGE_WORDS],
				  struct err *e)
{
	uint32_t at = LAYOUT_FLASH_NS + page * LAYOUT_PAGE_BYTES;
	enum err_code rc;

	adi_put32(u->adi, reg(u, U5_FLASH_NSCR), U5_FLASH_CR_PG);
	for (size_t i = 0; i < PAGE_WORDS; i += 4) {
		if (is_blank(words + i, 4))
			continue;
		adi_put32_block(u->adi, at + (uint32_t)i * 4, words + i, 4);
		adi_idle_us(u->adi, QUADWORD_US);
	}
	rc = adi_run(u->adi, ADI_ONCE, e);
	if (rc == ERR_OK)
		rc = stm32u5_flash_wait(u, WRITE_BUDGET_MS, e);
	if (rc == ERR_OK)
		rc = adi_write32(u->adi, reg(u, U5_FLASH_NSCR), 0, e);
	return rc;
}

static enum err_code verify_page(struct stm32u5 *u, uint32_t page,
				 const uint32_t words[PAGE_WORDS],
				 struct err *e)
{
	uint32_t at = LAYOUT_FLASH_NS + page * LAYOUT_PAGE_BYTES;
	uint32_t have[PAGE_WORDS];
	enum err_code rc = adi_read(u->adi, at, have, sizeof have, e);

	for (size_t i = 0; rc == ERR_OK && i < PAGE_WORDS; i++)
		if (have[i] != words[i])
			rc = err_set(e, ERR_INTEGRITY,
				     "flash holds 0x%08x at 0x%08x, not "
				     "0x%08x",
				     (unsigned)have[i], (unsigned)(at + 4 * i),
				     (unsigned)words[i]);
	return rc;
}

/* One page from erase to verify; words NULL: erase only. A transfer lost in
 * the middle of a quad-word leaves the write buffer waiting for the rest (WDW),
 * and nothing can be done until a reset empties it: so each new try begins with
 * one. */
static enum err_code do_page(struct stm32u5 *u, uint32_t page,
			     const uint32_t *words, struct err *e)
{
	enum err_code rc = ERR_WIRE;
	bool halted;

	for (int i = 0; i < PAGE_TRIES && rc == ERR_WIRE; i++) {
		rc = i > 0 ? stm32u5_connect_under_reset(u, &halted, e)
			   : ERR_OK;
		if (rc == ERR_OK)
			rc = stm32u5_flash_unlock(u, false, e);
		if (rc == ERR_OK)
			rc = erase_page(u, page, e);
		if (rc == ERR_OK && words != NULL)
			rc = program_page(u, page, words, e);
		if (rc == ERR_OK && words != NULL)
			rc = verify_page(u, page, words, e);
	}
	return rc;
}

static enum err_code check_range(const struct stm32u5 *u, uint32_t offset,
				 size_t len, struct err *e)
{
	if (u->secure)
		return err_set(e, ERR_STATE,
			       "TrustZone is on: flash can no longer be "
			       "written over SWD");
	if (offset % LAYOUT_PAGE_BYTES != 0 || len > LAYOUT_FLASH_BYTES ||
	    offset > LAYOUT_FLASH_BYTES - len)
		return err_set(e, ERR_INPUT,
			       "flash range 0x%x + %zu is not possible",
			       (unsigned)offset, len);
	return ERR_OK;
}

enum err_code stm32u5_flash_write(struct stm32u5 *u, uint32_t offset,
				  const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;
	uint32_t words[PAGE_WORDS];
	enum err_code rc = check_range(u, offset, len, e);

	while (len > 0 && rc == ERR_OK) {
		size_t n = len < sizeof words ? len : sizeof words;

		memset(words, 0xFF, sizeof words);
		memcpy(words, p, n);
		rc = do_page(u, offset / LAYOUT_PAGE_BYTES, words, e);
		offset += LAYOUT_PAGE_BYTES;
		p += n;
		len -= n;
	}
	return rc == ERR_OK ? lock(u, e) : rc;
}

enum err_code stm32u5_flash_erase(struct stm32u5 *u, uint32_t offset,
				  size_t len, struct err *e)
{
	uint32_t page = offset / LAYOUT_PAGE_BYTES;
	uint32_t end = (uint32_t)((offset + len + LAYOUT_PAGE_BYTES - 1) /
				  LAYOUT_PAGE_BYTES);
	enum err_code rc = check_range(u, offset, len, e);

	for (; page < end && rc == ERR_OK; page++)
		rc = do_page(u, page, NULL, e);
	return rc == ERR_OK ? lock(u, e) : rc;
}
