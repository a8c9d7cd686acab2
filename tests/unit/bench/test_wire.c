/* The target's end of SWD, bit by bit against a host written from ADIv5.2, with
 * a small memory behind the AHB-AP. */
#include "bench/wire/swd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MEM_BASE 0x20000000u
#define MEM_SIZE 0x2000u

struct bed {
	struct swd swd;
	struct wire_bus bus;
	uint8_t mem[MEM_SIZE];
	bool alive, enabled, secure;
	bool last_secure;
};

static bool mem_read(void *arg, uint32_t addr, unsigned size, bool secure,
		     uint32_t *value)
{
	struct bed *b = arg;

	b->last_secure = secure;
	if (addr < MEM_BASE || addr + size > MEM_BASE + MEM_SIZE)
		return false;
	*value = 0;
	memcpy(value, b->mem + (addr - MEM_BASE), size);
	return true;
}

static bool mem_write(void *arg, uint32_t addr, unsigned size, bool secure,
		      uint32_t value)
{
	struct bed *b = arg;

	b->last_secure = secure;
	if (addr < MEM_BASE || addr + size > MEM_BASE + MEM_SIZE)
		return false;
	memcpy(b->mem + (addr - MEM_BASE), &value, size);
	return true;
}

static bool is_alive(void *arg)
{
	return ((struct bed *)arg)->alive;
}

static bool is_enabled(void *arg)
{
	return ((struct bed *)arg)->enabled;
}

static bool is_secure(void *arg)
{
	return ((struct bed *)arg)->secure;
}

static void bed_init(struct bed *b, const struct swd_faults *faults)
{
	memset(b, 0, sizeof(*b));
	b->alive = b->enabled = true;
	b->bus = (struct wire_bus){mem_read,   mem_write, is_alive,
				   is_enabled, is_secure, b};
	swd_init(&b->swd, &b->bus, faults);
}

/* -------- a host -------- */

static void out(struct bed *b, uint64_t bits, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		swd_rise(&b->swd, swd_level(&b->swd, true, bits >> i & 1));
}

static uint64_t in(struct bed *b, unsigned n)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < n; i++) {
		bool level = swd_level(&b->swd, false, false);

		bits |= (uint64_t)level << i;
		swd_rise(&b->swd, level);
	}
	return bits;
}

static void line_reset(struct bed *b)
{
	out(b, ~0ull, 56);
	out(b, 0, 4);
}

static void jtag_to_swd(struct bed *b)
{
	out(b, ~0ull, 56);
	out(b, 0xE79E, 16);
	line_reset(b);
}

static unsigned request(bool ap, bool read, unsigned addr)
{
	unsigned body = ap | (unsigned)read << 1 | (addr >> 2 & 3) << 2;

	return 1u | body << 1 | (unsigned)__builtin_parity(body) << 5 | 0x80u;
}

/* orun: a data phase follows a WAIT or FAULT. */
static unsigned rd(struct bed *b, bool ap, unsigned addr, uint32_t *v,
		   bool orun)
{
	unsigned ack;
	uint64_t data;

	out(b, request(ap, true, addr), 8);
	in(b, 1);
	ack = (unsigned)in(b, 3);
	if (ack != 1 && !orun) {
		in(b, 1);
		return ack;
	}
	data = in(b, 33);
	in(b, 1);
	if (ack == 1) {
		assert_int_equal(__builtin_parityll(data), 0);
		*v = (uint32_t)data;
	}
	return ack;
}

static unsigned wr_parity(struct bed *b, bool ap, unsigned addr, uint32_t v,
			  bool orun, bool flip)
{
	unsigned ack;
	uint64_t p = (unsigned)__builtin_parity(v) ^ (unsigned)flip;

	out(b, request(ap, false, addr), 8);
	in(b, 1);
	ack = (unsigned)in(b, 3);
	in(b, 1);
	if (ack == 1 || orun)
		out(b, v | p << 32, 33);
	return ack;
}

static unsigned wr(struct bed *b, bool ap, unsigned addr, uint32_t v)
{
	return wr_parity(b, ap, addr, v, false, false);
}

static void connect(struct bed *b)
{
	uint32_t v = 0;

	jtag_to_swd(b);
	assert_int_equal(rd(b, false, 0, &v, false), 1);
	assert_int_equal(v, 0x0BE12477);
	assert_int_equal(wr(b, false, 0x4, 0x50000000), 1);
	assert_int_equal(rd(b, false, 0x4, &v, false), 1);
	assert_int_equal(v & 0xF0000000, 0xF0000000);
	assert_int_equal(wr(b, false, 0x8, 0), 1);
}

