/* Programs out of ELF, Intel HEX and raw binaries: right ones give the bytes
 * of flash, and each way to be wrong is refused with its place. */
#include "proto/rom/rom.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BASE ROM_LOAD_ADDRESS

static struct dbuf out;
static struct err error;

static int set_up(void **state)
{
	(void)state;
	dbuf_init(&out, ROM_AREA_BYTES);
	memset(&error, 0, sizeof error);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dbuf_fini(&out);
	return 0;
}

static void accept(const void *file, size_t len, const void *want, size_t n)
{
	if (rom_read(file, len, BASE, &out, &error))
		fail_msg("%s", error.text);
	assert_int_equal(out.len, n);
	assert_memory_equal(out.data, want, n);
}

/* Refused as input, in words that hold these. */
static void refuse(const void *file, size_t len, const char *words)
{
	assert_int_equal(rom_read(file, len, BASE, &out, &error), ERR_INPUT);
	if (!strstr(error.text, words))
		fail_msg("\"%s\" does not say \"%s\"", error.text, words);
	assert_int_equal(out.len, 0);
}

/* -------- raw -------- */

/* stack 0x20080000, reset 0x08000009 */
#define VECTORS 0, 0, 8, 0x20, 9, 0, 0, 8

static void test_raw(void **state)
{
	static const uint8_t rom[] = {VECTORS, 1, 2};
	uint8_t bad[sizeof rom];
	(void)state;

	accept(rom, sizeof rom, rom, sizeof rom);
	dbuf_clear(&out);
	refuse(rom, 7, "no vector table");
	refuse(rom, 0, "nothing is at the load address");
	refuse(rom, 8, "reset vector 0x08000009 is not in the program");
	memcpy(bad, rom, sizeof rom);
	bad[4] = 8; /* no Thumb address */
	refuse(bad, sizeof bad, "reset vector 0x08000008");
	bad[4] = 9;
	bad[6] = 1;
	refuse(bad, sizeof bad, "reset vector 0x08010009");
}

static void test_raw_for_another_address(void **state)
{
	static const uint8_t rom[] = {0, 0, 8, 0x30, 9, 0, 0x10, 0xC, 7, 7};
	(void)state;

	refuse(rom, sizeof rom, "reset vector 0x0c100009");
	assert_int_equal(rom_read(rom, sizeof rom, 0x0C100000, &out, &error),
			 ERR_OK);
}

static void test_size(void **state)
{
	static const uint8_t vectors[] = {VECTORS};
	uint8_t *rom = calloc(1, ROM_AREA_BYTES);
	(void)state;

	assert_non_null(rom);
	memcpy(rom, vectors, sizeof vectors);
	refuse(rom, ROM_AREA_BYTES, "must end below 0x08100000");
	accept(rom, ROM_AREA_BYTES - 1, rom, ROM_AREA_BYTES - 1);
	free(rom);
}

/* -------- Intel HEX -------- */

#define HEX_BASE ":020000040800F2\n"
#define HEX_VECTORS               \
	":0800000000000820090000" \
	"08BF\n"
#define HEX_END ":00000001FF\n"

static void refuse_hex(const char *text, const char *words)
{
	refuse(text, strlen(text), words);
}

static void test_hex(void **state)
{
	static const uint8_t want[] = {VECTORS, 0xFF, 0xFF, 0xAB, 0xCD};
	/* out of order, with a gap, CR LF, both cases, start address */
	static const char text[] = HEX_BASE ":02000A00abcd7C\r\n" HEX_VECTORS
					    ":0400000508000009E6\n" HEX_END;
	(void)state;

	accept(text, sizeof text - 1, want, sizeof want);
}

static void test_hex_segment(void **state)
{
	static const uint8_t want[] = {0, 0, 0, 0, 9, 0, 0, 0, 5};
	/* base 0x1000 paragraphs: 0x10000; the program lies there */
	static const char text[] = ":020000021000EC\n"
				   ":090000000000000009000100"
				   "05E8\n" HEX_END;
	(void)state;

	assert_int_equal(rom_read((const uint8_t *)text, sizeof text - 1,
				  0x10000, &out, &error),
			 ERR_OK);
	assert_int_equal(out.len, sizeof want);
	assert_int_equal(out.data[8], 5);
}

