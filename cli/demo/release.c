#include "cli/demo/release.h"

#include "cli/demo/settings.h"
#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/secret.h"
#include "proto/board/layout.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define RUN_MS	   120000
#define PRODUCT	   "DEMO-1"
#define RELEASE	   "1.0.0"
#define ADMIN	   "controller/admin.token"
#define SECOND	   "second.token"
#define SHA256_HEX 64

struct command {
	const char *token;  /* who asks the controller; NULL: it is not asked */
	const char *output; /* file for what it prints, else the log */
	const char *const *words;
};

/* "$ provline WORD..." */
static void write_down(const struct process *p)
{
	FILE *f = fopen(p->log_path, "a");

	if (!f)
		return; /* the command itself will say what is wrong */
	fputs("$ provline", f);
	for (size_t i = 1; p->argv[i]; i++)
		fprintf(f, p->argv[i][0] ? " %s" : " '%s'", p->argv[i]);
	fputc('\n', f);
	fclose(f);
}

static enum err_code run(struct line *l, const struct command *c, struct err *e)
{
	enum err_code rc;
	struct process p;

	line_process(l, &p, "commands", "provline", NULL);
	snprintf(p.name, sizeof p.name, "%s %s", c->words[0],
		 c->words[1] ? c->words[1] : "");
	snprintf(p.folder, sizeof p.folder, "%s", l->work);
	if (c->output)
		snprintf(p.output_path, sizeof p.output_path, "%s/%s", l->work,
			 c->output);
	for (size_t i = 0; c->words[i]; i++)
		process_arg(&p, c->words[i]);
	if (c->token) {
		process_env(&p, "PROVLINE_URL", l->url);
		process_env(&p, "PROVLINE_TOKEN_FILE", c->token);
		process_env(&p, "PROVLINE_CA", "controller/ca.pem");
	}
	write_down(&p);
	rc = process_run(&p, RUN_MS, e);
	process_fini(&p);
	return rc;
}

#define RUN(l, who, into, e, ...)                                       \
	run(l,                                                          \
	    &(struct command){                                          \
		    .token = (who),                                     \
		    .output = (into),                                   \
		    .words = (const char *const[]){__VA_ARGS__, NULL}}, \
	    e)

/* ---- keys ---- */

static enum err_code new_key(struct line *l, const char *kind, const char *name,
			     struct err *e)
{
	return RUN(l, NULL, NULL, e, "keys", "new", kind, name,
		   "--no-passphrase");
}

/* What the controller proves itself with at the device cloud. */
static enum err_code cloud_secret(struct line *l, struct err *e)
{
	char path[PATH_MAX], hex[65];
	struct secret s = {0};
	enum err_code rc = secret_random(&s, 32, e);

	if (rc)
		return rc;
	hex_encode(hex, s.bytes, s.len);
	snprintf(path, sizeof path, "%s/cloud.secret", l->work);
	rc = file_write(path, hex, 64, 0600, e);
	explicit_bzero(hex, sizeof hex);
	secret_fini(&s);
	return rc;
}

enum err_code release_keys(struct line *l, struct err *e)
{
	static const struct {
		const char *kind, *name;
	} keys[] = {
		{"attestation", "attest.pem"},
		{"signer", "signer.pem"},
		{"sfi", "sfi.key"},
		/* of the chips' maker, who is the bench */
		{"signer", "maker.pem"},
	};
	enum err_code rc =
		RUN(l, NULL, NULL, e, "keys", "new", "release", "release.pem",
		    "--no-passphrase", "--public", "release.pub");

	for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !rc; i++)
		rc = new_key(l, keys[i].kind, keys[i].name, e);
	return rc ? rc : cloud_secret(l, e);
}

/* ---- image ---- */

