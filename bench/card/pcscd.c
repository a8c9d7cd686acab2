/* How a pcscd of one's own is had without privileges: the client socket is
 * made here and handed over as file descriptor 3 (systemd's socket activation
 * protocol, which pcscd reads through sd_listen_fds); -c names a folder with
 * the one reader. Its driver listens on a TCP port that has to be chosen
 * beforehand: after the start we look into /proc whether the listener is
 * really our child's, and take another port when somebody was quicker. */
#include "bench/card/pcscd.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/base/mono.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PCSCD_PATH    "/usr/sbin/pcscd"
#define VPCD_PATH     "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
#define START_MS      3000 /* per port tried */
#define STOP_MS	      2000
#define PORTS_TRIED   3
#define FIRST_PORT    20000u /* below the kernel's ephemeral ports */
#define PORT_COUNT    12000u
#define LISTEN_FDS_FD 3

static bool port_is_free(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_free =
		s >= 0 && bind(s, (struct sockaddr *)&at, sizeof at) == 0;

	if (s >= 0)
		close(s);
	return is_free;
}

/* vpcd has two slots and takes two ports in a row. */
static enum err_code choose_port(uint16_t *port, struct err *e)
{
	for (int i = 0; i < 200; i++) {
		uint16_t r;

		if (getrandom(&r, sizeof r, 0) != sizeof r)
			return err_set_errno(e, ERR_IO, errno, "random bytes");
		*port = (uint16_t)(FIRST_PORT + 2 * (r % (PORT_COUNT / 2)));
		if (port_is_free(*port) && port_is_free(*port + 1))
			return ERR_OK;
	}
	return err_set(e, ERR_IO, "no free TCP port for the card reader");
}

static enum err_code write_config(const char *run_dir, const char *reader_name,
				  uint16_t port, struct err *e)
{
	char path[PATH_MAX], text[512];
	int len;

	if ((size_t)snprintf(path, sizeof path, "%s/reader.conf.d", run_dir) >=
	    sizeof path - 16)
		return err_set(e, ERR_INPUT, "%s: the path is too long",
			       run_dir);
	if (file_mkdir(path, 0700, e))
		return e->code;
	strcat(path, "/vpcd");
	len = snprintf(text, sizeof text,
		       "FRIENDLYNAME \"%s\"\n"
		       "DEVICENAME /dev/null:%u\n"
		       "LIBPATH %s\n"
		       "CHANNELID %u\n",
		       reader_name, port, VPCD_PATH, port);
	if (len < 0 || (size_t)len >= sizeof text ||
	    strpbrk(reader_name, "\"\n"))
		return err_set(e, ERR_INPUT, "not a reader's name");
	return file_write(path, text, (size_t)len, 0600, e);
}

static enum err_code listen_on(const char *path, int *fd, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;
	int s;

	if (strlen(path) >= sizeof at.sun_path)
		return err_set(e, ERR_INPUT, "%s: over %zu bytes", path,
			       sizeof at.sun_path - 1);
	strcpy(at.sun_path, path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path); /* left behind by a killed bench */
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) ||
	    listen(s, 16)) {
		int errnum = errno;

		if (s >= 0)
			close(s);
		return err_set_errno(e, ERR_IO, errnum, "%s", path);
	}
	*fd = s;
	return ERR_OK;
}

/* In the child, after fork() in a process that may have threads: nothing but
 * system calls and formatting into buffers of our own. */
