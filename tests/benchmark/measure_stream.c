/* Words streamed to SRAM as the programming engine streams them (adi.h), read
 * back afterwards. The engine's other work is not in these figures. */
#include "tests/benchmark/measure.h"

#include "agent/drv/adi.h"
#include "agent/drv/probe.h"
#include "agent/drv/swd_mpsse.h"

#include <stdlib.h>
#include <string.h>

#define SRAM	     0x20000000u
#define STREAM_BYTES (512u * 1024u) /* SRAM1 and on: 768 KiB in one piece */
#define STREAM_WORDS (STREAM_BYTES / 4u)

struct link {
	struct probe *probe;
	struct swd_mpsse *mpsse;
	struct adi *adi;
};

static enum err_code link_open(struct link *l, const char *probe,
			       enum swd_mpsse_layout layout, struct err *e)
{
	enum err_code rc = probe_open(&l->probe, probe, e);

	if (!rc)
		rc = swd_mpsse_new(&l->mpsse, l->probe, layout, e);
	if (!rc)
		rc = adi_new(&l->adi, swd_mpsse_wire(l->mpsse), RIG_SWD_HZ, e);
	if (!rc)
		rc = adi_connect(l->adi, NULL, e);
	if (!rc)
		rc = adi_power_up(l->adi, e);
	return rc;
}

static void link_close(struct link *l)
{
	adi_free(l->adi);
	swd_mpsse_free(l->mpsse);
	probe_close(l->probe);
}

static enum err_code stream(struct run *r, const char *probe, struct link *l,
			    const uint32_t *words, struct account *cost,
			    struct err *e)
{
	struct account before, after;
	enum err_code rc = rig_look(&r->rig, probe, &before, e);

	if (rc)
		return rc;
	adi_stream32(l->adi, SRAM, words, STREAM_WORDS);
	rc = adi_run(l->adi, ADI_REPEAT, e);
	if (!rc)
		rc = rig_look(&r->rig, probe, &after, e);
	if (!rc)
		*cost = account_minus(&after, &before);
	return rc;
}

static enum err_code check(struct link *l, const uint32_t *words, struct err *e)
{
	uint32_t *held = malloc(STREAM_BYTES);
	enum err_code rc;

	if (!held)
		return err_set(e, ERR_NO_MEMORY, "%u bytes", STREAM_BYTES);
	rc = adi_read(l->adi, SRAM, held, STREAM_BYTES, e);
	if (!rc && memcmp(held, words, STREAM_BYTES) != 0)
		rc = err_set(e, ERR_INTEGRITY,
			     "SRAM reads back other words than streamed");
	free(held);
	return rc;
}

static enum err_code measure(struct run *r, const char *probe,
			     enum swd_mpsse_layout layout, enum figure_id edges,
			     enum figure_id bytes, struct err *e)
{
	/* random bytes: no layout of them is easier on the wire */
	const uint32_t *words = (const uint32_t *)(const void *)r->random;
	struct link l = {0};
	struct account cost;
	enum err_code rc = rig_insert(&r->rig, probe, "STREAM", e);

	if (rc)
		return rc;
	rc = link_open(&l, probe, layout, e);
	if (!rc)
		rc = stream(r, probe, &l, words, &cost, e);
	if (!rc)
		rc = check(&l, words, e);
	link_close(&l);
	rig_remove(&r->rig, probe, NULL);
	if (rc)
		return rc;
	run_result(r, edges, (double)cost.row[ACCOUNT_EDGES] / STREAM_WORDS);
	run_result(r, bytes, (double)cost.row[ACCOUNT_USB_OUT] / STREAM_BYTES);
	return ERR_OK;
}

enum err_code measure_stream(struct run *r, struct err *e)
{
	return measure(r, RIG_PROBE, SWD_MPSSE_RESISTOR, FIGURE_SWCLK_PER_WORD,
		       FIGURE_USB_PER_BYTE, e);
}

enum err_code measure_stream_oe(struct run *r, struct err *e)
{
	return measure(r, RIG_PROBE_OE, SWD_MPSSE_OUTPUT_ENABLE,
		       FIGURE_SWCLK_PER_WORD_OE, FIGURE_USB_PER_BYTE_OE, e);
}
