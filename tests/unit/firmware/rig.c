/* See rig.h. Registers: RM0456 Rev 6, as in firmware/hal/reg.h. */
#include "tests/unit/firmware/rig.h"

#include "proto/base/file.h"
#include "proto/board/layout.h"
#include "proto/image/image_build.h"

#include <mbedtls/ecp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define FIRMWARE_ID "rig-hwtest-01"
#define BIT_NS	    (1e9 / UART_BAUD)
#define LAG_NS	    100000ull
#define STEP_NS	    200000ull
#define REPLY_NS    1500000ull /* USB and a person's PC in between */

const struct rig_target rig_bench = {".", "bench", "w25q64jv", 0x420D1400, 4};
const struct rig_target rig_iot02a = {"b-u585i-iot02a", "b-u585i-iot02a",
				      "mx25lm51245g", 0x420D2400, 8};

static int entropy(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return getentropy(out, len);
}

/* -------- before the line: keys and image -------- */

static void path_of(const struct rig *r, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", r->folder, name);
}

static void program_path(const struct rig *r, const char *name, char out[256])
{
	snprintf(out, 256, FIRMWARE_DIR "/%s/%s.bin", r->target->programs,
		 name);
}

static void make_key(const char *path, mbedtls_pk_context *keep)
{
	mbedtls_pk_context pk;
	uint8_t pem[1024];

	mbedtls_pk_init(&pk);
	mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk),
			    entropy, NULL);
	assert_int_equal(mbedtls_pk_write_key_pem(&pk, pem, sizeof(pem)), 0);
	assert_int_equal(file_write(path, pem, strlen((char *)pem), 0600, NULL),
			 ERR_OK);
	if (keep != NULL)
		*keep = pk;
	else
		mbedtls_pk_free(&pk);
}

static void build_image(struct rig *r)
{
	char sfi[128], release[128], attest[128];
	char test[256], kernel[256], app_test[256], app[256];
	struct image_build b = {
		.product = "rig",
		.version = "1",
		.firmware_id = FIRMWARE_ID,
		.nor_min_bytes = 8u << 20,
		.test_path = test,
		.kernel_path = kernel,
		.app_test_path = app_test,
		.app_path = app,
		.sfi_key_path = sfi,
		.release_key_path = release,
		.attest_key_path = attest,
	};
	struct err e;

	program_path(r, "hardware-test", test);
	program_path(r, "kernel", kernel);
	program_path(r, "app-test", app_test);
	program_path(r, "app", app);
	path_of(r, "sfi", sfi);
	path_of(r, "release", release);
	path_of(r, "attest", attest);
	assert_int_equal(getentropy(r->key_nonce, sizeof(r->key_nonce)), 0);
	assert_int_equal(
		file_write(sfi, r->key_nonce, sizeof(r->key_nonce), 0600, NULL),
		ERR_OK);
	make_key(release, NULL);
	make_key(attest, NULL);
	assert_int_equal(image_public_key_load(r->attest_public, attest, NULL),
			 ERR_OK);
	dbuf_init(&r->image, IMAGE_MAX_BYTES);
	if (image_build(&b, &r->image, &e) != ERR_OK)
		fail_msg("%s", e.text);
}

void rig_init(struct rig *r, const struct rig_target *target)
{
	char path[128], loader[256];

	memset(r, 0, sizeof(*r));
	r->target = target;
	strcpy(r->folder, "/tmp/provline-rig-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	build_image(r);
	path_of(r, "ca", path);
	make_key(path, &r->ca);
	dbuf_init(&r->loader, LAYOUT_LOADER_BYTES);
	program_path(r, "sfi-loader", loader);
	assert_int_equal(file_read(loader, &r->loader, NULL), ERR_OK);
}

void rig_fini(struct rig *r)
{
	static const char *const names[] = {"sfi", "release", "attest", "ca",
					    "maker"};
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(r, names[i], path);
		unlink(path);
	}
	rmdir(r->folder);
	mbedtls_pk_free(&r->ca);
	dbuf_fini(&r->image);
	dbuf_fini(&r->loader);
}

/* -------- a board -------- */

