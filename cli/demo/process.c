#include "cli/demo/process.h"

#include "proto/base/mono.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_RESTARTS 20

void process_init(struct process *p, const char *name, const char *log_dir)
{
	memset(p, 0, sizeof *p);
	snprintf(p->name, sizeof p->name, "%s", name);
	snprintf(p->log_path, sizeof p->log_path, "%s/%s.log", log_dir, name);
	snprintf(p->pid_path, sizeof p->pid_path, "%s/%s.pid", log_dir, name);
}

void process_arg(struct process *p, const char *arg)
{
	size_t n = 0;

	while (p->argv[n])
		n++;
	assert(n < PROCESS_ARGS);
	p->argv[n] = strdup(arg);
}

void process_env(struct process *p, const char *name, const char *value)
{
	char pair[1024];
	size_t n = 0;

	while (n < PROCESS_ENV && p->env[n])
		n++;
	assert(n < PROCESS_ENV);
	snprintf(pair, sizeof pair, "%s=%s", name, value);
	p->env[n] = strdup(pair);
}

void process_fini(struct process *p)
{
	for (size_t i = 0; i < PROCESS_ARGS; i++)
		free(p->argv[i]);
	for (size_t i = 0; i < PROCESS_ENV; i++)
		free(p->env[i]);
	memset(p, 0, sizeof *p);
}

static void become(const struct process *p, pid_t parent)
{
	int fd = open(p->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		      0644);
	int in = p->input_path[0] ? open(p->input_path, O_RDONLY | O_CLOEXEC)
				  : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = p->output_path[0]
			  ? open(p->output_path,
				 O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)
			  : fd;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || fd < 0 || in < 0 || out < 0 ||
	    (p->folder[0] && chdir(p->folder)))
		_exit(127);
	/* Ctrl-C is for the demo, which stops its daemons in order. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	for (size_t i = 0; i < PROCESS_ENV && p->env[i]; i++)
		putenv(p->env[i]);
	execv(p->argv[0], p->argv);
	_exit(127);
}

static void write_pid(const struct process *p)
{
	FILE *f = fopen(p->pid_path, "w");

	if (!f)
		return; /* only tests look at it */
	fprintf(f, "%d\n", (int)p->pid);
	fclose(f);
}

enum err_code process_start(struct process *p, struct err *e)
{
	pid_t parent = getpid();

	if (access(p->argv[0], X_OK))
		return err_set_errno(e, ERR_NOT_FOUND, errno, "%s", p->argv[0]);
	p->pid = fork();
	if (p->pid < 0) {
		p->pid = 0;
		return err_set_errno(e, ERR_FAILED, errno, "fork");
	}
	if (p->pid == 0)
		become(p, parent);
	write_pid(p);
	return ERR_OK;
}

/* The last line of the log: usually the daemon's own error line. */
static void last_line(const struct process *p, char *out, size_t out_size)
{
	char tail[600];
	FILE *f = fopen(p->log_path, "rb");
	size_t n;
	char *start;

	out[0] = '\0';
	if (!f)
		return;
	fseek(f, 0, SEEK_END);
	fseek(f, ftell(f) > (long)sizeof tail ? -(long)sizeof tail : 0,
	      ftell(f) > (long)sizeof tail ? SEEK_END : SEEK_SET);
	n = fread(tail, 1, sizeof tail - 1, f);
	fclose(f);
	while (n && tail[n - 1] == '\n')
		n--;
	tail[n] = '\0';
	start = strrchr(tail, '\n');
	snprintf(out, out_size, "%s", start ? start + 1 : tail);
}

static enum err_code ended(struct process *p, int status, struct err *e)
{
	char line[200];

	last_line(p, line, sizeof line);
	err_set(e, ERR_FAILED, "%s ended with %s %d: %s", p->name,
		WIFSIGNALED(status) ? "signal" : "exit code",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		line);
	return err_hint(e, "see %.140s", p->log_path);
}

static bool reap(struct process *p, int *status)
{
	if (!p->pid || waitpid(p->pid, status, WNOHANG) != p->pid)
		return false;
	p->pid = 0;
	unlink(p->pid_path);
	return true;
}

enum err_code process_watch(struct process *p, struct err *e)
{
	int status;

	if (!reap(p, &status))
		return ERR_OK;
	if (!WIFSIGNALED(status) || p->restarts >= MAX_RESTARTS)
		return ended(p, status, e);
	p->restarts++;
	fprintf(stderr, "%s was killed by signal %d and is started again\n",
		p->name, WTERMSIG(status));
	return process_start(p, e);
}

enum err_code process_run(struct process *p, int wait_ms, struct err *e)
{
	struct mono deadline = mono_after_ms(wait_ms);
	enum err_code rc = process_start(p, e);
	bool clean;
	int status;

	if (rc)
		return rc;
	while (!reap(p, &status)) {
		if (mono_passed(deadline)) {
			process_stop(p, 0, &clean);
			return err_set(e, ERR_TIMEOUT, "%s", p->name);
		}
		mono_sleep_ms(5);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ERR_OK;
	return ended(p, status, e);
}

void process_stop(struct process *p, int wait_ms, bool *clean)
{
	struct mono deadline = mono_after_ms(wait_ms);
	bool killed = false;
	int status;

	*clean = true;
	if (!p->pid)
		return;
	kill(p->pid, SIGTERM);
	while (!reap(p, &status)) {
		if (!killed && mono_passed(deadline)) {
			kill(p->pid, SIGKILL);
			killed = true;
		}
		mono_sleep_ms(5);
	}
	*clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
