/* Internal flash through its secure registers: keys, page erase, quad-word
 * programming (RM0456 7.3.6, 7.3.7). The controller is locked again after
 * every call. */
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"
#include "proto/board/layout.h"

#define ERASE_BUDGET_US 250000u
#define WRITE_BUDGET_US 50000u
#define BANK_BYTES	(LAYOUT_FLASH_BYTES / 2)

const void *hal_flash(uint32_t offset)
{
	return (const void *)(uintptr_t)(LAYOUT_FLASH_S + offset);
}

static bool wait_done(uint32_t budget_us)
{
	uint32_t sr;

	if (!hal_wait_flag((uintptr_t)&FLASH_SECSR, FLASH_SR_BSY | FLASH_SR_WDW,
			   0, budget_us))
		return false;
	sr = FLASH_SECSR;
	FLASH_SECSR = FLASH_SR_ERRORS | FLASH_SR_EOP;
	return (sr & FLASH_SR_ERRORS) == 0;
}

static bool unlock(void)
{
	if (!hal_wait_flag((uintptr_t)&FLASH_SECSR, FLASH_SR_BSY, 0,
			   ERASE_BUDGET_US))
		return false;
	FLASH_SECSR = FLASH_SR_ERRORS | FLASH_SR_EOP;
	if ((FLASH_SECCR & FLASH_CR_LOCK) != 0) {
		FLASH_SECKEYR = 0x45670123u;
		FLASH_SECKEYR = 0xCDEF89ABu;
	}
	return (FLASH_SECCR & FLASH_CR_LOCK) == 0;
}

bool hal_flash_erase(uint32_t offset, uint32_t len)
{
	bool fine = unlock();

	for (uint32_t at = offset; at < offset + len && fine;
	     at += LAYOUT_PAGE_BYTES) {
		uint32_t page = at % BANK_BYTES / LAYOUT_PAGE_BYTES;
		uint32_t bank = at >= BANK_BYTES ? FLASH_CR_BKER : 0;

		FLASH_SECCR = FLASH_CR_PER | bank | page << 3;
		FLASH_SECCR = FLASH_CR_PER | bank | page << 3 | FLASH_CR_STRT;
		fine = wait_done(ERASE_BUDGET_US);
	}
	FLASH_SECCR = FLASH_CR_LOCK;
	return fine;
}

bool hal_flash_write(uint32_t offset, const void *data, uint32_t len)
{
	volatile uint32_t *to =
		(volatile uint32_t *)(uintptr_t)(LAYOUT_FLASH_S + offset);
	const uint8_t *from = data;
	bool fine = unlock();

	FLASH_SECCR = FLASH_CR_PG;
	for (; len > 0 && fine; len -= LAYOUT_QUADWORD_BYTES) {
		for (unsigned i = 0; i < 4; i++, from += 4) {
			uint32_t word;

			__builtin_memcpy(&word, from, 4);
			*to++ = word;
		}
		fine = wait_done(WRITE_BUDGET_US);
	}
	FLASH_SECCR = FLASH_CR_LOCK;
	return fine;
}
