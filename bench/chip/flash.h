/* Internal flash of the STM32U585: 2 MiB array, programming interface and
 * option bytes (RM0456 Rev 6, section 7). Bank swapping and ECC are not
 * modelled.
 */
#ifndef BENCH_CHIP_FLASH_H
#define BENCH_CHIP_FLASH_H

#include <stdbool.h>
#include <stdint.h>

struct chip;

#define FLASH_BYTES	   0x200000u
#define FLASH_PAGE_BYTES   0x2000u
#define FLASH_BANK_BYTES   0x100000u
#define FLASH_NS_BASE	   0x08000000u
#define FLASH_S_BASE	   0x0C000000u
#define FLASH_OPTR_VIRGIN  0x1FEFF8AAu
#define FLASH_OPTION_WORDS 34u /* registers 0x40..0xC4 */

/* xSR, RM0456 Rev 6, 7.9.6 */
#define FLASH_SR_EOP	   (1u << 0)
#define FLASH_SR_PROGERR   (1u << 3)
#define FLASH_SR_WRPERR	   (1u << 4)
#define FLASH_SR_PGAERR	   (1u << 5)
#define FLASH_SR_SIZERR	   (1u << 6)
#define FLASH_SR_PGSERR	   (1u << 7)
#define FLASH_SR_OPTWERR   (1u << 13)
#define FLASH_SR_BSY	   (1u << 16)
#define FLASH_SR_WDW	   (1u << 17)
#define FLASH_SR_ERRORS                                         \
	(FLASH_SR_PROGERR | FLASH_SR_WRPERR | FLASH_SR_PGAERR | \
	 FLASH_SR_SIZERR | FLASH_SR_PGSERR | FLASH_SR_OPTWERR)

/* xCR, 7.9.8 */
#define FLASH_CR_PG	 (1u << 0)
#define FLASH_CR_PER	 (1u << 1)
#define FLASH_CR_MER1	 (1u << 2)
#define FLASH_CR_BKER	 (1u << 11)
#define FLASH_CR_MER2	 (1u << 15)
#define FLASH_CR_STRT	 (1u << 16)
#define FLASH_CR_OPTSTRT (1u << 17)
#define FLASH_CR_OBL	 (1u << 27)
#define FLASH_CR_OPTLOCK (1u << 30)
#define FLASH_CR_LOCK	 (1u << 31)

/* A key register: two values in order open it, anything else shuts it until
 * the next reset. */
struct flash_lock {
	bool open;
	bool dead;
	bool half; /* the first key has come */
};

/* The two programming interfaces, non-secure and secure. */
struct flash_port {
	struct flash_lock lock;
	uint32_t cr; /* without LOCK, OPTLOCK and the start bits */
	uint32_t sr; /* EOP and error flags */
};

struct flash {
	uint8_t *data;
	struct flash_port port[2]; /* [0] non-secure, [1] secure */
	struct flash_lock option_lock;
	uint32_t acr;
	uint64_t busy_until_ps;

	/* The quad-word being collected. */
	uint32_t quad_addr;
	uint32_t quad[4];
	unsigned quad_fill;
	unsigned quad_port;

	/* Option registers 0x40..0xC4 as written, as stored, and as in force
	 * since the last load, which is what reads as well. */
	uint32_t opt_reg[FLASH_OPTION_WORDS];
	uint32_t opt_cell[FLASH_OPTION_WORDS];
	uint32_t opt_live[FLASH_OPTION_WORDS];

	bool weak_armed; /* csr-bad-signature: the weak cell was programmed */
};

/* Option registers by their offset in the register map. */
#define FLASH_OPTR	  0x40u
#define FLASH_NSBOOTADD0  0x44u
#define FLASH_NSBOOTADD1  0x48u
#define FLASH_SECBOOTADD0 0x4Cu
#define FLASH_SECWM1R1	  0x50u
#define FLASH_SECWM1R2	  0x54u
#define FLASH_WRP1AR	  0x58u
#define FLASH_WRP1BR	  0x5Cu
#define FLASH_SECWM2R1	  0x60u
#define FLASH_SECWM2R2	  0x64u
#define FLASH_WRP2AR	  0x68u
#define FLASH_WRP2BR	  0x6Cu
#define FLASH_SECBB1R1	  0x80u
#define FLASH_SECBB2R1	  0xA0u
#define FLASH_SECHDPCR	  0xC0u
#define FLASH_OPT(off)	  (((off)-0x40u) / 4u)

/* A blank array and virgin option bytes. data is FLASH_BYTES, borrowed. */
void flash_init(struct chip *c, uint8_t *data);
/* System reset: locks shut, errors gone; options are reloaded when `load`. */
void flash_reset(struct chip *c, bool load);

uint32_t flash_read_reg(struct chip *c, unsigned index, uint32_t off,
			unsigned size);
void flash_write_reg(struct chip *c, unsigned index, uint32_t off,
		     unsigned size, uint32_t value);

/* A store to the array at offset, by CPU or debugger. */
void flash_store(struct chip *c, uint32_t offset, unsigned size, uint32_t value,
		 bool secure);

/* Does TrustZone make this offset secure (watermark or block register)? */
bool flash_is_secure(const struct chip *c, uint32_t offset);
/* Is its page write-protected? */
bool flash_is_protected(const struct chip *c, uint32_t offset);

/* Belongs this register to the secure world (RM0456 Rev 6, 7.9: "secure
 * write and read access" when TZEN is set)? off as in the register map. */
bool flash_is_secure_reg(uint32_t off);

/* Erase without checks, for regression: all, or what lies outside the secure
 * watermarks in force. */
void flash_mass_erase(struct chip *c);
void flash_partial_erase(struct chip *c);
/* Mark the controller busy from now; spent_ns: the row of the account. */
void flash_busy(struct chip *c, uint64_t ns, uint64_t *spent_ns);

/* Where the CPU starts: the vector table's address. */
uint32_t flash_boot_address(const struct chip *c);
uint64_t flash_next_event(struct chip *c, uint64_t t_ps);

/* options.c: virgin values, loading, and the rules of OPTSTRT. */
void options_init(struct chip *c);
void options_load(struct chip *c);
void options_start(struct chip *c);

#endif