static void test_hex_wrong(void **state)
{
	(void)state;
	refuse_hex(HEX_BASE HEX_VECTORS, "no end record");
	refuse_hex(HEX_BASE HEX_VECTORS HEX_END "\n",
		   "line 4, offset 0x38: text behind the end record");
	refuse_hex(":020000040800F3\n", "line 1, offset 0xf: the checksum");
	refuse_hex(":0200000408", "two hexadecimal digits are missing");
	refuse_hex(":02000004080", "two hexadecimal digits are missing");
	refuse_hex(":", "two hexadecimal digits are missing");
	refuse_hex(":0200000408G0F2\n", "two hexadecimal digits are missing");
	refuse_hex(":020000040800F2 \n", "goes on behind its checksum");
	refuse_hex(":00000001FF\r\r\n", "goes on behind its checksum");
	refuse_hex(HEX_BASE "\n" HEX_END, "begins with a colon");
	refuse_hex(":00000006FA\n", "no record type");
	refuse_hex(":0100000400FB\n", "wrong length for its record type");
	refuse_hex(":0100000100FE\n", "wrong length for its record type");
	refuse_hex(HEX_BASE ":02FFFF000102FD\n", "wraps at 64 KiB");
	refuse_hex(HEX_BASE HEX_VECTORS ":0100070000F8\n" HEX_END,
		   "HEX line 3 at 0x08000007, 1 bytes, overlaps another");
	refuse_hex(":0100000000FF\n" HEX_END, "below the load address");
	refuse_hex(":020000040810E2\n:0100000000FF\n" HEX_END,
		   "must end below 0x08100000");
	refuse_hex(HEX_BASE ":0100080000F7\n" HEX_END,
		   "nothing is at the load address");
}

/* -------- ELF -------- */

struct elf {
	Elf32_Ehdr h;
	Elf32_Phdr segments[2];
	Elf32_Shdr sections[5]; /* 0 none, 1 vectors, 2 code, 3 bss, 4 names */
	uint8_t vectors[8], gap[4], code[4];
	char names[8];
};

static Elf32_Shdr section(uint32_t type, uint32_t flags, uint32_t address,
			  size_t offset, size_t size)
{
	return (Elf32_Shdr){.sh_type = type,
			    .sh_flags = flags,
			    .sh_addr = address,
			    .sh_offset = (uint32_t)offset,
			    .sh_size = (uint32_t)size,
			    .sh_addralign = 4};
}

/* One segment with vectors, a gap that is no section, and code that runs
 * elsewhere; a second one for .bss. */
static struct elf good_elf(void)
{
	static const uint8_t vectors[] = {VECTORS};
	const uint32_t from = offsetof(struct elf, vectors);
	struct elf f = {.h = {.e_ident = ELFMAG,
			      .e_type = ET_EXEC,
			      .e_machine = EM_ARM,
			      .e_version = EV_CURRENT,
			      .e_phoff = offsetof(struct elf, segments),
			      .e_shoff = offsetof(struct elf, sections),
			      .e_ehsize = sizeof(Elf32_Ehdr),
			      .e_phentsize = sizeof(Elf32_Phdr),
			      .e_phnum = 2,
			      .e_shentsize = sizeof(Elf32_Shdr),
			      .e_shnum = 5,
			      .e_shstrndx = 4},
			.gap = {1, 1, 1, 1},
			.code = {2, 3, 5, 7}};

