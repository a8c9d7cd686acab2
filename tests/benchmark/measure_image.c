/* Image files on the host: how long `provline image build` and `image verify`
 * take, against what `openssl speed` says of this machine's SHA-256, and how
 * much memory they take. The programs are run as a person runs them, from
 * start to exit; the best of a few runs counts, since what else the machine
 * does only ever adds time. Host's time, not modelled; verification and
 * `openssl speed` in CPU time, of all threads, which other programs lengthen
 * least.
 */
#include "tests/benchmark/measure.h"

#include "proto/base/file.h"
#include "proto/base/mono.h"
#include "proto/keys/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNS	     5
#define ARGS_MAX     32
#define SMALL_BYTES  (8u << 20)	 /* of the image that is built */
#define LARGE_BYTES  (64u << 20) /* of the one that is verified */
/* what goes in beside the data: header, manifest, four programs */
#define REST_BYTES   (5u * 65536u)
#define MEGABYTE     1e6
#define OPENSSL_LINE "openssl speed -mr -seconds 1 -bytes 65536 sha256 2>&1"

/* A command line; paths are in the rig's folder. */
struct command {
	char text[ARGS_MAX][PATH_MAX];
	char *argv[ARGS_MAX + 1];
	unsigned argc;
};

static void add(struct command *c, const char *word)
{
	snprintf(c->text[c->argc], PATH_MAX, "%s", word);
	c->argv[c->argc] = c->text[c->argc];
	c->argv[++c->argc] = NULL;
}

static void add_path(struct command *c, const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	add(c, path);
}

/* ---- running ---- */

static void exec_quietly(const struct command *c, bool traced)
{
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDOUT_FILENO);
	if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(126);
	execv(c->argv[0], c->argv);
	_exit(127);
}

static enum err_code check_status(const struct command *c, int status,
				  struct err *e)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ERR_OK;
	return err_set(e, ERR_FAILED, "%s %s %s: status 0x%x", c->argv[0],
		       c->argv[1], c->argv[2], (unsigned)status);
}

static double cpu_seconds(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

/* From start to exit, seconds, by the clock or of CPU; the best of RUNS. */
static enum err_code time_of(const struct command *c, bool cpu, double *s,
			     struct err *e)
{
	struct rusage used;
	enum err_code rc = ERR_OK;

	*s = 1e9;
	for (unsigned i = 0; i < RUNS && !rc; i++) {
		struct mono begin = mono_now();
		pid_t pid = fork();
		int status = -1;
		double took;

		if (pid == 0)
			exec_quietly(c, false);
		if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
			return err_set_errno(e, ERR_FAILED, errno, "fork");
		took = cpu ? cpu_seconds(&used)
			   : (double)(mono_now().ns - begin.ns) / 1e9;
		if (took < *s)
			*s = took;
		rc = check_status(c, status, e);
	}
	return rc;
}

/* Peak RSS as the kernel has it when the program is about to end. That is not
 * ru_maxrss, which a child inherits from whoever forked it. */
static double peak_mib(pid_t pid)
{
	char path[64];
	struct dbuf text;
	const char *at = NULL;
	double mib = 0;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	dbuf_init(&text, 65536);
	if (file_read(path, &text, NULL) == ERR_OK)
		at = strstr(dbuf_text(&text), "VmHWM:");
	if (at)
		mib = strtod(at + 6, NULL) / 1024.0;
	dbuf_fini(&text);
	return mib;
}

/* Stopped by PTRACE_TRACEME at its first instruction; go on until it ends. */
static enum err_code follow(const struct command *c, pid_t pid, double *mib,
			    struct err *e)
{
	int status, pass;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT) != 0)
		return err_set(e, ERR_FAILED, "%s cannot be traced",
			       c->argv[0]);
	while (WIFSTOPPED(status)) {
		bool exits = status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8);

		if (exits)
			*mib = peak_mib(pid);
		pass = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)pass) ||
		    waitpid(pid, &status, 0) != pid)
			return err_set_errno(e, ERR_FAILED, errno, "ptrace");
	}
	return check_status(c, status, e);
}

/* The larger of *mib and what this takes. */
static enum err_code memory_of(const struct command *c, double *mib,
			       struct err *e)
{
	double took = 0;
	enum err_code rc;
	pid_t pid = fork();

	if (pid == 0)
		exec_quietly(c, true);
	if (pid < 0)
		return err_set_errno(e, ERR_FAILED, errno, "fork");
	rc = follow(c, pid, &took, e);
	if (!rc && took == 0)
		rc = err_set(e, ERR_FAILED, "%s has no VmHWM", c->argv[0]);
	if (took > *mib)
		*mib = took;
	return rc;
}

/* ---- inputs ---- */

static enum err_code make_data(const char *dir, const char *name, uint32_t len,
			       uint64_t seed, struct err *e)
{
	char path[PATH_MAX];
	uint8_t *bytes = malloc(len);
	enum err_code rc;

	if (!bytes)
		return err_set(e, ERR_NO_MEMORY, "%s", name);
	for (uint32_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(seed >> 56);
	}
	snprintf(path, sizeof path, "%s/%s", dir, name);
	rc = file_write(path, bytes, len, 0600, e);
	free(bytes);
	return rc;
}

