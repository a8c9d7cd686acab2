/* evidence verify: what an auditor runs, anywhere, without a controller. */
#include "cli/cli.h"
#include "controller/audit/evidence.h"
#include "proto/base/file.h"

#include <inttypes.h>

#define KEY_MAX_BYTES 16384

enum { OPT_KEY = 1000 };

static enum err_code take_key(void *arg, int val, const char *value,
			      struct err *e)
{
	(void)val, (void)e;
	*(const char **)arg = value;
	return ERR_OK;
}

static void print_summary(const struct cli *c, const struct evidence_summary *s,
			  bool trusted)
{
	json_t *j;

	if (c->json) {
		j = json_pack("{ss sI sI sI sI sI sI sI sI ss sb}", "lot",
			      s->lot, "first_seq", (json_int_t)s->first_seq,
			      "last_seq", (json_int_t)s->last_seq, "attempts",
			      (json_int_t)s->attempts, "passed",
			      (json_int_t)s->passed, "failed",
			      (json_int_t)s->failed, "indeterminate",
			      (json_int_t)s->indeterminate, "licences",
			      (json_int_t)s->licences, "certificates",
			      (json_int_t)s->certificates, "key_sha256",
			      s->key_sha256, "key_trusted", trusted ? 1 : 0);
		cli_print_json(j);
		json_decref(j);
		return;
	}
	printf("Lot %s: records %" PRIu64 " to %" PRIu64
	       " are whole, in order and unchanged.\n"
	       "%" PRIu64 " attempts: %" PRIu64 " passed, %" PRIu64
	       " failed, %" PRIu64 " indeterminate; %" PRIu64
	       " licences, %" PRIu64 " certificates.\n",
	       s->lot, s->first_seq, s->last_seq, s->attempts, s->passed,
	       s->failed, s->indeterminate, s->licences, s->certificates);
	if (trusted)
		printf("Signed by the key you gave.\n");
	else
		printf("Signed by the key in the file: compare its SHA-256 "
		       "with the one its owner published:\n%s\n",
		       s->key_sha256);
}

enum err_code cmd_evidence_verify(struct cli *c, int argc, char **argv,
				  struct err *e)
{
	static const struct option own[] = {
		{"key", required_argument, NULL, OPT_KEY}, {0}};
	struct evidence_summary s;
	const char *key = NULL;
	enum err_code rc;
	struct dbuf pem;
	int first;

	rc = cli_options(c, argc, argv, own, take_key, &key, &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one FILE.tar");
	dbuf_init(&pem, KEY_MAX_BYTES);
	if (key)
		rc = file_read(key, &pem, e);
	if (!rc)
		rc = evidence_verify(argv[first], key ? dbuf_text(&pem) : NULL,
				     &s, e);
	if (!rc)
		print_summary(c, &s, key != NULL);
	dbuf_fini(&pem);
	return rc;
}
