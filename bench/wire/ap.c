#include "bench/wire/ap.h"

#define AP_CSW	      0x00u
#define AP_TAR	      0x04u
#define AP_DRW	      0x0Cu
#define AP_BD0	      0x10u
#define AP_BD3	      0x1Cu
#define AP_CFG	      0xF4u
#define AP_BASE	      0xF8u
#define AP_IDR	      0xFCu

#define CSW_SIZE      0x00000007u
#define CSW_INC_SHIFT 4
#define CSW_INC	      0x00000030u
#define CSW_DEVICE_EN 0x00000040u
#define CSW_SPIDEN    0x00800000u
#define CSW_HNONSEC   0x40000000u
/* Size, AddrInc, Prot[6:0], DbgSwEnable. */
#define CSW_WRITABLE  0xFF000037u
#define CSW_RESET     0x43000002u

#define INC_SINGLE    1u
#define INC_PACKED    2u

/* The processor's ROM table; present, 32 bit (ADIv5.2 C2.6.1). */
#define BASE_VALUE    0xE00FE003u
#define IDR_VALUE     0x14770015u

void ap_init(struct ap *ap, const struct wire_bus *bus)
{
	ap->bus = bus;
	ap->csw = CSW_RESET;
	ap->tar = 0;
}

static unsigned size_of(const struct ap *ap)
{
	uint32_t size = ap->csw & CSW_SIZE;

	return size >= 2 ? 4u : 1u << size;
}

/* Auto-increment is guaranteed within 1 KiB only (C2.2.2): there it wraps. */
static void increment(struct ap *ap, unsigned step)
{
	ap->tar = (ap->tar & ~0x3FFu) | ((ap->tar + step) & 0x3FFu);
}

static bool usable(const struct ap *ap, uint32_t addr, unsigned size)
{
	return (addr & (size - 1)) == 0 && ap->bus->enabled(ap->bus->arg);
}

static bool secure(const struct ap *ap)
{
	return (ap->csw & CSW_HNONSEC) == 0;
}

/* Data sits in the byte lanes of its address (C2.2.6). */
static bool bus_read(struct ap *ap, uint32_t addr, unsigned size,
		     uint32_t *value)
{
	uint32_t v = 0;

	if (!usable(ap, addr, size) ||
	    !ap->bus->read(ap->bus->arg, addr, size, secure(ap), &v))
		return false;
	*value |= v << ((addr & 3u) * 8);
	return true;
}

static bool bus_write(struct ap *ap, uint32_t addr, unsigned size,
		      uint32_t value)
{
	value >>= (addr & 3u) * 8;
	if (size < 4)
		value &= (1u << (size * 8)) - 1;
	return usable(ap, addr, size) &&
	       ap->bus->write(ap->bus->arg, addr, size, secure(ap), value);
}

static unsigned transfers(const struct ap *ap)
{
	uint32_t inc = (ap->csw & CSW_INC) >> CSW_INC_SHIFT;

	return inc == INC_PACKED ? 4u / size_of(ap) : 1u;
}

static bool drw_read(struct ap *ap, uint32_t *value)
{
	unsigned size = size_of(ap);

	for (unsigned n = transfers(ap); n > 0; n--) {
		if (!bus_read(ap, ap->tar, size, value))
			return false;
		if (ap->csw & CSW_INC)
			increment(ap, size);
	}
	return true;
}

static bool drw_write(struct ap *ap, uint32_t value)
{
	unsigned size = size_of(ap);

	for (unsigned n = transfers(ap); n > 0; n--) {
		if (!bus_write(ap, ap->tar, size, value))
			return false;
		if (ap->csw & CSW_INC)
			increment(ap, size);
	}
	return true;
}

static uint32_t csw_read(const struct ap *ap)
{
	uint32_t csw = ap->csw;

	if (ap->bus->enabled(ap->bus->arg))
		csw |= CSW_DEVICE_EN;
	if (ap->bus->secure(ap->bus->arg))
		csw |= CSW_SPIDEN;
	return csw;
}

bool ap_read(struct ap *ap, uint8_t addr, uint32_t *value)
{
	*value = 0;
	switch (addr) {
	case AP_CSW:
		*value = csw_read(ap);
		return true;
	case AP_TAR:
		*value = ap->tar;
		return true;
	case AP_DRW:
		return drw_read(ap, value);
	case AP_BASE:
		*value = BASE_VALUE;
		return true;
	case AP_IDR:
		*value = IDR_VALUE;
		return true;
	default:
		if (addr >= AP_BD0 && addr <= AP_BD3)
			return bus_read(ap, (ap->tar & ~0xFu) | (addr & 0xCu),
					4, value);
		return true; /* CFG and reserved: read as zero */
	}
}

bool ap_write(struct ap *ap, uint8_t addr, uint32_t value)
{
	switch (addr) {
	case AP_CSW:
		ap->csw = value & CSW_WRITABLE;
		return true;
	case AP_TAR:
		ap->tar = value;
		return true;
	case AP_DRW:
		return drw_write(ap, value);
	default:
		if (addr >= AP_BD0 && addr <= AP_BD3)
			return bus_write(ap, (ap->tar & ~0xFu) | (addr & 0xCu),
					 4, value);
		return true; /* read-only and reserved: ignored */
	}
}