static void on_pb0(void *arg, uint64_t at_ns, bool level)
{
	struct rig *r = arg;

	assert_true(r->edge_count < RIG_EDGES);
	r->edges[r->edge_count].at_ns = at_ns;
	r->edges[r->edge_count++].level = level;
}

void rig_new(struct rig *r, const char *const *faults)
{
	struct sfi_maker *maker;
	char path[128];
	struct err e;

	path_of(r, "maker", path);
	memset(&r->config, 0, sizeof(r->config));
	for (unsigned i = 0; i < 12; i++)
		r->config.uid[i] = (uint8_t)(0x30 + i);
	r->config.dev_id = 0x482;
	r->config.nor_part = r->target->nor_part;
	r->config.wiring = r->target->wiring;
	r->config.seed = 5;
	r->config.faults = faults;
	assert_int_equal(sfi_maker_open(&maker, path, true, NULL), ERR_OK);
	assert_int_equal(sfi_maker_chip(maker, r->config.uid,
					r->config.chip_key, r->config.chip_cert,
					NULL),
			 ERR_OK);
	sfi_maker_free(maker);
	if (chip_new(&r->chip, &r->config, &e) != ERR_OK)
		fail_msg("%s", e.text);
	r->edge_count = 0;
	r->level = true;
	r->in_frame = false;
	r->pe4_free_ns = 0;
	memset(&r->lines, 0, sizeof(r->lines));
	chip_on_pb0(r->chip, on_pb0, r);
	chip_power(r->chip, true);
	/* halt: nothing runs while memories are written */
	chip_ahb_write(r->chip, 0xE000EDF0, 4, false, 0xA05F0003);
	chip_advance(r->chip, 1000000);
}

void rig_board_free(struct rig *r)
{
	chip_free(r->chip);
	r->chip = NULL;
}

/* -------- debug port -------- */

static void put(struct rig *r, uint32_t addr, uint32_t value)
{
	assert_int_equal(chip_ahb_write(r->chip, addr, 4, false, value),
			 CHIP_BUS_OK);
}

static uint32_t get(struct rig *r, uint32_t addr)
{
	uint32_t value = 0;

	assert_int_equal(chip_ahb_read(r->chip, addr, 4, false, &value),
			 CHIP_BUS_OK);
	return value;
}

static void wait_clear(struct rig *r, uint32_t addr, uint32_t mask)
{
	for (unsigned i = 0; i < 100000; i++) {
		if ((get(r, addr) & mask) == 0)
			return;
		chip_advance(r->chip, 20000);
	}
	fail_msg("0x%08x stays busy", addr);
}

#define FLASH 0x40022000u

void rig_write_flash(struct rig *r, uint32_t offset, const uint8_t *data,
		     size_t len)
{
	put(r, FLASH + 0x08, 0x45670123);
	put(r, FLASH + 0x08, 0xCDEF89AB);
	put(r, FLASH + 0x28, 1);
	for (size_t i = 0; i < len; i += 16) {
		uint8_t quad[16];
		size_t n = len - i < 16 ? len - i : 16;

		memset(quad, 0xFF, sizeof(quad));
		memcpy(quad, data + i, n);
		for (unsigned w = 0; w < 4; w++) {
			uint32_t word;

			memcpy(&word, quad + 4 * w, 4);
			put(r, LAYOUT_FLASH_NS + offset + (uint32_t)i + 4 * w,
			    word);
		}
		wait_clear(r, FLASH + 0x20, 1u << 16);
	}
	assert_int_equal(get(r, FLASH + 0x20) & 0x20FA, 0);
	put(r, FLASH + 0x28, 1u << 31);
}

/* -------- NOR through its OCTOSPI, one line -------- */

#define OSPI (r->target->octospi)

static void nor_command(struct rig *r, uint32_t fmode, uint8_t op,
			bool has_address, uint32_t address, uint32_t data_len)
{
	put(r, OSPI + 0x24, 0x1B);
	put(r, OSPI + 0x00, 1u | fmode << 28);
	if (data_len > 0)
		put(r, OSPI + 0x40, data_len - 1);
	put(r, OSPI + 0x108, 0);
	put(r, OSPI + 0x100,
	    1u | (has_address ? 0x2100u : 0) | (data_len > 0 ? 1u << 24 : 0));
	put(r, OSPI + 0x110, op);
	if (has_address)
		put(r, OSPI + 0x48, address);
}

