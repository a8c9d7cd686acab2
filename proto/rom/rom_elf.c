/* ELF by libelf: every allocated section that has content, at its load
 * address. Sections, not segments: what lies between two sections of one
 * segment is a gap, as it is for objcopy. The load address follows from the
 * segment that holds the section: p_paddr + (sh_offset - p_offset).
 * Source: System V ABI, chapters 4 and 5 (2013-06-10); ELF for the Arm
 * Architecture 2023Q3. */
#include "proto/rom/place.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>

static bool segment_holds(const GElf_Phdr *p, const GElf_Shdr *s)
{
	return p->p_type == PT_LOAD && s->sh_offset >= p->p_offset &&
	       s->sh_offset - p->p_offset <= p->p_filesz &&
	       s->sh_size <= p->p_filesz - (s->sh_offset - p->p_offset);
}

/* false when no segment holds the section: nothing would load it */
static bool load_address_of(Elf *elf, const GElf_Shdr *s, uint64_t *address)
{
	size_t count;
	GElf_Phdr p;

	if (elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &p) || !segment_holds(&p, s))
			continue;
		*address = p.p_paddr + (s->sh_offset - p.p_offset);
		return true;
	}
	return false;
}

static enum err_code place_section(struct rom_area *a, Elf *elf, Elf_Scn *scn,
				   const uint8_t *file, size_t len,
				   struct err *e)
{
	size_t number = elf_ndxscn(scn);
	uint64_t address;
	GElf_Shdr s;

	if (!gelf_getshdr(scn, &s))
		return err_set(e, ERR_INPUT, "ELF section %zu: %s", number,
			       elf_errmsg(-1));
	if (!(s.sh_flags & SHF_ALLOC) || s.sh_type == SHT_NOBITS || !s.sh_size)
		return ERR_OK;
	if (s.sh_offset > len || s.sh_size > len - s.sh_offset)
		return err_set(e, ERR_INPUT,
			       "ELF section %zu ends behind the file's %zu "
			       "bytes",
			       number, len);
	if (!load_address_of(elf, &s, &address))
		return err_set(e, ERR_INPUT,
			       "ELF section %zu is in no loadable segment",
			       number);
	return rom_place(a, address, file + s.sh_offset, s.sh_size,
			 "ELF section", number, e);
}

static enum err_code place_all(struct rom_area *a, Elf *elf,
			       const uint8_t *file, size_t len, struct err *e)
{
	enum err_code rc = ERR_OK;
	Elf_Scn *scn = NULL;
	GElf_Ehdr h;

	if (elf_kind(elf) != ELF_K_ELF)
		return err_set(e, ERR_INPUT, "ELF header: cut short");
	if (!gelf_getehdr(elf, &h))
		return err_set(e, ERR_INPUT, "ELF header: %s", elf_errmsg(-1));
	if (h.e_ident[EI_CLASS] != ELFCLASS32 ||
	    h.e_ident[EI_DATA] != ELFDATA2LSB || h.e_machine != EM_ARM)
		return err_set(e, ERR_INPUT,
			       "ELF, but not for a little-endian 32-bit Arm");
	if (h.e_type != ET_EXEC)
		return err_set(e, ERR_INPUT,
			       "ELF, but no linked executable (type %u)",
			       h.e_type);
	while (!rc && (scn = elf_nextscn(elf, scn)))
		rc = place_section(a, elf, scn, file, len, e);
	if (!rc && !a->end)
		rc = err_set(e, ERR_INPUT, "ELF without a section to load");
	return rc;
}

enum err_code rom_read_elf(struct rom_area *a, const uint8_t *file, size_t len,
			   struct err *e)
{
	enum err_code rc;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(e, ERR_BUG, "libelf: %s", elf_errmsg(-1));
	/* libelf only reads what is opened so, but takes no const */
	elf = elf_memory((char *)file, len);
	if (!elf)
		return err_set(e, ERR_INPUT, "ELF: %s", elf_errmsg(-1));
	rc = place_all(a, elf, file, len, e);
	elf_end(elf);
	return rc;
}
