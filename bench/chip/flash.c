#include "bench/chip/board.h"
#include "proto/board/layout.h"

#include <string.h>

enum {
	ACR = 0x00,
	NSKEYR = 0x08,
	SECKEYR = 0x0C,
	OPTKEYR = 0x10,
	NSSR = 0x20,
	SECSR = 0x24,
	NSCR = 0x28,
	SECCR = 0x2C,
};

#define KEY1	      0x45670123u
#define KEY2	      0xCDEF89ABu
#define OPTKEY1	      0x08192A3Bu
#define OPTKEY2	      0x4C5D6E7Fu
#define CR_STORE      0x0300CBFFu /* PG PER MER1 PNB BKER BWR MER2 EOPIE ERRIE */

/* Typical times, DS13086 Rev 9, flash memory characteristics. */
#define QUADWORD_NS   118000ull
#define PAGE_ERASE_NS 1500000ull
#define BANK_ERASE_NS 195000000ull

#define NO_QUAD	      0xFFFFFFFFu

void flash_init(struct chip *c, uint8_t *data)
{
	c->flash.data = data;
	memset(data, 0xFF, FLASH_BYTES);
	options_init(c);
}

/* A cell that loses its charge: the damage of csr-bad-signature shows from
 * the next reset after it was programmed, in the test program's attestation
 * key. */
static void decay(struct chip *c)
{
	size_t off = LAYOUT_TEST + LAYOUT_HEADER_OFFSET +
		     offsetof(struct layout_program_header, attest_key) + 20u;

	if (!c->flash.weak_armed)
		return;
	c->flash.weak_armed = false;
	c->flash.data[off] ^= 0x10u;
	cpu_dirty(c, FLASH_NS_BASE + (uint32_t)off, 1);
}

static void arm_weak_cell(struct chip *c, uint32_t quad)
{
	uint32_t key =
		LAYOUT_TEST + LAYOUT_HEADER_OFFSET +
		(uint32_t)offsetof(struct layout_program_header, attest_key);

	if (board_has(c, FAULT_CSR_BAD_SIGNATURE) && quad <= key + 20u &&
	    key + 20u < quad + 16u)
		c->flash.weak_armed = true;
}

void flash_reset(struct chip *c, bool load)
{
	struct flash *f = &c->flash;

	memset(f->port, 0, sizeof(f->port));
	memset(&f->option_lock, 0, sizeof(f->option_lock));
	f->acr = 0x1;
	f->busy_until_ps = 0;
	f->quad_addr = NO_QUAD;
	f->quad_fill = 0;
	decay(c);
	if (load)
		options_load(c);
}

void flash_busy(struct chip *c, uint64_t ns, uint64_t *spent_ns)
{
	uint64_t now = board_time_ps(c);

	if (c->flash.busy_until_ps < now)
		c->flash.busy_until_ps = now;
	c->flash.busy_until_ps += ns * 1000u;
	*spent_ns += ns;
}

static bool is_busy(const struct chip *c)
{
	return board_time_ps(c) < c->flash.busy_until_ps;
}

uint64_t flash_next_event(struct chip *c, uint64_t t_ps)
{
	return c->flash.busy_until_ps > t_ps ? c->flash.busy_until_ps
					     : BOARD_NEVER;
}

/* -------- protection -------- */

static bool in_pages(uint32_t range, uint32_t page)
{
	uint32_t first = range & 0x7Fu, last = range >> 16 & 0x7Fu;

	return page >= first && page <= last;
}

static uint32_t page_in_bank(uint32_t offset)
{
	return offset % FLASH_BANK_BYTES / FLASH_PAGE_BYTES;
}

/* Block by block (SECBB) it may be more; regression looks at this alone. */
static bool is_in_watermark(const struct chip *c, uint32_t offset)
{
	bool second = offset >= FLASH_BANK_BYTES;
	uint32_t wm = c->flash.opt_live[FLASH_OPT(second ? FLASH_SECWM2R1
							 : FLASH_SECWM1R1)];

	return board_tzen(c) && in_pages(wm, page_in_bank(offset));
}

