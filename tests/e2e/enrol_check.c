/* The EST client against a real server, from a script:
 *
 *   enrol-check URL CA_FILE USER PASSWORD_FILE BUDGET_MS DIR
 *
 * Asks for a certificate for every DIR/NAME.der at once and for the CA
 * certificates; prints one line each, "NAME CODE SHA256 TEXT", and writes
 * DIR/NAME.crt (DER) and DIR/cacerts.pem. */
#include "controller/enrol/enrol.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKED_MAX 64

struct asked {
	char name[64];
};

static struct enrol *enrol;
static const char *dir;
static struct asked asked[ASKED_MAX];
static unsigned asked_n, open_n;

static void one_less(void)
{
	if (--open_n == 0)
		enrol_close(enrol, NULL, NULL);
}

static void keep(const char *name, const void *data, size_t len)
{
	char path[512];
	struct err e;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (file_write(path, data, len, 0644, &e))
		exit(err_print(stderr, "enrol-check", &e));
}

static void on_done(void *arg, const struct enrol_reply *reply)
{
	const struct asked *a = arg;
	char name[80];

	if (reply->code == ERR_OK && reply->ca_pem) {
		keep("cacerts.pem", reply->ca_pem, strlen(reply->ca_pem));
		printf("%s ok - -\n", a->name);
	} else if (reply->code == ERR_OK) {
		snprintf(name, sizeof(name), "%s.crt", a->name);
		keep(name, reply->cert, reply->cert_len);
		printf("%s ok %s %s\n", a->name, reply->cert_sha256,
		       reply->cert_issuer);
	} else {
		printf("%s %s - %s\n", a->name, err_name(reply->code),
		       reply->err->text);
	}
	one_less();
}

static void ask(const char *file)
{
	struct asked *a = &asked[asked_n++];
	char path[512];
	struct dbuf csr;
	struct err e;

	snprintf(a->name, sizeof(a->name), "%.*s", (int)strcspn(file, "."),
		 file);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	dbuf_init(&csr, 4096);
	if (file_read(path, &csr, &e) ||
	    enrol_certificate(enrol, csr.data, csr.len, on_done, a, &e))
		exit(err_print(stderr, "enrol-check", &e));
	dbuf_fini(&csr);
	open_n++;
}

static void ask_all(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && !strcmp(dot, ".der") && asked_n < ASKED_MAX - 1)
			ask(entry->d_name);
	}
	if (d)
		closedir(d);
}

int main(int argc, char **argv)
{
	struct enrol_config config;
	uv_loop_t loop;
	struct err e;

	if (argc != 7)
		return 2;
	log_init("enrol-check", LOG_WARN);
	config = (struct enrol_config){
		.url = argv[1],
		.ca_file = argv[2],
		.user = argv[3],
		.password_file = argv[4],
		.budget_ms = (unsigned)atoi(argv[5]),
	};
	dir = argv[6];
	uv_loop_init(&loop);
	if (enrol_open(&enrol, &loop, &config, &e))
		return err_print(stderr, "enrol-check", &e);
	strcpy(asked[asked_n].name, "cacerts");
	open_n++;
	if (enrol_ca_certs(enrol, on_done, &asked[asked_n++], &e))
		return err_print(stderr, "enrol-check", &e);
	ask_all();
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) ? 1 : 0;
}