static void nor_wait(struct rig *r)
{
	wait_clear(r, OSPI + 0x20, 1u << 5);
}

static void nor_ready(struct rig *r)
{
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t status;

		nor_command(r, 1, 0x05, false, 0, 1);
		chip_advance(r->chip, 10000);
		chip_ahb_read(r->chip, OSPI + 0x50, 1, false, &status);
		nor_wait(r);
		if ((status & 1) == 0)
			return;
		chip_advance(r->chip, 200000);
	}
	fail_msg("NOR stays busy");
}

static void nor_page(struct rig *r, uint32_t address, const uint8_t *data,
		     uint32_t len)
{
	nor_command(r, 0, 0x06, false, 0, 0);
	chip_advance(r->chip, 5000);
	nor_wait(r);
	nor_command(r, 0, 0x02, true, address, len);
	for (uint32_t i = 0; i < len; i += 4) {
		uint32_t word;

		memcpy(&word, data + i, 4);
		put(r, OSPI + 0x50, word);
		chip_advance(r->chip, 4000);
	}
	nor_wait(r);
	nor_ready(r);
}

void rig_write_nor(struct rig *r, const uint8_t *data, size_t len)
{
	/* OCTOSPIM and OCTOSPI; 4 MHz undivided */
	put(r, 0x46020C8C, get(r, 0x46020C8C) | 1u << 21);
	put(r, 0x46020C90, 1u << r->target->octospi_clock);
	put(r, OSPI + 0x08, 22u << 16 | 7u << 8);
	put(r, OSPI + 0x0C, 0);
	for (size_t at = 0; at < len; at += 256) {
		size_t blank = 0;

		while (blank < 256 && data[at + blank] == 0xFF)
			blank++;
		if (blank < 256)
			nor_page(r, (uint32_t)at, data + at, 256);
	}
}

/* -------- licence, option bytes -------- */

void rig_licence(struct rig *r, const char *firmware_id, uint8_t out[136])
{
	uint8_t fwid[SFI_FWID_BYTES] = {0};
	const uint8_t id[8] = {'0', '0', '0', '1', 0, 0, 0, 9};

	memcpy(fwid, firmware_id, strlen(firmware_id));
	assert_int_equal(sfi_licence_issue(out, r->config.chip_cert, id, fwid,
					   r->key_nonce, NULL),
			 ERR_OK);
}

static void option_step(struct rig *r, uint32_t optr)
{
	put(r, FLASH + 0x08, 0x45670123);
	put(r, FLASH + 0x08, 0xCDEF89AB);
	put(r, FLASH + 0x10, 0x08192A3B);
	put(r, FLASH + 0x10, 0x4C5D6E7F);
	put(r, FLASH + 0x40, optr);
	put(r, FLASH + 0x28, 1u << 17);
	chip_advance(r->chip, 10000000);
	assert_int_equal(get(r, FLASH + 0x20) & 1u << 13, 0);
	chip_ahb_write(r->chip, FLASH + 0x28, 4, false, 1u << 27);
	chip_advance(r->chip, 5000000);
}

void rig_lock(struct rig *r)
{
	uint32_t optr = get(r, FLASH + 0x40);

	chip_nrst(r->chip, true);
	option_step(r, optr | 1u << 31);
	chip_ahb_write(r->chip, 0xE000EDF0, 4, true, 0xA05F0003);
	option_step(r, ((optr | 1u << 31) & ~0xFFu) | 0x55u);
}

static void forget_edges(struct rig *r)
{
	r->edge_count = 0;
	r->level = true;
	r->in_frame = false;
}

void rig_reset(struct rig *r)
{
	chip_nrst(r->chip, false);
	chip_advance(r->chip, 1000000);
	forget_edges(r);
	chip_nrst(r->chip, true);
}

