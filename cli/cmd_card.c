/* card ...: the SFI card in a reader of this machine, docs/keys.md. */
#include "cli/cli.h"
#include "proto/base/hex.h"
#include "proto/card/personalise.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_READER = 1000,
	OPT_FIRMWARE_ID,
	OPT_KEY,
	OPT_PASSPHRASE_FILE,
	OPT_MAX_COUNT,
	OPT_LOCK,
	OPT_REPLACE,
	OPT_YES,
};

struct job {
	struct key_unlock unlock;
	const char *reader, *firmware_id, *key_path;
	bool has_maximum, lock, replace, yes;
	struct card_content content;
	struct card *card;
	char reader_name[CARD_READER_NAME_BYTES];
};

static const struct option personalise_options[] = {
	{"reader", required_argument, NULL, OPT_READER},
	{"firmware-id", required_argument, NULL, OPT_FIRMWARE_ID},
	{"key", required_argument, NULL, OPT_KEY},
	{"passphrase-file", required_argument, NULL, OPT_PASSPHRASE_FILE},
	{"max-count", required_argument, NULL, OPT_MAX_COUNT},
	{"lock", no_argument, NULL, OPT_LOCK},
	{"replace", no_argument, NULL, OPT_REPLACE},
	{"yes", no_argument, NULL, OPT_YES},
	{0},
};

static const struct option inspect_options[] = {
	{"reader", required_argument, NULL, OPT_READER},
	{"key", required_argument, NULL, OPT_KEY},
	{"passphrase-file", required_argument, NULL, OPT_PASSPHRASE_FILE},
	{0},
};

static enum err_code take_number(struct job *j, const char *value,
				 struct err *e)
{
	long number;
	enum err_code rc =
		cli_number("--max-count", value, 1, UINT32_MAX, &number, e);

	j->content.maximum = (uint32_t)number;
	j->has_maximum = true;
	return rc;
}

static enum err_code take_option(void *arg, int val, const char *value,
				 struct err *e)
{
	struct job *j = arg;

	switch (val) {
	case OPT_READER:
		j->reader = value;
		break;
	case OPT_FIRMWARE_ID:
		j->firmware_id = value;
		return card_content_name(&j->content, value, e);
	case OPT_KEY:
		j->key_path = value;
		break;
	case OPT_PASSPHRASE_FILE:
		return key_unlock_add(&j->unlock, value, e);
	case OPT_MAX_COUNT:
		return take_number(j, value, e);
	case OPT_LOCK:
		j->lock = true;
		break;
	case OPT_REPLACE:
		j->replace = true;
		break;
	default:
		j->yes = true;
		break;
	}
	return ERR_OK;
}

static void job_fini(struct job *j)
{
	card_close(j->card);
	explicit_bzero(j, sizeof *j);
}

/* -------- the card -------- */

/* The reader named, or the only one that holds a card: what cannot be undone is
 * never done to whichever card comes first. */
static enum err_code open_card(struct job *j, struct err *e)
{
	struct card_reader readers[CARD_READERS_MAX];
	const char *found = j->reader;
	size_t count, with_card = 0;
	enum err_code rc = card_readers(readers, &count, e);

	for (size_t i = 0; i < count && !rc && !j->reader; i++) {
		if (!readers[i].present)
			continue;
		found = readers[i].name;
		with_card++;
	}
	if (rc)
		return rc;
	if (with_card > 1) {
		err_set(e, ERR_USAGE, "%zu readers hold cards", with_card);
		return err_hint(e, "name one by --reader");
	}
	if (!found)
		return err_set(e, ERR_NO_CARD, "no card in any of %zu readers",
			       count);
	snprintf(j->reader_name, sizeof j->reader_name, "%s", found);
	return card_open(&j->card, j->reader_name, e);
}

static const char *state_name(enum card_state state)
{
	static const char *const names[] = {
		[CARD_BLANK] = "blank",
		[CARD_PERSONALISED] = "personalised, not locked",
		[CARD_OPERATIONAL] = "locked",
	};

	return names[state];
}

/* What the card says may be anything: only ASCII gets out of here. */
static void fwid_text(char out[SFI_FWID_BYTES + 1],
		      const uint8_t fwid[SFI_FWID_BYTES])
{
	memcpy(out, fwid, SFI_FWID_BYTES);
	out[SFI_FWID_BYTES] = '\0';
	for (char *c = out; *c; c++)
		if (*c < 0x20 || *c > 0x7E)
			*c = '?';
}

static enum err_code describe(struct job *j, json_t **out, struct err *e)
{
	uint8_t fingerprint[KEY_HASH_BYTES];
	char hex[2 * KEY_HASH_BYTES + 1], fwid[SFI_FWID_BYTES + 1];
	struct card_info info;
	enum err_code rc = card_read_info(j->card, &info, e);

	if (rc)
		return rc;
	fwid_text(fwid, info.firmware_id);
	*out = json_pack(
		"{ss ss ss ss sI sI sb}", "reader", j->reader_name, "serial",
		info.serial, "state", state_name(info.state), "firmware_id",
		fwid, "counter", (json_int_t)info.counter, "maximum",
		(json_int_t)info.counter_max, "locked", info.operational);
	if (info.state == CARD_BLANK)
		return ERR_OK;
	rc = card_fingerprint(j->card, fingerprint, e);
	if (!rc)
		json_object_set_new(
			*out, "key_fingerprint",
			json_string(hex_encode(hex, fingerprint,
					       sizeof fingerprint)));
	return rc;
}

