/* OCTOSPI1 and OCTOSPI2 (RM0456 Rev 6, section 28): indirect read and write
 * through the FIFO, automatic status polling, memory-mapped reads. Each byte
 * takes its time at the clock that DCR2 sets. The NOR hangs on the one that the
 * board's wiring names.
 * Writes in memory-mapped mode, DTR and DMA are not modelled.
 */
#ifndef BENCH_CHIP_OSPI_H
#define BENCH_CHIP_OSPI_H

#include <stdbool.h>
#include <stdint.h>

struct chip;

#define OSPI_COUNT	2u
#define OSPI_FIFO_BYTES 32u
#define OSPI1_MAP	0x90000000u
#define OSPI2_MAP	0x70000000u
#define OSPI_MAP_BYTES	0x10000000u

enum ospi_phase {
	OSPI_IDLE,
	OSPI_COMMAND, /* no data phase */
	OSPI_READ,
	OSPI_WRITE,
	OSPI_POLL,
	OSPI_MAPPED,
};

struct ospi {
	uint32_t reg[0x204 / 4]; /* as written */
	enum ospi_phase phase;
	uint32_t flags; /* TEF, TCF, SMF, TOF */
	uint64_t byte_ps;
	uint64_t next_ps;   /* when the next byte, or the command, is through */
	uint64_t polled_ps; /* the last status read of automatic polling */
	uint64_t remaining;
	uint8_t fifo[OSPI_FIFO_BYTES];
	unsigned head, fill;
	bool paused;	   /* the clock rests: FIFO full or empty */
	uint64_t map_next; /* address following the last mapped read */
};

void ospi_reset(struct chip *c);
uint32_t ospi_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void ospi_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		uint32_t value);
uint32_t ospi_map_read(struct chip *c, unsigned index, uint32_t off,
		       unsigned size);
void ospi_map_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		    uint32_t value);
uint64_t ospi_next_event(struct chip *c, uint64_t t_ps);

#endif