void rig_power_cycle(struct rig *r)
{
	chip_power(r->chip, false);
	forget_edges(r);
	chip_power(r->chip, true);
}

void rig_board(struct rig *r, const struct rig_board *b)
{
	static const struct rig_board good;
	const struct dbuf *image;
	uint8_t licence[136];

	if (b == NULL)
		b = &good;
	image = b->image != NULL ? b->image : &r->image;
	rig_new(r, b->faults);
	rig_write_nor(r, image->data, image->len);
	rig_write_flash(r, LAYOUT_LOADER, r->loader.data, r->loader.len);
	rig_licence(r, b->firmware_id != NULL ? b->firmware_id : FIRMWARE_ID,
		    licence);
	if (b->licence_flip != 0)
		licence[b->licence_flip] ^= 1;
	rig_write_flash(r, LAYOUT_LICENCE, licence, sizeof(licence));
	rig_lock(r);
	/* as after the agent: power on with the debugger gone */
	rig_power_cycle(r);
}

/* -------- provisioning UART -------- */

uint32_t rig_ms(const struct rig *r)
{
	return (uint32_t)(chip_now_ns(r->chip) / 1000000u);
}

static void edges_drop(struct rig *r, size_t n)
{
	if (n == 0)
		return;
	r->level = r->edges[n - 1].level;
	r->edge_count -= n;
	memmove(r->edges, r->edges + n, r->edge_count * sizeof(r->edges[0]));
}

static bool level_at(const struct rig *r, uint64_t at_ns)
{
	bool level = r->level;

	for (size_t i = 0; i < r->edge_count && r->edges[i].at_ns <= at_ns; i++)
		level = r->edges[i].level;
	return level;
}

/* The next byte on PB0, -1 when it is not complete yet. */
static int pb0_byte(struct rig *r)
{
	uint64_t end;
	uint8_t byte = 0;
	size_t used = 0;

	while (!r->in_frame && r->edge_count > 0) {
		if (!r->edges[0].level) {
			r->in_frame = true;
			r->frame_ns = r->edges[0].at_ns;
		} else {
			edges_drop(r, 1);
		}
	}
	end = r->frame_ns + (uint64_t)(9.5 * BIT_NS);
	/* the CPU may lag a block behind the board's time */
	if (!r->in_frame || chip_now_ns(r->chip) < end + LAG_NS)
		return -1;
	for (unsigned i = 0; i < 8; i++)
		if (level_at(r, r->frame_ns + (uint64_t)((1.5 + i) * BIT_NS)))
			byte |= (uint8_t)(1u << i);
	assert_true(level_at(r, end));
	while (used < r->edge_count && r->edges[used].at_ns <= end)
		used++;
	edges_drop(r, used);
	r->in_frame = false;
	return byte;
}

bool rig_line(struct rig *r, unsigned wait_ms)
{
	uint64_t until = chip_now_ns(r->chip) + wait_ms * 1000000ull;

	for (;;) {
		int byte;

		while ((byte = pb0_byte(r)) >= 0)
			if (uart_lines_feed(&r->lines, (uint8_t)byte))
				return true;
		if (chip_now_ns(r->chip) >= until)
			return false;
		chip_advance(r->chip, STEP_NS);
	}
}

void rig_send(struct rig *r, const char *bytes, size_t len)
{
	uint64_t start = chip_now_ns(r->chip) + REPLY_NS;
	double at;

	if (start < r->pe4_free_ns)
		start = r->pe4_free_ns;
	at = (double)start;
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)bytes[i];

		r->sent_bytes++;
		if (r->flip_every != 0 && r->sent_bytes % r->flip_every == 0)
			byte ^= 0x10;
		chip_set_pe4(r->chip, (uint64_t)at, false);
		for (unsigned b = 0; b < 8; b++)
			chip_set_pe4(r->chip, (uint64_t)(at + (1 + b) * BIT_NS),
				     byte >> b & 1u);
		chip_set_pe4(r->chip, (uint64_t)(at + 9 * BIT_NS), true);
		at += 10 * BIT_NS;
	}
	r->pe4_free_ns = (uint64_t)at;
}