static enum err_code report(const struct cli *c, struct job *j, struct err *e)
{
	static const struct table_column columns[] = {
		{"SERIAL", "serial", 0},
		{"STATE", "state", 0},
		{"FIRMWARE", "firmware_id", 0},
		{"LEFT", "counter", 0},
		{"OF", "maximum", 0},
		{"KEY (SHA-256)", "key_fingerprint", 0},
		{NULL, NULL, 0},
	};
	json_t *about = NULL, *rows;
	enum err_code rc = describe(j, &about, e);

	if (!rc && c->json)
		cli_print_json(about);
	else if (!rc) {
		rows = json_pack("[O]", about);
		table_print(stdout, columns, rows);
		json_decref(rows);
	}
	json_decref(about);
	return rc;
}

/* -------- personalise -------- */

static enum err_code check_options(const struct job *j, struct err *e)
{
	if (!j->firmware_id || !j->key_path || !j->has_maximum)
		return err_set(e, ERR_USAGE,
			       "--firmware-id, --key and --max-count are "
			       "needed");
	if (j->yes || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
		return ERR_OK;
	err_set(e, ERR_USAGE, "there is no terminal to ask on");
	return err_hint(e, "say --yes in scripts");
}

/* May this card get this content, and is it to be written at all? */
static enum err_code judge(struct job *j, struct card_info *info, bool *write,
			   struct err *e)
{
	char has[SFI_FWID_BYTES + 1];
	enum card_match match;
	enum err_code rc = card_read_info(j->card, info, e);

	if (rc)
		return rc;
	fwid_text(has, info->firmware_id);
	if (info->state == CARD_OPERATIONAL) {
		err_set(e, ERR_STATE,
			"card %s is locked, for %s, %" PRIu32 " of %" PRIu32
			" installs left",
			info->serial, has, info->counter, info->counter_max);
		return err_hint(e, "take a blank card");
	}
	rc = card_compare(j->card, info, &j->content, &match, e);
	*write = match != CARD_MATCH_SAME;
	if (rc || match != CARD_MATCH_OTHER || j->replace)
		return rc;
	err_set(e, ERR_STATE,
		"card %s is not blank: firmware %s, %" PRIu32
		" installs, another key or count",
		info->serial, has, info->counter_max);
	return err_hint(e, "take a blank card, or overwrite this one by "
			   "--replace");
}

static enum err_code confirm(const struct job *j, const struct card_info *info,
			     bool write, struct err *e)
{
	uint8_t fingerprint[KEY_HASH_BYTES];
	char hex[2 * KEY_HASH_BYTES + 1], answer[16];

	if (j->yes)
		return ERR_OK;
	key_sfi_fingerprint(fingerprint, j->content.key);
	fprintf(stderr,
		"Card %s in %s is %s.\n"
		"It %s firmware %s, %" PRIu32 " installs, the key with "
		"fingerprint\n%s,\n"
		"and %s. Go on? [y/N] ",
		info->serial, j->reader_name, state_name(info->state),
		write ? "gets" : "already has", j->firmware_id,
		j->content.maximum,
		hex_encode(hex, fingerprint, sizeof fingerprint),
		j->lock ? "will be locked for good" : "stays unlocked");
	if (fgets(answer, sizeof answer, stdin) &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return ERR_OK;
	err_set(e, ERR_CANCELLED, "the card stays as it is");
	return err_hint(e, "answer y to go on");
}

static enum err_code run_personalise(const struct cli *c, struct job *j,
				     struct err *e)
{
	struct card_info info;
	bool write = false;
	enum err_code rc = check_options(j, e);

	if (!rc)
		rc = key_load_sfi(j->content.key, j->key_path, &j->unlock, e);
	if (!rc)
		rc = open_card(j, e);
	if (!rc)
		rc = judge(j, &info, &write, e);
	if (!rc)
		rc = confirm(j, &info, write, e);
	if (!rc && write)
		rc = card_write_content(j->card, &j->content, e);
	if (!rc && j->lock)
		rc = card_lock(j->card, &j->content, e);
	return rc ? rc : report(c, j, e);
}

enum err_code cmd_card_personalise(struct cli *c, int argc, char **argv,
				   struct err *e)
{
	struct job j = {0};
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, personalise_options, take_option, &j,
			 &first, e);
	if (!rc && first != argc)
		rc = err_set(e, ERR_USAGE, "\"%s\" is one word too many",
			     argv[first]);
	if (!rc)
		rc = run_personalise(c, &j, e);
	job_fini(&j);
	return rc;
}

/* -------- inspect -------- */

static enum err_code check_key(struct job *j, struct err *e)
{
	uint8_t wanted[KEY_HASH_BYTES], has[KEY_HASH_BYTES];
	enum err_code rc = card_fingerprint(j->card, has, e);

	if (rc)
		return rc;
	key_sfi_fingerprint(wanted, j->content.key);
	if (memcmp(wanted, has, sizeof has) == 0)
		return ERR_OK;
	err_set(e, ERR_INTEGRITY, "the card holds another key than %s",
		j->key_path);
	return err_hint(e, "take the card of this key");
}

enum err_code cmd_card_inspect(struct cli *c, int argc, char **argv,
			       struct err *e)
{
	struct job j = {0};
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, inspect_options, take_option, &j,
			 &first, e);
	if (!rc && first != argc)
		rc = err_set(e, ERR_USAGE, "\"%s\" is one word too many",
			     argv[first]);
	if (!rc && j.key_path)
		rc = key_load_sfi(j.content.key, j.key_path, &j.unlock, e);
	if (!rc)
		rc = open_card(&j, e);
	if (!rc)
		rc = report(c, &j, e);
	if (!rc && j.key_path)
		rc = check_key(&j, e);
	job_fini(&j);
	return rc;
}