static uint32_t ap_get(struct bed *b, unsigned addr)
{
	uint32_t v = 0;

	assert_int_equal(wr(b, false, 0x8, addr & 0xF0), 1);
	assert_int_equal(rd(b, true, addr, &v, false), 1);
	assert_int_equal(rd(b, false, 0xC, &v, false), 1);
	return v;
}

/* -------- tests -------- */

static void silent_until_switched(void **state)
{
	struct bed b;
	uint32_t v;

	(void)state;
	bed_init(&b, NULL);
	line_reset(&b); /* power-on is JTAG: nobody answers */
	assert_int_equal(rd(&b, false, 0, &v, false), 7);
	connect(&b);
}

static void dormant_wake_up(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	out(&b, ~0ull, 56);
	out(&b, 0xE3BC, 16); /* SWD to dormant */
	line_reset(&b);
	assert_int_equal(rd(&b, false, 0, &v, false), 7);
	out(&b, 0xFF, 8);
	out(&b, 0x86852D956209F392u, 64);
	out(&b, 0x19BC0EA2E3DDAFE9u, 64);
	out(&b, 0x1A0, 12);
	line_reset(&b);
	assert_int_equal(rd(&b, false, 0, &v, false), 1);
	assert_int_equal(v, 0x0BE12477);
}

static void jtag_to_dormant_and_back(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	out(&b, 0xFF, 8);
	out(&b, 0x33BBBBBA, 31);
	jtag_to_swd(&b); /* not heard while dormant */
	assert_int_equal(rd(&b, false, 0, &v, false), 7);
	out(&b, 0x86852D956209F392u, 64);
	out(&b, 0x19BC0EA2E3DDAFE9u, 64);
	out(&b, 0x1A0, 12);
	line_reset(&b);
	assert_int_equal(rd(&b, false, 0, &v, false), 1);
}

static void protocol_error_locks_out(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	out(&b, request(false, true, 0) ^ 0x20, 8); /* parity */
	assert_int_equal(in(&b, 1 + 3 + 33 + 1) >> 1 & 7, 7);
	out(&b, 0, 8);
	assert_int_equal(rd(&b, false, 0, &v, false), 7);
	line_reset(&b);
	assert_int_equal(rd(&b, false, 0, &v, false), 1);
	/* After a line reset DPIDR comes first. */
	line_reset(&b);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 7);
}

#define TARGET_ID 0x04820041u /* part, designer; instance 0 */

/* Line reset, TARGETSEL, DPIDR: the ACK of the last, 7 when nobody gives one.
 */
static unsigned select_target(struct bed *b, uint32_t id, bool flip_parity)
{
	uint32_t v = 0;

	line_reset(b);
	assert_int_equal(wr_parity(b, false, 0xC, id, true, flip_parity), 7);
	return rd(b, false, 0, &v, false);
}

/* Instance, part and designer all count; and the parity. */
static void targetsel(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	for (unsigned bit = 1; bit < 32; bit++)
		assert_int_equal(
			select_target(&b, TARGET_ID ^ 1u << bit, false), 7);
	assert_int_equal(select_target(&b, TARGET_ID, true), 7);
	assert_int_equal(select_target(&b, TARGET_ID, false), 1);
	b.swd.dp.instance = 9;
	assert_int_equal(select_target(&b, TARGET_ID, false), 7);
	assert_int_equal(select_target(&b, 9u << 28 | TARGET_ID, false), 1);
}

/* One that is not chosen stays silent whatever it is asked, and TARGETSEL is
 * heard right after a line reset only, DPIDR alone after that (B4.3.3, 4). */
static void targetsel_has_its_place(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	assert_int_equal(select_target(&b, TARGET_ID ^ 2, false), 7);
	assert_int_equal(wr_parity(&b, false, 0xC, TARGET_ID, true, false), 7);
	assert_int_equal(rd(&b, false, 0, &v, false), 7);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 7);
	line_reset(&b);
	assert_int_equal(wr_parity(&b, false, 0xC, TARGET_ID, true, false), 7);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 7);
	assert_int_equal(select_target(&b, TARGET_ID, false), 1);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 1);
	assert_int_equal(wr_parity(&b, false, 0xC, TARGET_ID, true, false), 7);
	assert_int_equal(rd(&b, false, 0, &v, false), 7);
}

