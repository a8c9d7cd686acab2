/* Debian's openocd on the same bench, with the images that ours programs. What
 * a good board script can do for it is done: its own clock set-up (160 MHz out
 * of the PLL), adapter speed 30 MHz, SDIO through the resistor, all 768 KiB of
 * SRAM as work area, fast read with the SPI clock at 80 MHz.
 *
 * stmqspi has one line mode for all commands but mass erase: it takes CCR's and
 * reads the status register and the id with it too. A W25Q64 answers those on
 * one line only (it would take QPI mode for more), so quad or dual program and
 * read commands are out of reach here. It costs little: a page is on the wire
 * for 26 us and programs for 400 us.
 *
 * Verified with verify_image, its checksum code on the target, which takes half
 * as long as `flash verify_bank`. Erased by 64 KiB blocks, 64 of them; the chip
 * erase command would erase 8 MiB. Connecting is not counted.
 */
#include "tests/benchmark/measure.h"

#include "proto/base/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define OPENOCD	     "/usr/bin/openocd"
#define OPENOCD_MS   300000
#define SCRIPT_BYTES 4096

#define LOOKS	     4 /* connected, erased, written, verified */

/* OCTOSPI1 (RM0456 Rev 6): clock; memory-mapped, enabled; 8 MiB, MTYP 1, which
 * openocd wants; prescaler 2; 8 dummy clocks; command, 3-byte address and data
 * on one line each; fast read. */
static const char script[] =
	"set WORKAREASIZE 0xC0000\n"
	"adapter driver ftdi\n"
	"ftdi vid_pid 0x0403 0x6010\n"
	"ftdi channel 0\n"
	"ftdi layout_init 0x0018 0x001b\n"
	"ftdi layout_signal SWD_EN -data 0\n"
	"ftdi layout_signal SWDIO_OE -data 0\n"
	"ftdi layout_signal nSRST -data 0x0010 -oe 0x0010\n"
	"adapter serial " RIG_PROBE "\n"
	"transport select swd\n"
	"source [find target/stm32u5x.cfg]\n"
	"flash bank nor stmqspi 0x90000000 0 0 0 stm32u5x.cpu 0x420D1400\n"
	"gdb_port disabled\n"
	"tcl_port disabled\n"
	"telnet_port disabled\n"
	"proc look {n} {\n"
	"  exec %s/provline-bench ctl --socket %s {{\"cmd\":\"state\"}} "
	"> %s/look.$n\n"
	"}\n"
	"init\n"
	"reset init\n"
	"adapter speed 30000\n"
	"mww 0x46020C90 0x10\n"
	"mww 0x420D1400 0x30400001\n"
	"mww 0x420D1408 0x01160100\n"
	"mww 0x420D140C 1\n"
	"mww 0x420D1508 8\n"
	"mww 0x420D1500 0x01002101\n"
	"mww 0x420D1510 0x0B\n"
	"flash probe nor\n"
	"look 0\n"
	"flash erase_sector nor 0 63\n"
	"look 1\n"
	"flash write_bank nor %s/image.bin 0\n"
	"look 2\n"
	"verify_image %s/image.bin 0x90000000 bin\n"
	"look 3\n"
	"shutdown\n";

static enum err_code write_files(struct run *r, const uint8_t *image,
				 const char *config, struct err *e)
{
	const char *dir = r->rig.dir;
	char text[SCRIPT_BYTES], path[96];
	enum err_code rc;

	snprintf(text, sizeof text, script, r->rig.bin, r->rig.socket, dir, dir,
		 dir);
	snprintf(path, sizeof path, "%s/image.bin", dir);
	rc = file_write(config, text, strlen(text), 0600, e);
	if (!rc)
		rc = file_write(path, image, IMAGE_BYTES, 0600, e);
	return rc;
}

static enum err_code run_openocd(struct run *r, const char *config,
				 struct err *e)
{
	char preload[PATH_MAX];
	struct process p;
	enum err_code rc;

	process_init(&p, "openocd", r->rig.dir);
	process_arg(&p, OPENOCD);
	process_arg(&p, "-f");
	process_arg(&p, config);
	process_env(&p, "LD_LIBRARY_PATH", r->rig.library);
	snprintf(preload, sizeof preload,
		 "%s/../lib/benchmark/libhost-sleep.so", r->rig.bin);
	process_env(&p, "LD_PRELOAD", preload);
	process_env(&p, "PROVLINE_HOST_SLEEPS_PROBE", RIG_PROBE);
	rc = process_run(&p, OPENOCD_MS, e);
	process_fini(&p);
	return rc;
}

static enum err_code take_cost(struct run *r, struct nor_cost *cost,
			       struct err *e)
{
	struct account look[LOOKS], erase, write, verify;
	char path[96];

	for (int i = 0; i < LOOKS; i++) {
		snprintf(path, sizeof path, "%s/look.%d", r->rig.dir, i);
		if (rig_look_file(path, RIG_PROBE, &look[i], e))
			return e->code;
	}
	erase = account_minus(&look[1], &look[0]);
	write = account_minus(&look[2], &look[1]);
	verify = account_minus(&look[3], &look[2]);
	cost->erase_s = account_s(&erase);
	cost->write_s = account_s(&write);
	cost->verify_s = account_s(&verify);
	cost->account = account_minus(&look[3], &look[0]);
	cost->s = account_s(&cost->account);
	return ERR_OK;
}

static enum err_code program_board(struct run *r, const char *board,
				   const uint8_t *image, struct nor_cost *cost,
				   struct err *e)
{
	char config[96];
	enum err_code rc = rig_insert(&r->rig, RIG_PROBE, board, e);

	if (rc)
		return rc;
	snprintf(config, sizeof config, "%s/openocd.cfg", r->rig.dir);
	rc = write_files(r, image, config, e);
	if (!rc)
		rc = run_openocd(r, config, e);
	if (!rc)
		rc = take_cost(r, cost, e);
	rig_remove(&r->rig, RIG_PROBE, NULL);
	if (!rc)
		rc = rig_nor_holds(&r->rig, board, image, IMAGE_BYTES, e);
	return rc;
}

#define BOARD "OPENOCD"

enum err_code measure_openocd_blank(struct run *r, struct err *e)
{
	struct nor_cost *c = &r->openocd_blank;
	enum err_code rc = program_board(r, BOARD, r->image, c, e);

	if (rc)
		return rc;
	run_result(r, FIGURE_OPENOCD_BLANK, c->s / r->blank.s);
	run_result(r, FIGURE_OPENOCD_BLANK_KEPT,
		   (c->s - c->erase_s) / r->blank.s);
	return ERR_OK;
}

enum err_code measure_openocd_dirty(struct run *r, struct err *e)
{
	struct nor_cost *c = &r->openocd_dirty;
	enum err_code rc = program_board(r, BOARD, r->other, c, e);

	if (!rc)
		run_result(r, FIGURE_OPENOCD_DIRTY, c->s / r->dirty.s);
	return rc;
}

enum err_code measure_openocd_full(struct run *r, struct err *e)
{
	(void)e;
	run_result(r, FIGURE_OPENOCD_FULL, r->openocd_dirty.s / r->full.s);
	return ERR_OK;
}
