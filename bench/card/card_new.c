#include "bench/card/card_new.h"

#include "bench/card/card.h"
#include "proto/base/dbuf.h"
#include "proto/base/file.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: card-new FILE --serial S --fwid TEXT --key FILE28 --max N\n"
	"                [--counter N] --maker-key PEM [--open]\n"
	"       card-new FILE --serial S --maker-key PEM --blank\n"
	"\n"
	"  --serial S       8 characters\n"
	"  --fwid TEXT      firmware identifier, 1 to 16 characters\n"
	"  --key FILE28     28 bytes: AES-128 key, then GCM nonce\n"
	"  --max N          licences the card can issue\n"
	"  --counter N      licences left (default: all)\n"
	"  --maker-key PEM  the silicon maker's key, private or public\n"
	"  --open           do not lock the card\n"
	"  --blank          as a card comes to the brand: it is for `provline "
	"card\n"
	"                   personalise`\n";

struct card_new_args {
	const char *file, *serial, *fwid, *key, *max, *counter, *maker_key;
	bool open, blank, help;
};

/* Where option number i of the table goes, as a word. */
static const char **word_of(struct card_new_args *a, int i)
{
	const char **const words[] = {&a->serial, &a->fwid,    &a->key,
				      &a->max,	  &a->counter, &a->maker_key};

	return words[i];
}

static enum err_code args_check(const struct card_new_args *a, struct err *e)
{
	if (!a->serial || !a->maker_key)
		return err_set(e, ERR_USAGE,
			       "card-new: --serial and --maker-key are needed");
	if (a->blank && (a->fwid || a->key || a->max || a->counter || a->open))
		return err_set(e, ERR_USAGE,
			       "card-new: a blank card holds nothing");
	if (!a->blank && (!a->fwid || !a->key || !a->max))
		return err_set(e, ERR_USAGE,
			       "card-new: --fwid, --key and --max are needed, "
			       "or --blank");
	return ERR_OK;
}

static enum err_code args_parse(struct card_new_args *a, int argc, char **argv,
				struct err *e)
{
	static const struct option options[] = {
		{"serial", required_argument, NULL, 0},
		{"fwid", required_argument, NULL, 1},
		{"key", required_argument, NULL, 2},
		{"max", required_argument, NULL, 3},
		{"counter", required_argument, NULL, 4},
		{"maker-key", required_argument, NULL, 5},
		{"open", no_argument, NULL, 'o'},
		{"blank", no_argument, NULL, 'b'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	opterr = 0;
	optind = 0; /* glibc: start over, whoever parsed before */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return err_set(e, ERR_USAGE, "card-new: bad option %s",
				       argv[optind - 1]);
		if (option == 'o')
			a->open = true;
		else if (option == 'b')
			a->blank = true;
		else if (option == 'h')
			a->help = true;
		else
			*word_of(a, option) = optarg;
	}
	if (!a->help && argc - optind != 1)
		return err_set(e, ERR_USAGE, "card-new: one FILE is needed");
	a->file = argv[optind];
	return a->help ? ERR_OK : args_check(a, e);
}

static enum err_code parse_u32(const char *name, const char *text,
			       uint32_t *value, struct err *e)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || v > UINT32_MAX)
		return err_set(e, ERR_USAGE, "%s: not a number: %s", name,
			       text);
	*value = (uint32_t)v;
	return ERR_OK;
}

/* Not secret_load(): a binary key may well end with a newline's byte. */
static enum err_code load_key(const char *path, uint8_t *key_nonce,
			      struct err *e)
{
	struct dbuf file;
	enum err_code rc;

	dbuf_init(&file, SFI_KEY_NONCE_BYTES);
	rc = file_read(path, &file, e);
	if (rc == ERR_TOO_BIG || (!rc && file.len != SFI_KEY_NONCE_BYTES))
		rc = err_set(e, ERR_INPUT,
			     "%s: a key file has exactly %u bytes", path,
			     SFI_KEY_NONCE_BYTES);
	else if (!rc)
		memcpy(key_nonce, file.data, SFI_KEY_NONCE_BYTES);
	if (file.data)
		explicit_bzero(file.data, file.len);
	dbuf_fini(&file);
	return rc;
}

static enum err_code set_text(const char *name, char *out, size_t out_size,
			      const char *text, struct err *e)
{
	if (strlen(text) >= out_size)
		return err_set(e, ERR_USAGE, "%s: over %zu characters", name,
			       out_size - 1);
	strcpy(out, text);
	return ERR_OK;
}

static enum err_code memory_from_args(struct card_memory *m,
				      const struct card_new_args *a,
				      struct err *e)
{
	enum err_code rc;

	if ((rc = set_text("--serial", m->serial, sizeof m->serial, a->serial,
			   e)) ||
	    (rc = sfi_maker_public_load(m->maker_public, a->maker_key, e)))
		return rc;
	m->state = SFI_STATE_BLANK;
	if (a->blank)
		return ERR_OK;
	m->state = a->open ? SFI_STATE_PERSONALISED : SFI_STATE_OPERATIONAL;
	if ((rc = set_text("--fwid", m->fwid, sizeof m->fwid, a->fwid, e)) ||
	    (rc = parse_u32("--max", a->max, &m->maximum, e)) ||
	    (rc = parse_u32("--counter", a->counter ? a->counter : a->max,
			    &m->counter, e)))
		return rc;
	return load_key(a->key, m->key_nonce, e);
}

int card_new_main(const char *program, int argc, char **argv)
{
	struct card_new_args args = {0};
	struct card_memory memory = {0};
	enum err_code rc;
	struct err e;

	rc = args_parse(&args, argc, argv, &e);
	if (!rc && args.help) {
		fputs(usage, stdout);
		return 0;
	}
	if (!rc)
		rc = memory_from_args(&memory, &args, &e);
	if (!rc)
		rc = card_make(args.file, &memory, &e);
	explicit_bzero(&memory, sizeof memory);
	return rc ? err_print(stderr, program, &e) : 0;
}
