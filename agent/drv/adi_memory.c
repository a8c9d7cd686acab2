/* Single accesses, byte ranges, polling: each a batch of its own. */
#include "agent/drv/adi_private.h"

#include <string.h>

enum err_code adi_read32(struct adi *a, uint32_t addr, uint32_t *value,
			 struct err *e)
{
	adi_get32(a, addr, value);
	return adi_run(a, ADI_REPEAT, e);
}

enum err_code adi_write32(struct adi *a, uint32_t addr, uint32_t value,
			  struct err *e)
{
	adi_put32(a, addr, value);
	return adi_run(a, ADI_REPEAT, e);
}

/* Narrow data travel on their byte lane (C2.2.6). */
static enum err_code read_byte(struct adi *a, uint32_t addr, uint8_t *value,
			       struct err *e)
{
	uint32_t raw = 0;
	enum err_code rc;

	adi_queue_get(a, addr, CSW_SIZE_8, false, &raw);
	rc = adi_run(a, ADI_REPEAT, e);
	*value = (uint8_t)(raw >> 8 * (addr & 3u));
	return rc;
}

static enum err_code write_byte(struct adi *a, uint32_t addr, uint8_t value,
				struct err *e)
{
	adi_queue_put(a, addr, CSW_SIZE_8, false,
		      (uint32_t)value << 8 * (addr & 3u));
	return adi_run(a, ADI_REPEAT, e);
}

/* How much of [addr, addr + len) the next step takes: 1 byte, or words. */
static size_t step_len(uint32_t addr, size_t len)
{
	size_t max = CHUNK_WORDS * 4u;

	if (addr % 4 != 0 || len < 4)
		return 1;
	return len > max ? max : len - len % 4;
}

enum err_code adi_read(struct adi *a, uint32_t addr, void *buf, size_t len,
		       struct err *e)
{
	uint32_t words[CHUNK_WORDS];
	uint8_t *p = buf;

	while (len > 0) {
		size_t n = step_len(addr, len);
		enum err_code rc;

		if (n == 1) {
			rc = read_byte(a, addr, (uint8_t *)words, e);
		} else {
			adi_get32_block(a, addr, words, n / 4);
			rc = adi_run(a, ADI_REPEAT, e);
		}
		if (rc != ERR_OK)
			return rc;
		memcpy(p, words, n);
		p += n;
		addr += (uint32_t)n;
		len -= n;
	}
	return ERR_OK;
}

enum err_code adi_write(struct adi *a, uint32_t addr, const void *buf,
			size_t len, struct err *e)
{
	uint32_t words[CHUNK_WORDS];
	const uint8_t *p = buf;
	enum err_code rc = ERR_OK;

	while (len > 0 && rc == ERR_OK) {
		size_t n = step_len(addr, len);

		if (n == 1) {
			rc = write_byte(a, addr, *p, e);
		} else {
			memcpy(words, p, n);
			adi_stream32(a, addr, words, n / 4);
			rc = adi_run(a, ADI_REPEAT, e);
		}
		p += n;
		addr += (uint32_t)n;
		len -= n;
	}
	return rc;
}

enum err_code adi_wait32(struct adi *a, uint32_t addr, uint32_t mask,
			 uint32_t want, int budget_ms, uint32_t *value,
			 struct err *e)
{
	struct mono deadline = mono_after_ms(budget_ms);
	uint32_t v = 0;
	bool last;

	do {
		enum err_code rc;

		last = mono_passed(deadline);
		rc = adi_read32(a, addr, &v, e);
		if (value != NULL)
			*value = v;
		if (rc != ERR_OK || (v & mask) == want)
			return rc;
	} while (!last);
	return err_set(e, ERR_TIMEOUT,
		       "0x%08x stays 0x%08x for more than %d ms",
		       (unsigned)addr, (unsigned)v, budget_ms);
}