/* Edges to both targets of one wire; SWDIO is high where neither drives. */
static uint64_t clock_two(struct bed *a, struct bed *b, bool host_drives,
			  uint64_t bits, unsigned n)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < n; i++) {
		bool level = swd_level(b->swd.drive ? &b->swd : &a->swd,
				       host_drives, bits >> i & 1);

		assert_false(a->swd.drive && b->swd.drive);
		assert_false(host_drives && (a->swd.drive || b->swd.drive));
		seen |= (uint64_t)level << i;
		swd_rise(&a->swd, level);
		swd_rise(&b->swd, level);
	}
	return seen;
}

static uint32_t read_two(struct bed *a, struct bed *b, unsigned addr)
{
	uint64_t reply;

	clock_two(a, b, true, (uint64_t)request(false, true, addr) << 2, 10);
	reply = clock_two(a, b, false, 0, 1 + 3 + 33 + 1);
	assert_int_equal(reply >> 1 & 7, 1);
	return (uint32_t)(reply >> 4);
}

static void select_of_two(struct bed *a, struct bed *b, uint32_t id)
{
	uint64_t parity = (uint64_t)__builtin_parity(id) << 32;

	clock_two(a, b, true, (1ull << 56) - 1, 60);
	clock_two(a, b, true, request(false, false, 0xC), 8);
	assert_int_equal(clock_two(a, b, false, 0, 5), 0x1F);
	clock_two(a, b, true, id | parity, 33);
	assert_int_equal(read_two(a, b, 0), 0x0BE12477);
}

static void two_on_one_wire(void **state)
{
	struct bed a, b;

	(void)state;
	bed_init(&a, NULL);
	bed_init(&b, NULL);
	b.swd.dp.instance = 5;
	connect(&a);
	connect(&b);
	a.swd.dp.select = b.swd.dp.select = 3; /* CTRL/STAT is DLPIDR */
	for (unsigned i = 0; i < 3; i++) {
		select_of_two(&a, &b, TARGET_ID);
		assert_int_equal(read_two(&a, &b, 0x4), 0x00000001);
		select_of_two(&a, &b, 5u << 28 | TARGET_ID);
		assert_int_equal(read_two(&a, &b, 0x4), 0x50000001);
	}
}

/* A line reset is of the line: sticky flags stay, and in a DPv2 DPBANKSEL. */
static void line_reset_keeps_registers(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	assert_int_equal(wr(&b, false, 0x8, 2), 1);
	line_reset(&b);
	assert_int_equal(rd(&b, false, 0, &v, false), 1);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 1);
	assert_int_equal(v, 0x04820041); /* TARGETID still */
	assert_int_equal(wr(&b, false, 0x8, 0), 1);
	assert_int_equal(wr_parity(&b, true, 0xC, 0, false, true), 1);
	line_reset(&b);
	assert_int_equal(rd(&b, false, 0, &v, false), 1);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 1);
	assert_int_equal(v & 0x80, 0x80); /* WDATAERR still */
}

static void banked_registers(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	assert_int_equal(wr(&b, false, 0x8, 2), 1);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 1);
	assert_int_equal(v, 0x04820041); /* TARGETID */
	assert_int_equal(wr(&b, false, 0x8, 3), 1);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 1);
	assert_int_equal(v & 0xF, 1); /* DLPIDR: SWD version 2 */
}

static void memory_and_increment(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	assert_int_equal(ap_get(&b, 0xFC), 0x14770015);
	assert_int_equal(wr(&b, false, 0x8, 0), 1);
	assert_int_equal(wr(&b, true, 0x0, 0x4B000012), 1);
	assert_int_equal(wr(&b, true, 0x4, MEM_BASE + 0x3F8), 1);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(wr(&b, true, 0xC, 0x11223344 + i), 1);
	memcpy(&v, b.mem + 0x3F8, 4);
	assert_int_equal(v, 0x11223344);
	memcpy(&v, b.mem + 0x000, 4); /* wrapped within 1 KiB */
	assert_int_equal(v, 0x11223346);
	assert_false(b.last_secure);
	assert_int_equal(wr(&b, true, 0x0, 0x0B000000), 1); /* bytes, secure */
	assert_int_equal(wr(&b, true, 0x4, MEM_BASE + 0x3F9), 1);
	assert_int_equal(ap_get(&b, 0xC), 0x3300);
	assert_true(b.last_secure);
	assert_int_equal(ap_get(&b, 0x0) & 0x00800040, 0x40);
}

static void sticky_error_and_abort(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	assert_int_equal(wr(&b, true, 0x0, 0x4B000002), 1);
	assert_int_equal(wr(&b, true, 0x4, 0x60000000), 1);
	assert_int_equal(rd(&b, true, 0xC, &v, false), 1); /* posted */
	assert_int_equal(rd(&b, false, 0xC, &v, false), 4);
	assert_int_equal(wr(&b, false, 0x8, 0), 4);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 1);
	assert_int_equal(v & 0x20, 0x20);
	assert_int_equal(wr(&b, false, 0x0, 0x04), 1);
	assert_int_equal(wr(&b, false, 0x8, 0), 1);
}

