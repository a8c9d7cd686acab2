/* provline-benchmark: the performance programme behind `./dev bench`. It runs
 * the stages that the figures asked for need, in order, prints one table and
 * where the time went, and writes bench.json. */
#include "tests/benchmark/measure.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PROGRAM	 "provline-benchmark"
#define NEEDS(s) (1u << STAGE_##s)

static const char help[] =
	"Usage: provline-benchmark [--seed N] [--out FILE] [NAME...]\n"
	"       provline-benchmark --list\n"
	"\n"
	"Measures the agent's hardware side, and OpenOCD beside it, on "
	"virtual\n"
	"boards in modelled time. Prints a table of ratios, then where the "
	"time\n"
	"went. Without names it runs all figures, which takes one to two\n"
	"minutes.\n"
	"\n"
	"  --list      the figures, their unit, reach and meaning\n"
	"  --seed N    for the images and what changes in them (default 1)\n"
	"  --out FILE  JSON (default bench.json in the build folder)\n"
	"\n"
	"This is a measurement, not a test: it exits 0 also when a figure "
	"does\n"
	"not reach what it should; \"met\" in the JSON tells. 1: something "
	"could\n"
	"not be measured. 2: wrong usage.\n";

static const struct {
	const char *what;
	stage_fn *run;
	unsigned needs; /* stages that go before */
} stages[STAGE_COUNT] = {
	[STAGE_STREAM] = {"streaming to SRAM", measure_stream, 0},
	[STAGE_STREAM_OE] = {"streaming to SRAM, output-enable layout",
			     measure_stream_oe, 0},
	[STAGE_BLANK] = {"a blank NOR", measure_blank, 0},
	[STAGE_UPDATE] = {"the next release", measure_update, NEEDS(BLANK)},
	[STAGE_DIRTY] = {"another image", measure_dirty, NEEDS(UPDATE)},
	[STAGE_FULL] = {"a NOR without a blank page", measure_full, 0},
	[STAGE_OPENOCD_BLANK] = {"OpenOCD, a blank NOR", measure_openocd_blank,
				 NEEDS(BLANK)},
	[STAGE_OPENOCD_DIRTY] = {"OpenOCD, another image",
				 measure_openocd_dirty,
				 NEEDS(DIRTY) | NEEDS(OPENOCD_BLANK)},
	[STAGE_OPENOCD_FULL] = {"OpenOCD, no blank page", measure_openocd_full,
				NEEDS(FULL) | NEEDS(OPENOCD_DIRTY)},
	[STAGE_STATION] = {"a station with four harnesses", measure_station, 0},
	[STAGE_IMAGE] = {"image files", measure_image, 0},
};

/* ---- options ---- */

struct options {
	unsigned long seed;
	char out[PATH_MAX];
};

static int usage(const char *what, const char *word)
{
	fprintf(stderr, "%s: usage: %s \"%s\"; see --help\n", PROGRAM, what,
		word);
	return 2;
}

static bool take_seed(struct options *o, const char *text)
{
	char *end;

	o->seed = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

static int take_names(struct run *r, char **names, int count)
{
	for (int i = 0; i < count; i++) {
		enum figure_id id = figure_find(names[i]);

		if (id == FIGURE_COUNT)
			return usage("there is no figure", names[i]);
		r->result[id].wanted = true;
	}
	for (int i = 0; i < FIGURE_COUNT && count == 0; i++)
		r->result[i].wanted = true;
	return 0;
}

/* -1: go on; else exit with it. */
static int parse(struct options *o, struct run *r, int argc, char **argv)
{
	static const struct option longs[] = {
		{"list", no_argument, NULL, 'l'},
		{"seed", required_argument, NULL, 's'},
		{"out", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0}};
	int c, code;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (c == 'l') {
			figure_list(stdout);
			return 0;
		}
		if (c == 's' && !take_seed(o, optarg))
			return usage("--seed is no number:", optarg);
		if (c == 'o')
			snprintf(o->out, sizeof o->out, "%s", optarg);
		if (c == '?')
			return 2;
	}
	code = take_names(r, argv + optind, argc - optind);
	return code != 0 ? code : -1;
}

/* ---- running ---- */

static void make_images(struct run *r, uint64_t seed)
{
	r->image = malloc(4 * (size_t)IMAGE_BYTES);
	if (!r->image)
		abort();
	r->next = r->image + IMAGE_BYTES;
	r->other = r->next + IMAGE_BYTES;
	r->random = r->other + IMAGE_BYTES;
	image_make(r->image, seed);
	image_next_release(r->next, r->image, seed + 1);
	image_make(r->other, seed + 2);
	image_random(r->random, seed + 3);
}

static unsigned wanted_stages(const struct run *r)
{
	unsigned set = 0;

	for (int i = 0; i < FIGURE_COUNT; i++)
		if (r->result[i].wanted)
			set |= 1u << figures[i].stage;
	for (int i = STAGE_COUNT - 1; i >= 0; i--)
		if (set & 1u << i)
			set |= stages[i].needs;
	return set;
}

