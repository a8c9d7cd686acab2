/* Programming the NOR as the agent does: target.h, one board after the other in
 * the resistor layout. Measured is target_nor_program() from call to return,
 * verification included, on a board that has been identified. What the NOR
 * holds afterwards is looked at in the bench.
 *
 * Floors are what a W25Q64JV takes at typical values (data sheet rev J, AC
 * characteristics; bench/chip/nor.c), however it is driven.
 */
#include "tests/benchmark/measure.h"

#include "agent/target/target.h"
#include "tests/benchmark/host_sleep.h"

#include <string.h>
#include <sys/resource.h>

#define BOARD	     "NOR"
#define BOARD_FULL   "NORFULL"
#define PAGE_S	     0.4e-3
#define BLOCK_S	     150e-3
#define UART_BAUD    115200
#define BYTES_IN_MIB 1048576.0

static enum err_code read_image(void *arg, uint64_t offset, void *buf,
				size_t len, struct err *e)
{
	if (offset > IMAGE_BYTES || len > IMAGE_BYTES - offset)
		return err_set(e, ERR_BUG, "read beyond the image");
	memcpy(buf, (const uint8_t *)arg + offset, len);
	return ERR_OK;
}

/* ---- one board in the harness ---- */

static enum err_code board_open(struct run *r, const char *board,
				struct target **t, struct err *e)
{
	const struct target_config c = {.probe_serial = RIG_PROBE,
					.layout = TARGET_LAYOUT_RESISTOR,
					.swd_hz = RIG_SWD_HZ,
					.uart_baud = UART_BAUD};
	struct target_identity id;
	enum err_code rc = rig_insert(&r->rig, RIG_PROBE, board, e);

	*t = NULL;
	host_sleep_probe(RIG_PROBE);
	if (!rc)
		rc = target_open(t, &c, e);
	if (!rc)
		rc = target_identify(*t, &id, e);
	return rc;
}

static void board_close(struct run *r, struct target *t)
{
	target_close(t);
	host_sleep_probe(NULL);
	rig_remove(&r->rig, RIG_PROBE, NULL);
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* ---- programming ---- */

struct programming {
	struct nor_cost cost;
	double cpu_s;
	struct target_nor_report report;
};

static enum err_code program(struct run *r, struct target *t, uint8_t *image,
			     struct programming *p, struct err *e)
{
	struct account before, after;
	enum err_code rc = rig_look(&r->rig, RIG_PROBE, &before, e);
	double cpu = cpu_s();

	if (!rc)
		rc = target_nor_program(t, IMAGE_BYTES, read_image, image, NULL,
					NULL, &p->report, e);
	p->cpu_s = cpu_s() - cpu;
	if (!rc)
		rc = rig_look(&r->rig, RIG_PROBE, &after, e);
	if (rc)
		return rc;
	p->cost.account = account_minus(&after, &before);
	p->cost.s = account_s(&p->cost.account);
	p->cost.erase_s = (double)p->report.erase_us * 1e-6;
	p->cost.write_s = (double)p->report.program_us * 1e-6;
	p->cost.verify_s =
		(double)(p->report.compare_us + p->report.verify_us) * 1e-6;
	return ERR_OK;
}

/* Board in, image into it, board out. */
static enum err_code program_board(struct run *r, const char *board,
				   uint8_t *image, struct programming *p,
				   struct err *e)
{
	struct target *t;
	enum err_code rc = board_open(r, board, &t, e);

	if (!rc)
		rc = program(r, t, image, p, e);
	board_close(r, t);
	if (!rc)
		rc = rig_nor_holds(&r->rig, board, image, IMAGE_BYTES, e);
	return rc;
}

static double program_floor_s(const uint8_t *image)
{
	return image_used_pages(image) * PAGE_S;
}

/* ---- verification ---- */

static enum err_code verify(struct run *r, const uint8_t want[32],
			    struct err *e)
{
	struct account before, after, cost;
	struct target_nor nor;
	struct target *t;
	uint8_t sha256[32];
	enum err_code rc = board_open(r, BOARD, &t, e);

	if (!rc)
		rc = target_nor_identify(t, &nor, e);
	if (!rc)
		rc = rig_look(&r->rig, RIG_PROBE, &before, e);
	if (!rc)
		rc = target_nor_sha256(t, IMAGE_BYTES, sha256, e);
	if (!rc)
		rc = rig_look(&r->rig, RIG_PROBE, &after, e);
	if (!rc && memcmp(sha256, want, sizeof sha256) != 0)
		rc = err_set(e, ERR_INTEGRITY,
			     "verification gives another "
			     "SHA-256 than programming");
	board_close(r, t);
	if (rc)
		return rc;
	cost = account_minus(&after, &before);
	run_result(r, FIGURE_VERIFY, account_s(&cost));
	return ERR_OK;
}

/* ---- stages ---- */

enum err_code measure_blank(struct run *r, struct err *e)
{
	struct programming p;
	enum err_code rc = program_board(r, BOARD, r->image, &p, e);

	if (rc)
		return rc;
	r->blank = p.cost;
	run_result(r, FIGURE_BLANK_OVER_FLOOR,
		   p.cost.s / program_floor_s(r->image));
	run_result(r, FIGURE_CPU_PER_MIB,
		   p.cpu_s /
			   ((double)p.report.bytes_programmed / BYTES_IN_MIB));
	return verify(r, p.report.sha256, e);
}

enum err_code measure_update(struct run *r, struct err *e)
{
	struct programming p;
	enum err_code rc = program_board(r, BOARD, r->next, &p, e);

	if (!rc)
		r->update = p.cost;
	return rc;
}

enum err_code measure_dirty(struct run *r, struct err *e)
{
	struct programming p;
	enum err_code rc = program_board(r, BOARD, r->other, &p, e);
	double floor_s = program_floor_s(r->other) +
			 image_blocks_to_erase(r->next, r->other) * BLOCK_S;

	if (rc)
		return rc;
	r->dirty = p.cost;
	run_result(r, FIGURE_DIRTY_OVER_FLOOR, p.cost.s / floor_s);
	run_result(r, FIGURE_UPDATE_OVER_FULL, r->update.s / p.cost.s);
	return ERR_OK;
}

enum err_code measure_full(struct run *r, struct err *e)
{
	struct programming p;
	enum err_code rc = program_board(r, BOARD_FULL, r->random, &p, e);

	if (!rc)
		rc = program_board(r, BOARD_FULL, r->other, &p, e);
	if (!rc)
		r->full = p.cost;
	return rc;
}