bool flash_is_secure(const struct chip *c, uint32_t offset)
{
	const struct flash *f = &c->flash;
	bool second = offset >= FLASH_BANK_BYTES;
	uint32_t page = page_in_bank(offset), bb;

	if (!board_tzen(c))
		return false;
	bb = f->opt_reg[FLASH_OPT(second ? FLASH_SECBB2R1 : FLASH_SECBB1R1) +
			page / 32];
	return is_in_watermark(c, offset) || (bb >> page % 32 & 1u);
}

bool flash_is_secure_reg(uint32_t off)
{
	return off == SECKEYR || off == SECSR || off == SECCR ||
	       off == FLASH_SECBOOTADD0 || off == FLASH_SECWM1R1 ||
	       off == FLASH_SECWM1R2 || off == FLASH_SECWM2R1 ||
	       off == FLASH_SECWM2R2 ||
	       (off >= FLASH_SECBB1R1 && off <= FLASH_SECHDPCR);
}

bool flash_is_protected(const struct chip *c, uint32_t offset)
{
	const struct flash *f = &c->flash;
	bool second = offset >= FLASH_BANK_BYTES;
	uint32_t page = page_in_bank(offset);
	unsigned a = FLASH_OPT(second ? FLASH_WRP2AR : FLASH_WRP1AR);

	return in_pages(f->opt_live[a], page) ||
	       in_pages(f->opt_live[a + 1], page);
}

/* May this interface change this offset? Sets WRPERR when not. */
static bool writable(struct chip *c, unsigned port, uint32_t offset)
{
	bool mine = flash_is_secure(c, offset) == (port == 1);

	if (mine && !flash_is_protected(c, offset))
		return true;
	c->flash.port[port].sr |= FLASH_SR_WRPERR;
	return false;
}

/* -------- programming -------- */

static bool is_blank(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0xFF)
			return false;
	return true;
}

static void program_quad(struct chip *c)
{
	struct flash *f = &c->flash;
	struct flash_port *port = &f->port[f->quad_port];
	uint8_t *at = f->data + f->quad_addr;
	static const uint32_t ZERO[4];

	f->quad_fill = 0;
	if (!writable(c, f->quad_port, f->quad_addr)) {
		f->quad_addr = NO_QUAD;
		return;
	}
	/* ECC covers the quad-word: only a blank one can be programmed, or
	 * any one to all zeros (RM0456 7.3.7). */
	if (board_has(c, FAULT_FLASH_WORN) ||
	    (!is_blank(at, 16) && memcmp(f->quad, ZERO, 16) != 0)) {
		port->sr |= FLASH_SR_PROGERR;
	} else {
		memcpy(at, f->quad, 16);
		arm_weak_cell(c, f->quad_addr);
		cpu_dirty(c, FLASH_NS_BASE + f->quad_addr, 16);
		flash_busy(c, QUADWORD_NS, &c->account.flash_ns);
		port->sr |= FLASH_SR_EOP;
	}
	f->quad_addr = NO_QUAD;
}

static uint32_t store_errors(const struct chip *c, uint32_t offset,
			     unsigned size, unsigned port)
{
	const struct flash *f = &c->flash;
	const struct flash_port *p = &f->port[port];

	if (!p->lock.open || !(p->cr & FLASH_CR_PG) ||
	    (p->cr & (FLASH_CR_PER | FLASH_CR_MER1 | FLASH_CR_MER2)) ||
	    (p->sr & FLASH_SR_ERRORS))
		return FLASH_SR_PGSERR;
	if (size != 4)
		return FLASH_SR_SIZERR;
	if (f->quad_fill == 0)
		return offset % 16 ? FLASH_SR_PGAERR : 0;
	return offset == f->quad_addr + f->quad_fill * 4u ? 0 : FLASH_SR_PGAERR;
}