/* False when a stage could not be run; what does not need it is run. */
static bool run_stages(struct run *r)
{
	unsigned set = wanted_stages(r), failed = 0;
	struct err e;

	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		if (!(set & 1u << i))
			continue;
		if (stages[i].needs & failed) {
			failed |= 1u << i;
			continue;
		}
		fprintf(stderr, "Measuring: %s\n", stages[i].what);
		if (stages[i].run(r, &e)) {
			err_prefix(&e, "%s", stages[i].what);
			err_print(stderr, PROGRAM, &e);
			failed |= 1u << i;
		}
		r->done[i] = !(failed & 1u << i);
	}
	return failed == 0;
}

/* ---- what is told ---- */

struct shown {
	const char *title, *what;
	enum stage stage;
	const struct nor_cost *cost;
};

static void print_divisions(const struct run *r, const struct shown *s,
			    unsigned count)
{
	printf("\n%-32s %12s %12s %12s %12s\n", "DIVIDED, s", "erase", "write",
	       "verify", "rest");
	for (unsigned i = 0; i < count; i++) {
		const struct nor_cost *c = s[i].cost;

		if (!r->done[s[i].stage])
			continue;
		printf("%-32s %12.3f %12.3f %12.3f %12.3f\n", s[i].what,
		       c->erase_s, c->write_s, c->verify_s,
		       c->s - c->erase_s - c->write_s - c->verify_s);
	}
}

static void print_accounts(const struct run *r)
{
	const struct shown shown[] = {
		{"blank", "ours, blank NOR", STAGE_BLANK, &r->blank},
		{"OpenOCD", "OpenOCD, blank NOR", STAGE_OPENOCD_BLANK,
		 &r->openocd_blank},
		{"other image", "ours, other image", STAGE_DIRTY, &r->dirty},
		{"OpenOCD", "OpenOCD, other image", STAGE_OPENOCD_DIRTY,
		 &r->openocd_dirty},
		{"update", "ours, previous release", STAGE_UPDATE, &r->update},
	};
	const unsigned count = sizeof shown / sizeof shown[0];
	const struct account *column[5];
	const char *title[5];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!r->done[shown[i].stage])
			continue;
		title[n] = shown[i].title;
		column[n++] = &shown[i].cost->account;
	}
	if (n == 0)
		return;
	putchar('\n');
	account_print(stdout, title, column, n);
	print_divisions(r, shown, count);
}

/* The first processor's name, as /proc/cpuinfo has it. */
static void cpu_name(char *out, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];
	const char *at;

	snprintf(out, size, "unknown");
	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, "model name", 10) != 0)
			continue;
		at = strchr(line, ':');
		line[strcspn(line, "\n")] = '\0';
		if (at && at[1])
			snprintf(out, size, "%s", at + 2);
		break;
	}
	if (f)
		fclose(f);
}

static json_t *machine(const struct options *o, const struct run *r)
{
	struct utsname u;
	char cpu[256];

	uname(&u);
	cpu_name(cpu, sizeof cpu);
	return json_pack(
		"{ss sI ss ss sI s{ss sI ss sI sI}}", "cpu", cpu, "cores",
		(json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "kernel", u.release,
		"provline", PROVLINE_VERSION, "seed", (json_int_t)o->seed,
		"model", "probe", "FT2232H", "swclk_hz", (json_int_t)RIG_SWD_HZ,
		"nor", "W25Q64JV", "image_bytes", (json_int_t)IMAGE_BYTES,
		"image_used_bytes",
		(json_int_t)image_used_pages(r->image) * IMAGE_PAGE_BYTES);
}

static int report(const struct options *o, const struct run *r, bool whole)
{
	struct err e;

	figure_print(stdout, r->result);
	print_accounts(r);
	printf("\nSeed %lu. Modelled time: FT2232H at 30 MHz, W25Q64JV with "
	       "typical times, an image of\n4 MiB of which 30 %% are blank. "
	       "JSON: %s\n",
	       o->seed, o->out);
	if (figure_save(o->out, machine(o, r), r->result, &e))
		return err_print(stderr, PROGRAM, &e);
	return whole ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1};
	static struct run r;
	struct err e;
	int code = parse(&o, &r, argc, argv);

	if (code >= 0)
		return code;
	signal(SIGPIPE, SIG_IGN);
	make_images(&r, o.seed);
	if (rig_start(&r.rig, o.seed, &e)) {
		code = err_print(stderr, PROGRAM, &e);
	} else {
		bool whole = run_stages(&r);

		if (o.out[0] == '\0')
			snprintf(o.out, sizeof o.out, "%s/../bench.json",
				 r.rig.bin);
		code = report(&o, &r, whole);
	}
	rig_stop(&r.rig);
	free(r.image);
	return code;
}