	f.h.e_ident[EI_CLASS] = ELFCLASS32;
	f.h.e_ident[EI_DATA] = ELFDATA2LSB;
	f.h.e_ident[EI_VERSION] = EV_CURRENT;
	memcpy(f.vectors, vectors, sizeof vectors);
	f.segments[0] = (Elf32_Phdr){.p_type = PT_LOAD,
				     .p_offset = from,
				     .p_vaddr = 0x20000000,
				     .p_paddr = BASE,
				     .p_filesz = 16,
				     .p_memsz = 16};
	f.segments[1] = (Elf32_Phdr){
		.p_type = PT_LOAD, .p_vaddr = 0x20001000, .p_memsz = 64};
	f.sections[1] = section(SHT_PROGBITS, SHF_ALLOC, 0x20000000, from, 8);
	f.sections[2] =
		section(SHT_PROGBITS, SHF_ALLOC, 0x2000000C, from + 12, 4);
	f.sections[3] = section(SHT_NOBITS, SHF_ALLOC, 0x20001000, 0, 64);
	f.sections[4] =
		section(SHT_STRTAB, 0, 0, offsetof(struct elf, names), 8);
	return f;
}

static void test_elf(void **state)
{
	static const uint8_t want[] = {VECTORS, 0xFF, 0xFF, 0xFF, 0xFF,
				       2,	3,    5,    7};
	struct elf f = good_elf();
	(void)state;

	accept(&f, sizeof f, want, sizeof want);
}

static void test_elf_header_wrong(void **state)
{
	struct elf f = good_elf();
	(void)state;

	f.h.e_machine = EM_386;
	refuse(&f, sizeof f, "not for a little-endian 32-bit Arm");
	f = good_elf();
	f.h.e_type = ET_REL;
	refuse(&f, sizeof f, "no linked executable (type 1)");
	f = good_elf();
	f.h.e_shnum = 0;
	f.h.e_shoff = 0;
	refuse(&f, sizeof f, "without a section to load");
	f = good_elf();
	refuse(&f, 4, "ELF");
	refuse(&f, 40, "ELF");
}

static void test_elf_section_wrong(void **state)
{
	struct elf f = good_elf();
	(void)state;

	f.sections[2].sh_size = 4000;
	refuse(&f, sizeof f, "ELF section 2 ends behind the file's");
	f = good_elf();
	f.sections[2].sh_offset = UINT32_MAX;
	refuse(&f, sizeof f, "ELF section 2 ends behind the file's");
	f = good_elf();
	f.segments[0].p_filesz = 12;
	refuse(&f, sizeof f, "ELF section 2 is in no loadable segment");
	f = good_elf();
	f.sections[2].sh_offset -= 5;
	refuse(&f, sizeof f, "ELF section 2 at 0x08000007, 4 bytes, overlaps");
	f = good_elf();
	f.segments[0].p_paddr = BASE - 4;
	refuse(&f, sizeof f, "ELF section 1 at 0x07fffffc lies below");
	f = good_elf();
	f.segments[0].p_paddr = BASE + ROM_AREA_BYTES - 16;
	refuse(&f, sizeof f,
	       "ELF section 2 at 0x080ffffc, 4 bytes: the "
	       "program must end below 0x08100000");
	f = good_elf();
	f.segments[0].p_paddr = BASE + 0x100;
	refuse(&f, sizeof f, "nothing is at the load address");
	f = good_elf();
	f.segments[0].p_paddr = UINT32_MAX - 4;
	refuse(&f, sizeof f, "must end below 0x08100000");
}

/* Every byte of the file may be wrong; none may do harm (ASan watches). */
static void test_elf_bytes(void **state)
{
	static const uint8_t values[] = {0, 1, 0x0C, 0x7F, 0x80, 0xFF};
	const struct elf good = good_elf();
	struct elf f;
	(void)state;

	for (size_t i = 0; i < sizeof f; i++)
		for (size_t v = 0; v < sizeof values; v++) {
			f = good;
			((uint8_t *)&f)[i] = values[v];
			rom_read((uint8_t *)&f, sizeof f, BASE, &out, &error);
			dbuf_clear(&out);
		}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_raw),
		TEST(test_raw_for_another_address),
		TEST(test_size),
		TEST(test_hex),
		TEST(test_hex_segment),
		TEST(test_hex_wrong),
		TEST(test_elf),
		TEST(test_elf_header_wrong),
		TEST(test_elf_section_wrong),
		TEST(test_elf_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