/* The applications travel as bundles, linked for the secure alias. */
static enum err_code build_bundle(struct line *l, const char *name,
				  const char *to, struct err *e)
{
	char program[PATH_MAX], address[16];

	snprintf(program, sizeof program, "%s/../firmware/%s.elf", l->bin,
		 name);
	snprintf(address, sizeof address, "%08x", LAYOUT_FLASH_S + LAYOUT_APP);
	return RUN(l, NULL, NULL, e, "bundle", "build", program, "-o", to,
		   "--load-address", address, "--key", "signer.pem");
}

static enum err_code build_image(struct line *l, const char *image,
				 struct err *e)
{
	char test[PATH_MAX], kernel[PATH_MAX], expect[PATH_MAX];
	enum err_code rc = build_bundle(l, "app-test", "app-test.zip", e);

	snprintf(test, sizeof test, "%s/../firmware/hardware-test.bin", l->bin);
	snprintf(kernel, sizeof kernel, "%s/../firmware/kernel.bin", l->bin);
	snprintf(expect, sizeof expect, "%s/../firmware/expect.json", l->bin);
	if (!rc)
		rc = build_bundle(l, "app", "app.zip", e);
	if (rc)
		return rc;
	return RUN(l, NULL, NULL, e, "image", "build", image, "--product",
		   PRODUCT, "--release", RELEASE, "--test", test, "--kernel",
		   kernel, "--app-test", "app-test.zip", "--app", "app.zip",
		   "--sfi-key", "sfi.key", "--fwid", SETTINGS_FWID,
		   "--attestation-key", "attest.pem", "--release-key",
		   "release.pem", "--expect", expect);
}

/* The hash that the import printed. */
static enum err_code read_hash(struct line *l, char sha256[SHA256_HEX + 1],
			       struct err *e)
{
	char path[PATH_MAX];
	enum err_code rc;
	struct dbuf text;

	snprintf(path, sizeof path, "%s/image.sha256", l->work);
	dbuf_init(&text, 4096);
	rc = file_read(path, &text, e);
	if (!rc && text.len != SHA256_HEX + 1)
		rc = err_set(e, ERR_MALFORMED, "what image import printed");
	if (!rc) {
		memcpy(sha256, text.data, SHA256_HEX);
		sha256[SHA256_HEX] = '\0';
	}
	dbuf_fini(&text);
	return rc;
}

/* Nobody approves what they imported. */
static enum err_code release_image(struct line *l, char sha256[SHA256_HEX + 1],
				   struct err *e)
{
	char image[PATH_MAX];
	enum err_code rc;

	snprintf(image, sizeof image, "%s/image.pli", l->options.out);
	rc = build_image(l, image, e);
	if (!rc)
		rc = RUN(l, ADMIN, "image.sha256", e, "image", "import", image,
			 "--release-key", "release.pub");
	if (!rc)
		rc = read_hash(l, sha256, e);
	if (!rc)
		rc = RUN(l, ADMIN, NULL, e, "user", "add", "second", "--role",
			 "engineer", "--output", SECOND);
	if (!rc)
		rc = RUN(l, SECOND, NULL, e, "image", "approve", sha256);
	return rc;
}

/* ---- lot ---- */

enum err_code release_lot(struct line *l, struct err *e)
{
	char sha256[SHA256_HEX + 1], quantity[24], station[16];
	enum err_code rc = release_image(l, sha256, e);

	snprintf(quantity, sizeof quantity, "%lu", l->options.quantity);
	if (!rc)
		rc = RUN(l, ADMIN, NULL, e, "lot", "create", l->lot,
			 "--product", PRODUCT, "--image", sha256, "--quantity",
			 quantity, "--max-attempts", "5");
	for (unsigned s = 1; s <= l->options.stations && !rc; s++) {
		snprintf(station, sizeof station, "S%u", s);
		rc = RUN(l, ADMIN, NULL, e, "assign", l->lot, station);
	}
	return rc ? rc : RUN(l, ADMIN, NULL, e, "lot", "start", l->lot);
}