void flash_store(struct chip *c, uint32_t offset, unsigned size, uint32_t value,
		 bool secure)
{
	struct flash *f = &c->flash;
	unsigned port = secure ? 1 : 0;
	uint32_t errors;

	if (offset >= FLASH_BYTES)
		return;
	if (is_busy(c))
		board_stall(c, f->busy_until_ps);
	errors = store_errors(c, offset, size, port);
	if (errors) {
		f->port[port].sr |= errors;
		f->quad_fill = 0;
		return;
	}
	if (f->quad_fill == 0) {
		f->quad_addr = offset;
		f->quad_port = port;
	}
	f->quad[f->quad_fill++] = value;
	if (f->quad_fill == 4)
		program_quad(c);
}

/* -------- erasing -------- */

static void erase(struct chip *c, unsigned port, uint32_t offset, uint32_t len)
{
	bool allowed = true;

	for (uint32_t at = offset; at < offset + len; at += FLASH_PAGE_BYTES)
		allowed = allowed && writable(c, port, at);
	if (!allowed)
		return;
	memset(c->flash.data + offset, 0xFF, len);
	c->flash.port[port].sr |= FLASH_SR_EOP;
	cpu_dirty(c, FLASH_NS_BASE + offset, len);
	flash_busy(c, len == FLASH_PAGE_BYTES ? PAGE_ERASE_NS : BANK_ERASE_NS,
		   &c->account.flash_ns);
}

void flash_mass_erase(struct chip *c)
{
	memset(c->flash.data, 0xFF, FLASH_BYTES);
	c->flash.weak_armed = false;
	cpu_dirty(c, FLASH_NS_BASE, FLASH_BYTES);
	flash_busy(c, 2 * BANK_ERASE_NS, &c->account.flash_ns);
}

void flash_partial_erase(struct chip *c)
{
	struct flash *f = &c->flash;

	for (uint32_t at = 0; at < FLASH_BYTES; at += FLASH_PAGE_BYTES)
		if (!is_in_watermark(c, at))
			memset(f->data + at, 0xFF, FLASH_PAGE_BYTES);
	if (!is_in_watermark(c, LAYOUT_TEST))
		f->weak_armed = false;
	cpu_dirty(c, FLASH_NS_BASE, FLASH_BYTES);
	flash_busy(c, 2 * BANK_ERASE_NS, &c->account.flash_ns);
}

static void start_erase(struct chip *c, unsigned port)
{
	uint32_t cr = c->flash.port[port].cr;
	uint32_t bank = cr & FLASH_CR_BKER ? FLASH_BANK_BYTES : 0;
	bool page = cr & FLASH_CR_PER;
	bool mass = cr & (FLASH_CR_MER1 | FLASH_CR_MER2);

	if ((cr & FLASH_CR_PG) || page == mass ||
	    (c->flash.port[port].sr & FLASH_SR_ERRORS)) {
		c->flash.port[port].sr |= FLASH_SR_PGSERR;
		return;
	}
	if (page) {
		erase(c, port, bank + (cr >> 3 & 0x7Fu) * FLASH_PAGE_BYTES,
		      FLASH_PAGE_BYTES);
		return;
	}
	if (cr & FLASH_CR_MER1)
		erase(c, port, 0, FLASH_BANK_BYTES);
	if (cr & FLASH_CR_MER2)
		erase(c, port, FLASH_BANK_BYTES, FLASH_BANK_BYTES);
}

/* -------- registers -------- */

static void turn_key(struct flash_lock *lock, uint32_t value, uint32_t key1,
		     uint32_t key2)
{
	if (lock->dead || lock->open)
		return;
	if (!lock->half && value == key1) {
		lock->half = true;
	} else if (lock->half && value == key2) {
		lock->open = true;
		lock->half = false;
	} else {
		lock->dead = true;
	}
}

static uint32_t read_sr(const struct chip *c, unsigned port)
{
	const struct flash *f = &c->flash;
	uint32_t sr = f->port[port].sr;

	if (is_busy(c))
		sr = (sr & ~FLASH_SR_EOP) | FLASH_SR_BSY;
	if (f->quad_fill && f->quad_port == port)
		sr |= FLASH_SR_WDW;
	return sr;
}

