#include "bench/chip/rss.h"

#include "bench/chip/board.h"
#include "bench/sfi/sfi.h"

#include <string.h>

#define UID_ADDR	 0x0BFA0700u
#define FLASH_SIZE_ADDR	 0x0BFA07A0u
#define PACKAGE_ADDR	 0x0BFA0500u
#define OTP_ADDR	 0x0BFA0000u
#define OTP_BYTES	 512u
#define BX_LR		 0x4770u
#define PACKAGE_UFBGA169 0x0Bu

static void put(struct chip *c, uint32_t addr, const void *data, size_t len)
{
	memcpy(c->system + (addr - BOARD_SYSTEM), data, len);
}

void rss_init(struct chip *c)
{
	const uint32_t table[3] = {RSS_ENTRY_CERTIFICATE | 1u,
				   RSS_ENTRY_UNWRAP | 1u, SFI_RSS_MARK_VALUE};
	const uint16_t bx_lr = BX_LR, kib = FLASH_BYTES >> 10;
	const uint32_t package = PACKAGE_UFBGA169;

	memset(c->system + (OTP_ADDR - BOARD_SYSTEM), 0xFF, OTP_BYTES);
	put(c, SFI_RSS_TABLE, table, sizeof(table));
	put(c, RSS_ENTRY_CERTIFICATE, &bx_lr, sizeof(bx_lr));
	put(c, RSS_ENTRY_UNWRAP, &bx_lr, sizeof(bx_lr));
	put(c, UID_ADDR, c->uid, sizeof(c->uid));
	put(c, FLASH_SIZE_ADDR, &kib, sizeof(kib));
	put(c, PACKAGE_ADDR, &package, sizeof(package));
}

static bool in_sram(uint32_t addr, uint32_t len)
{
	uint32_t off = (addr & ~BOARD_SECURE_ALIAS) - BOARD_SRAM;

	return off < BOARD_SRAM_BYTES && len <= BOARD_SRAM_BYTES - off;
}

static bool in_flash(uint32_t addr, uint32_t len)
{
	uint32_t off = addr >= FLASH_S_BASE ? addr - FLASH_S_BASE
					    : addr - FLASH_NS_BASE;

	return off < FLASH_BYTES && len <= FLASH_BYTES - off;
}

static uint32_t get_certificate(struct chip *c, uint32_t out)
{
	if (!in_sram(out, SFI_CHIP_CERT_BYTES))
		return SFI_RSS_ERROR;
	memcpy(cpu_memory(c, out, SFI_CHIP_CERT_BYTES), c->cert,
	       SFI_CHIP_CERT_BYTES);
	return SFI_RSS_OK;
}

static uint32_t unwrap(struct chip *c, uint32_t licence, uint32_t out)
{
	uint8_t key_nonce[SFI_KEY_NONCE_BYTES];
	enum err_code code;

	if (!board_tzen(c))
		return SFI_RSS_ERROR;
	if (!in_sram(licence, SFI_LICENCE_BYTES) &&
	    !in_flash(licence, SFI_LICENCE_BYTES))
		return SFI_RSS_ERROR;
	if (!in_sram(out, SFI_KEY_NONCE_BYTES))
		return SFI_RSS_ERROR;
	code = sfi_licence_unwrap(key_nonce,
				  cpu_memory(c, licence, SFI_LICENCE_BYTES),
				  c->key, NULL);
	if (code == ERR_OK)
		memcpy(cpu_memory(c, out, SFI_KEY_NONCE_BYTES), key_nonce,
		       sizeof(key_nonce));
	explicit_bzero(key_nonce, sizeof(key_nonce));
	return code == ERR_OK ? SFI_RSS_OK : SFI_RSS_ERROR;
}

void rss_call(struct chip *c, uint32_t addr)
{
	uint32_t r0 = cpu_reg(c, 0), r1 = cpu_reg(c, 1);

	if (addr == RSS_ENTRY_CERTIFICATE)
		cpu_set_reg(c, 0, get_certificate(c, r0));
	else if (addr == RSS_ENTRY_UNWRAP)
		cpu_set_reg(c, 0, unwrap(c, r0, r1));
}
