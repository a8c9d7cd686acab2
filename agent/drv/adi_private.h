/* The inside of struct adi, for adi.c (object and batch), adi_run.c (running a
 * batch, recovery) and adi_memory.c (single accesses).
 *
 * Invariants: a batch is self-contained (it starts by writing CSW and TAR) and
 * ends with a read of RDBUFF, whose ACK tells that everything before it went
 * through (IHI 0031E B2.2.7, B4.2.5). The result of an AP read arrives with
 * the next AP read or RDBUFF: `out` of a place is where the value that its
 * transfer brings goes, so it belongs to the access before it.
 */
#ifndef AGENT_DRV_ADI_PRIVATE_H
#define AGENT_DRV_ADI_PRIVATE_H

#include "agent/drv/adi.h"
#include "agent/drv/dp.h"

/* MEM-AP registers, bank 0 (IHI 0031E, C2.6) */
#define AP_CSW	       0x0u
#define AP_TAR	       0x4u
#define AP_DRW	       0xCu

/* AHB5-AP: privileged data access, HNONSEC in bit 30 */
#define CSW_BASE       0x0B000000u
#define CSW_NON_SECURE 0x40000000u
#define CSW_INCREMENT  0x00000010u
#define CSW_SIZE_8     0u
#define CSW_SIZE_32    2u

/* TAR increments are guaranteed within 1 KiB only (C2.2.2) */
#define TAR_WINDOW     1024u

#define BATCH_MAX      (256u * 1024u)  /* transfers */
#define STREAM_MAX     (1024u * 1024u) /* words */
#define CHUNK_WORDS    4096u

struct place {
	uint32_t addr; /* memory address of a DRW or TAR transfer */
	uint32_t csw;
	uint32_t *out;
};

struct adi {
	struct dp dp;
	struct swd_transfer *t;
	struct place *place;
	size_t count, cap;
	/* what streams write, in the order in which they are queued */
	uint32_t *words;
	size_t word_count, word_cap;
	unsigned streams_lost; /* in a row: went word by word in the end */
	bool stream_off;       /* too many: none until the next connect */
	bool secure;
	/* while queueing: what the AP will hold then */
	uint32_t csw, tar;
	bool csw_known, tar_known;
	uint32_t *pending; /* where the AP read queued last goes */
	uint32_t fault_addr;
	struct adi_stats stats;
};

/* One access of 1 << size bytes; data on their byte lane (C2.2.6). */
void adi_queue_put(struct adi *a, uint32_t addr, unsigned size, bool increment,
		   uint32_t value);
void adi_queue_get(struct adi *a, uint32_t addr, unsigned size, bool increment,
		   uint32_t *value);
/* The RDBUFF read at the end. */
void adi_queue_end(struct adi *a);

#endif