static enum err_code make_inputs(const struct run *r, struct err *e)
{
	static const char *const keys[] = {"release.pem", "attest.pem"};
	const char *dir = r->rig.dir;
	uint8_t unused[KEY_PUBLIC_BYTES];
	char path[PATH_MAX];
	enum err_code rc = ERR_OK;

	for (size_t i = 0; i < 2 && !rc; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, keys[i]);
		rc = key_create(path, "release", NULL, true, unused, e);
	}
	if (!rc)
		rc = make_data(dir, "sfi.key", KEY_SFI_BYTES, r->rig.seed, e);
	if (!rc)
		rc = make_data(dir, "small.data", SMALL_BYTES - REST_BYTES,
			       r->rig.seed, e);
	if (!rc)
		rc = make_data(dir, "large.data", LARGE_BYTES - REST_BYTES,
			       r->rig.seed, e);
	return rc;
}

static void build_command(const struct run *r, struct command *c,
			  const char *data, const char *image)
{
	static const char *const programs[][2] = {
		{"--test", "../firmware/hardware-test.bin"},
		{"--kernel", "../firmware/kernel.bin"},
		{"--app-test", "../firmware/app-test.bin"},
		{"--app", "../firmware/app.bin"},
	};
	static const char *const texts[] = {
		"--product", "benchmark", "--release",	       "1",
		"--fwid",    "benchmark", "--release-key",     "release.pem",
		"--sfi-key", "sfi.key",	  "--attestation-key", "attest.pem"};

	c->argc = 0;
	add_path(c, r->rig.bin, "provline");
	add(c, "image");
	add(c, "build");
	add_path(c, r->rig.dir, image);
	for (unsigned i = 0; i < 4; i++) {
		add(c, programs[i][0]);
		add_path(c, r->rig.bin, programs[i][1]);
	}
	for (unsigned i = 0; i < 6; i++)
		add(c, texts[i]);
	for (unsigned i = 6; i < 12; i += 2) {
		add(c, texts[i]);
		add_path(c, r->rig.dir, texts[i + 1]);
	}
	add(c, "--data");
	add_path(c, r->rig.dir, data);
}

static void verify_command(const struct run *r, struct command *c,
			   const char *image)
{
	c->argc = 0;
	add_path(c, r->rig.bin, "provline");
	add(c, "image");
	add(c, "verify");
	add_path(c, r->rig.dir, image);
	add(c, "--release-key");
	add_path(c, r->rig.dir, "release.pem");
}

/* ---- openssl speed ---- */

/* Bytes a second, "+F:N:sha256:BYTES"; the best of three runs of a second. */
static enum err_code openssl_speed(double *speed, struct err *e)
{
	char line[256];

	*speed = 0;
	for (unsigned i = 0; i < 3; i++) {
		FILE *f = popen(OPENSSL_LINE, "r");

		while (f && fgets(line, sizeof line, f)) {
			const char *at = strrchr(line, ':');

			if (strncmp(line, "+F:", 3) == 0 && at &&
			    strtod(at + 1, NULL) > *speed)
				*speed = strtod(at + 1, NULL);
		}
		if (f)
			pclose(f);
	}
	return *speed > 0 ? ERR_OK
			  : err_set(e, ERR_FAILED,
				    "openssl speed says nothing of SHA-256");
}

/* ---- the stage ---- */

static double file_bytes(const struct run *r, const char *name)
{
	char path[PATH_MAX];
	struct stat st = {0};

	snprintf(path, sizeof path, "%s/%s", r->rig.dir, name);
	(void)stat(path, &st);
	return (double)st.st_size;
}

enum err_code measure_image(struct run *r, struct err *e)
{
	static struct command build, verify;
	double build_s, verify_s, speed, rate, mib = 0;
	enum err_code rc = make_inputs(r, e);

	/* nobody looks for leaks while traced */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	build_command(r, &build, "small.data", "small.pli");
	if (!rc)
		rc = time_of(&build, false, &build_s, e);
	build_command(r, &build, "large.data", "large.pli");
	verify_command(r, &verify, "large.pli");
	if (!rc)
		rc = memory_of(&build, &mib, e);
	if (!rc)
		rc = memory_of(&verify, &mib, e);
	if (!rc)
		rc = time_of(&verify, true, &verify_s, e);
	if (!rc)
		rc = openssl_speed(&speed, e);
	if (rc)
		return rc;
	rate = file_bytes(r, "large.pli") / verify_s;
	run_result(r, FIGURE_IMAGE_BUILD, build_s);
	run_result(r, FIGURE_IMAGE_VERIFY, rate / speed);
	run_result(r, FIGURE_IMAGE_VERIFY_RATE, rate / MEGABYTE);
	run_result(r, FIGURE_IMAGE_RSS, mib);
	return ERR_OK;
}