static void write_parity_error(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	wr(&b, true, 0x0, 0x4B000002);
	wr(&b, true, 0x4, MEM_BASE);
	assert_int_equal(wr_parity(&b, true, 0xC, 0x55, false, true), 1);
	assert_int_equal(b.mem[0], 0);
	assert_int_equal(wr(&b, true, 0xC, 0x55), 4);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 1);
	assert_int_equal(v & 0x80, 0x80);
	wr(&b, false, 0x0, 0x08);
	assert_int_equal(wr(&b, true, 0xC, 0x55), 1);
	assert_int_equal(b.mem[0], 0x55);
}

static void wait_without_overrun_detection(void **state)
{
	struct swd_faults f = {.wait_at = 5};
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, &f);
	connect(&b); /* transfers 1 to 4 */
	assert_int_equal(wr(&b, true, 0x4, MEM_BASE + 4), 2);
	assert_int_equal(wr(&b, true, 0x4, MEM_BASE + 4), 1);
	assert_int_equal(ap_get(&b, 0x4), MEM_BASE + 4);
	assert_int_equal(rd(&b, false, 0x4, &v, false), 1);
	assert_int_equal(v & 0x2, 0);
}

static void wait_with_overrun_detection(void **state)
{
	struct swd_faults f = {.wait_at = 6};
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, &f);
	connect(&b);
	assert_int_equal(wr(&b, false, 0x4, 0x50000001), 1);
	assert_int_equal(wr_parity(&b, true, 0x4, 4, true, false), 2);
	/* STICKYORUN: everything else faults, each with its data phase. */
	assert_int_equal(wr_parity(&b, true, 0x4, 8, true, false), 4);
	assert_int_equal(rd(&b, false, 0xC, &v, true), 4);
	assert_int_equal(rd(&b, false, 0x4, &v, true), 1);
	assert_int_equal(v & 0x2, 0x2);
	assert_int_equal(wr(&b, false, 0x0, 0x10), 1);
	assert_int_equal(wr(&b, true, 0x4, 8), 1);
	assert_int_equal(ap_get(&b, 0x4), 8);
}

static void longer_turnaround(void **state)
{
	struct bed b;
	uint64_t bits;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	assert_int_equal(wr(&b, false, 0x8, 1), 1);
	assert_int_equal(wr(&b, false, 0x4, 0x100), 1); /* 2 cycles */
	out(&b, request(false, true, 0), 8);
	bits = in(&b, 2 + 3 + 33 + 2);
	assert_int_equal(bits >> 2 & 7, 1);
	assert_int_equal((uint32_t)(bits >> 5), 0x0BE12477);
}

static void powered_off_port_is_silent(void **state)
{
	struct bed b;
	uint32_t v = 0;

	(void)state;
	bed_init(&b, NULL);
	connect(&b);
	b.alive = false;
	assert_int_equal(rd(&b, false, 0, &v, false), 7);
}

/* Whatever bits come, nothing breaks, and a connection is possible after. */
static void random_bits(void **state)
{
	struct wire_rng rng;
	struct bed b;

	(void)state;
	wire_rng_init(&rng, 42);
	bed_init(&b, NULL);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 500; i++)
			out(&b, wire_rng_next(&rng), 32);
		b.swd.dp.ctrl = 0; /* as after power-on */
		b.swd.dp.select = 0;
		swj_init(&b.swd.swj);
		connect(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_until_switched),
		cmocka_unit_test(dormant_wake_up),
		cmocka_unit_test(jtag_to_dormant_and_back),
		cmocka_unit_test(protocol_error_locks_out),
		cmocka_unit_test(targetsel),
		cmocka_unit_test(targetsel_has_its_place),
		cmocka_unit_test(two_on_one_wire),
		cmocka_unit_test(line_reset_keeps_registers),
		cmocka_unit_test(banked_registers),
		cmocka_unit_test(memory_and_increment),
		cmocka_unit_test(sticky_error_and_abort),
		cmocka_unit_test(write_parity_error),
		cmocka_unit_test(wait_without_overrun_detection),
		cmocka_unit_test(wait_with_overrun_detection),
		cmocka_unit_test(longer_turnaround),
		cmocka_unit_test(powered_off_port_is_silent),
		cmocka_unit_test(random_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