static uint32_t read_cr(const struct chip *c, unsigned port)
{
	const struct flash_port *p = &c->flash.port[port];
	uint32_t cr = p->cr;

	if (is_busy(c))
		cr |= FLASH_CR_STRT;
	if (!p->lock.open)
		cr |= FLASH_CR_LOCK;
	if (port == 0 && !c->flash.option_lock.open)
		cr |= FLASH_CR_OPTLOCK;
	return cr;
}

static void write_cr(struct chip *c, unsigned port, uint32_t v)
{
	struct flash *f = &c->flash;
	struct flash_port *p = &f->port[port];

	if (!p->lock.open || is_busy(c))
		return;
	p->cr = v & CR_STORE;
	if (port == 0 && (v & FLASH_CR_OPTLOCK))
		f->option_lock.open = false;
	if (v & FLASH_CR_STRT)
		start_erase(c, port);
	if (port == 0 && f->option_lock.open) {
		if (v & FLASH_CR_OPTSTRT)
			options_start(c);
		if (v & FLASH_CR_OBL)
			board_reset(c, RESET_OPTIONS);
	}
	if (v & FLASH_CR_LOCK)
		p->lock.open = false;
}

/* SECBB, HDP, PRIV: no option bytes behind them. */
static bool is_plain(uint32_t off)
{
	return off >= FLASH_SECBB1R1;
}

/* Option registers tell what was loaded last, whatever has been written to them
 * since: RM0444 Rev 5, 3.4.2, "option byte loading", of the STM32G0, whose
 * interface they share. A debugger that looks at TZEN between OPTSTRT and
 * OBL_LAUNCH has to find it as it is in force. */
uint32_t flash_read_reg(struct chip *c, unsigned index, uint32_t off,
			unsigned size)
{
	struct flash *f = &c->flash;

	(void)index;
	(void)size;
	switch (off) {
	case ACR:
		return f->acr;
	case NSSR:
		return read_sr(c, 0);
	case SECSR:
		return board_tzen(c) ? read_sr(c, 1) : 0;
	case NSCR:
		return read_cr(c, 0);
	case SECCR:
		return board_tzen(c) ? read_cr(c, 1) : 0;
	default:
		break;
	}
	if (off >= FLASH_OPTR && off < FLASH_OPTR + 4 * FLASH_OPTION_WORDS)
		return (is_plain(off) ? f->opt_reg
				      : f->opt_live)[FLASH_OPT(off)];
	return 0;
}

static void write_option(struct chip *c, uint32_t off, uint32_t value)
{
	/* Option registers open with their key; the block-based ones are
	 * plain registers. */
	if (is_plain(off) || (c->flash.option_lock.open && !is_busy(c)))
		c->flash.opt_reg[FLASH_OPT(off)] = value;
}

void flash_write_reg(struct chip *c, unsigned index, uint32_t off,
		     unsigned size, uint32_t v)
{
	struct flash *f = &c->flash;
	uint32_t w1c = FLASH_SR_ERRORS | FLASH_SR_EOP | 2u;

	(void)index;
	(void)size;
	if ((off == SECKEYR || off == SECSR || off == SECCR) && !board_tzen(c))
		return;
	switch (off) {
	case ACR:
		f->acr = v & 0xF90Fu;
		break;
	case NSKEYR:
	case SECKEYR:
		turn_key(&f->port[off == SECKEYR].lock, v, KEY1, KEY2);
		break;
	case OPTKEYR:
		if (f->port[0].lock.open)
			turn_key(&f->option_lock, v, OPTKEY1, OPTKEY2);
		break;
	case NSSR:
	case SECSR:
		f->port[off == SECSR].sr &= ~(v & w1c);
		break;
	case NSCR:
	case SECCR:
		write_cr(c, off == SECCR, v);
		break;
	default:
		if (off >= FLASH_OPTR &&
		    off < FLASH_OPTR + 4 * FLASH_OPTION_WORDS)
			write_option(c, off, v);
	}
}