static void run_pcscd(int socket_fd, int log_fd, const char *config_dir,
		      pid_t parent)
{
	char listen_pid[32];
	char *const argv[] = {PCSCD_PATH, "-f", "-c", (char *)config_dir, NULL};
	char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
			     "LISTEN_FDS=1", listen_pid, NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(126); /* the bench was killed before we got here */
	snprintf(listen_pid, sizeof listen_pid, "LISTEN_PID=%d", (int)getpid());
	if (dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
		_exit(126);
	if (socket_fd == LISTEN_FDS_FD)
		fcntl(socket_fd, F_SETFD, 0);
	else if (dup2(socket_fd, LISTEN_FDS_FD) < 0)
		_exit(126);
	execve(PCSCD_PATH, argv, env);
	_exit(127);
}

static enum err_code spawn(struct pcscd *p, const char *run_dir, struct err *e)
{
	char config_dir[PATH_MAX], log_path[PATH_MAX];
	int socket_fd = -1, log_fd;
	pid_t self = getpid();
	enum err_code rc;

	snprintf(config_dir, sizeof config_dir, "%s/reader.conf.d", run_dir);
	snprintf(log_path, sizeof log_path, "%s/pcscd.log", run_dir);
	log_fd =
		open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", log_path);
	rc = listen_on(p->socket_path, &socket_fd, e);
	if (rc)
		goto out;
	p->pid = fork();
	if (p->pid == 0)
		run_pcscd(socket_fd, log_fd, config_dir, self);
	if (p->pid < 0) {
		p->pid = 0;
		rc = err_set_errno(e, ERR_FAILED, errno, "fork");
	}
	close(socket_fd);
out:
	close(log_fd);
	return rc;
}

/* The inode of the socket that listens on a TCP port, 0 when none does.
 * /proc/net/tcp: sl local:port remote:port state ... inode as 10th word;
 * 0A is LISTEN. */
static unsigned long listener_inode(uint16_t port)
{
	unsigned long inode = 0, found;
	unsigned local_port, state;
	char line[512];
	FILE *f = fopen("/proc/net/tcp", "re");

	while (f && !inode && fgets(line, sizeof line, f))
		if (sscanf(line,
			   " %*u: %*x:%x %*x:%*x %x %*s %*s %*s %*u %*u %lu",
			   &local_port, &state, &found) == 3 &&
		    local_port == port && state == 0x0A)
			inode = found;
	if (f)
		fclose(f);
	return inode;
}

static bool process_has_socket(pid_t pid, unsigned long inode)
{
	char path[64], want[64], link[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(want, sizeof want, "socket:[%lu]", inode);
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link,
				       sizeof link - 1);

		link[n > 0 ? n : 0] = '\0';
		found = strcmp(link, want) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* ERR_CONFLICT: the port is another process's; try another one. */
static enum err_code wait_for_reader(struct pcscd *p, const char *run_dir,
				     struct err *e)
{
	struct mono deadline = mono_after_ms(START_MS);

	while (!mono_passed(deadline)) {
		unsigned long inode = listener_inode(p->port);

		if (!pcscd_alive(p))
			return err_set(e, ERR_FAILED,
				       "pcscd ended at once, see %s/pcscd.log",
				       run_dir);
		if (inode && process_has_socket(p->pid, inode))
			return ERR_OK;
		if (inode)
			return err_set(e, ERR_CONFLICT, "port %u was taken",
				       p->port);
		mono_sleep_ms(10);
	}
	return err_set(e, ERR_TIMEOUT, "pcscd's reader, see %s/pcscd.log",
		       run_dir);
}

enum err_code pcscd_start(struct pcscd *p, const char *socket_path,
			  const char *run_dir, const char *reader_name,
			  struct err *e)
{
	enum err_code rc = ERR_CONFLICT;

	memset(p, 0, sizeof *p);
	if (access(PCSCD_PATH, X_OK) || access(VPCD_PATH, R_OK)) {
		err_set(e, ERR_NOT_FOUND, "%s or %s is missing", PCSCD_PATH,
			VPCD_PATH);
		err_hint(e, "install pcscd and vsmartcard-vpcd");
		return ERR_NOT_FOUND;
	}
	if (strlen(socket_path) >= sizeof p->socket_path)
		return err_set(e, ERR_INPUT, "%s: over %zu bytes", socket_path,
			       sizeof p->socket_path - 1);
	strcpy(p->socket_path, socket_path);
	for (int i = 0; i < PORTS_TRIED && rc == ERR_CONFLICT; i++) {
		rc = choose_port(&p->port, e);
		if (!rc)
			rc = write_config(run_dir, reader_name, p->port, e);
		if (!rc)
			rc = spawn(p, run_dir, e);
		if (!rc)
			rc = wait_for_reader(p, run_dir, e);
		if (rc)
			pcscd_stop(p);
	}
	return rc;
}

bool pcscd_alive(struct pcscd *p)
{
	int status;

	if (!p->pid || waitpid(p->pid, &status, WNOHANG) == 0)
		return p->pid != 0;
	log_warn("PCSCD_ENDED", "pid=%d status=%d", (int)p->pid, status);
	p->pid = 0;
	return false;
}

/* Wait for the child's end; false when it outlives the time given. */
static bool reap(struct pcscd *p, int64_t wait_ms)
{
	struct mono deadline = mono_after_ms(wait_ms);

	while (waitpid(p->pid, NULL, WNOHANG) == 0) {
		if (mono_passed(deadline))
			return false;
		mono_sleep_ms(5);
	}
	p->pid = 0;
	return true;
}

void pcscd_stop(struct pcscd *p)
{
	if (p->pid) {
		kill(p->pid, SIGTERM);
		if (!reap(p, STOP_MS)) {
			kill(p->pid, SIGKILL);
			waitpid(p->pid, NULL, 0);
			p->pid = 0;
		}
	}
	if (p->socket_path[0])
		unlink(p->socket_path);
}
