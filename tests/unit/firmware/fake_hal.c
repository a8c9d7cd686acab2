/* See fake_hal.h. Only what the portable parts under test call. */
#include "tests/unit/firmware/fake_hal.h"

#include "firmware/hal/hal.h"
#include "proto/board/layout.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

uint8_t fake_flash[LAYOUT_FLASH_BYTES] __attribute__((aligned(16)));
static int operations_left = -1;

void fake_reset(void)
{
	memset(fake_flash, 0xFF, sizeof(fake_flash));
	operations_left = -1;
}

void fake_fail_after(int operations)
{
	operations_left = operations;
}

static bool powered(void)
{
	if (operations_left == 0)
		return false;
	if (operations_left > 0)
		operations_left--;
	return true;
}

const void *hal_flash(uint32_t offset)
{
	return fake_flash + offset;
}

bool hal_flash_erase(uint32_t offset, uint32_t len)
{
	assert(offset % LAYOUT_PAGE_BYTES == 0 && len % LAYOUT_PAGE_BYTES == 0);
	for (; len > 0; len -= LAYOUT_PAGE_BYTES, offset += LAYOUT_PAGE_BYTES) {
		if (!powered())
			return false;
		memset(fake_flash + offset, 0xFF, LAYOUT_PAGE_BYTES);
	}
	return true;
}

bool hal_flash_write(uint32_t offset, const void *data, uint32_t len)
{
	const uint8_t *from = data;

	assert(offset % 16 == 0 && len % 16 == 0);
	for (; len > 0; len -= 16, offset += 16, from += 16) {
		if (!powered())
			return false;
		/* only blank quad-words can be programmed (RM0456 7.3.7) */
		for (unsigned i = 0; i < 16; i++)
			if (fake_flash[offset + i] != 0xFF)
				return false;
		memcpy(fake_flash + offset, from, 16);
	}
	return true;
}

void hal_uid(uint8_t uid[12])
{
	memcpy(uid, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", 12);
}

bool hal_random(void *out, size_t len)
{
	return getentropy(out, len) == 0;
}
