/* provline: one front door for people, scripts and the MES. */
#include "cli/cli.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
	{"init", "--data DIR [--name HOST]...",
	 "make a new controller's data folder: CA, keys, first administrator",
	 "  --data DIR   must not exist yet or be empty\n"
	 "  --name HOST  name or address under which the controller is "
	 "reached,\n               besides localhost; may be given several "
	 "times\n",
	 cmd_init},
	{"user add", "NAME --role ROLE",
	 "a person or program more: prints its bearer token, once",
	 "  --role ROLE         operator, manager, engineer, auditor or "
	 "admin\n"
	 "  --output FILE       the token into a new file (0600) instead\n",
	 cmd_user_add},
	{"station enroll", "STATION",
	 "print a one-time token with which a station's agent enrols", "",
	 cmd_station_enroll},
	{"station list", "", "stations, their harnesses and cards", "",
	 cmd_station_list},
	{"station show", "STATION", "one station", "", cmd_station_list},
	{"station revoke", "STATION", "refuse this station from now on", "",
	 cmd_station_revoke},
	{"image build", "OUT.pli --product NAME --release VERSION ...",
	 "pack programs and bundles into a SPI-flash image",
	 "  --product NAME, --release VERSION\n"
	 "  --test FILE --kernel FILE           programs (.bin)\n"
	 "  --app-test FILE --app FILE          bundles (.zip) or programs "
	 "(.bin)\n"
	 "  --data FILE         for the application, stays in SPI flash\n"
	 "  --sfi-key FILE      AES-128 key and GCM nonce\n"
	 "  --fwid TEXT         firmware identifier of the SFI card\n"
	 "  --attestation-key PEM, --release-key KEY  P-256 private keys; KEY "
	 "may be a\n                      PKCS#11 URI\n"
	 "  --passphrase-file FILE  of encrypted keys, tried in order; \"-\" "
	 "is standard\n                      input; else the terminal is "
	 "asked\n"
	 "  --pin-file FILE     of the release key's token\n"
	 "  --nor-bytes N       smallest SPI flash the product may have\n"
	 "  --align N           where programs begin: 65536 (default) or "
	 "4096\n"
	 "  --expect FILE.json  limits, NOR and harness the product expects\n",
	 cmd_image_build},
	{"image inspect", "FILE.pli", "what an image holds, drawn",
	 "  --release-key PEM   also check who signed it (public key)\n",
	 cmd_image_inspect},
	{"image verify", "FILE.pli", "check every byte of an image",
	 "  --release-key PEM   also check who signed it (public key)\n"
	 "  --not-older-than X  X is an image or a version: refuse what is "
	 "older\n",
	 cmd_image_verify},
	{"image diff", "OLD.pli NEW.pli",
	 "what changed, and what a line rewrites",
	 "  --release-key PEM   also check who signed both (public key)\n",
	 cmd_image_diff},
	{"image extract", "FILE.pli -o DIR [--part NAME]...",
	 "write the parts of an image as files",
	 "  -o, --output DIR    made when it is not there\n"
	 "  --part NAME         only this one; may be given several times\n"
	 "  --key FILE          SFI key: decrypt the hardware test. What comes "
	 "out holds\n                      the attestation key\n"
	 "  --passphrase-file FILE  of the SFI key\n"
	 "  --release-key PEM   also check who signed it (public key)\n",
	 cmd_image_extract},
	{"image import", "FILE.pli",
	 "give an image to the controller; begun before, it goes on there",
	 "  --release-key PEM   refuse it unless this public key signed it\n",
	 cmd_image_import},
	{"image approve", "SHA256",
	 "let lots use an image that someone else imported", "",
	 cmd_image_approve},
	{"image retire", "SHA256", "let no new lot use an image, for good", "",
	 cmd_image_retire},
	{"image list", "", "images at the controller", "", cmd_image_list},
	{"bundle build", "ROM -o OUT.zip [options]",
	 "pack an application into a bundle",
	 "  ROM                 ELF, Intel HEX or raw binary, smaller than 1 "
	 "MiB\n"
	 "  -o, --output OUT.zip\n"
	 "  --key KEY           sign: PEM file with a P-256 private key, or "
	 "PKCS#11 URI\n"
	 "  --pin-file FILE     the token's PIN\n"
	 "  --passphrase-file FILE  of an encrypted PEM; \"-\" is standard "
	 "input; else the\n                      terminal is asked\n"
	 "  --load-address A    where ROM begins (0x08000000)\n"
	 "  --debug-auth-pubkey PEM       who may debug the device\n"
	 "  --connection-grace-time S     seconds to stay connected\n"
	 "  --minimum-check-in-time S     seconds between looks for updates "
	 "(0: always\n                      connected)\n"
	 "  --maximum-politeness-time S   seconds an update waits for the "
	 "application\n"
	 "  --minimum-kernel-version N\n"
	 "  --minimum-restart-interval MS, --maximum-restart-interval MS  "
	 "after crashes\n"
	 "  --crash-report-key PEM        encrypt crash reports to this key\n"
	 "  --crash-stack-bytes N         of the stack in a crash report\n",
	 cmd_bundle_build},
	{"bundle inspect", "FILE.zip", "what a bundle holds",
	 "  --foreign           another tool packed it\n", cmd_bundle_inspect},
	{"bundle verify", "FILE.zip", "check every byte of a bundle",
	 "  --signer PEM        also check who signed it (public key)\n"
	 "  --foreign           another tool packed it: check all of its "
	 "content, the\n                      ZIP around it less strictly\n",
	 cmd_bundle_verify},
	{"keys new", "release|signer|attestation|sfi FILE|URI [options]",
	 "make a key, under a passphrase or in a PKCS#11 token",
	 "  FILE                mode 0600, never overwritten\n"
	 "  URI                 of a token, with object=NAME of the new key: "
	 "release and\n                      signer keys only\n"
	 "  --passphrase-file FILE  \"-\" is standard input; without it the "
	 "terminal is\n                      asked twice\n"
	 "  --no-passphrase     leave the key in the clear: for trials\n"
	 "  --pin-file FILE     the token's PIN\n"
	 "  --public FILE       the public half, as PEM\n"
	 "  --force             overwrite FILE: the key in it is lost\n",
	 cmd_keys_new},
	{"keys show", "KEY [options]",
	 "what may be seen of a key: type, fingerprint, public half",
	 "  KEY                 file or PKCS#11 URI\n"
	 "  --passphrase-file FILE, --pin-file FILE  as for keys new\n"
	 "  --public FILE       write the public half, as PEM\n"
	 "  --force             overwrite that\n",
	 cmd_keys_show},
	{"card personalise",
	 "--firmware-id ID --key FILE --max-count N [options]",
	 "give a blank SFI card its firmware, and lock it",
	 "  --reader NAME       as pcscd calls it; needed when several hold "
	 "cards\n"
	 "  --firmware-id ID    1 to 16 characters: what the image says\n"
	 "  --key FILE          SFI key, as given to image build\n"
	 "  --passphrase-file FILE  of the key; \"-\" is standard input\n"
	 "  --max-count N       installs that the card may license\n"
	 "  --lock              for good: only a locked card works at a "
	 "station\n"
	 "  --replace           of a card that is not locked: what it holds\n"
	 "  --yes               do not ask\n",
	 cmd_card_personalise},
	{"card inspect", "[--reader NAME] [--key FILE]",
	 "the SFI card in a reader of this machine",
	 "  --key FILE          say whether it holds this SFI key\n"
	 "  --passphrase-file FILE  of the key\n",
	 cmd_card_inspect},
	{"lot create", "LOT --product NAME --image SHA256 --quantity N",
	 "a new lot", "  --max-attempts N    attempts a unit may take (2)\n",
	 cmd_lot_create},
	{"lot start", "LOT", "let the lot run", "", cmd_lot_start},
	{"lot pause", "LOT", "no new attempts", "", cmd_lot_pause},
	{"lot resume", "LOT", "go on", "", cmd_lot_resume},
	{"lot close", "LOT", "end it; its ledger must balance", "",
	 cmd_lot_close},
	{"lot show", "LOT", "one lot and how far it is", "", cmd_lot_show},
	{"lot list", "", "all lots", "", cmd_lot_list},
	{"assign", "LOT STATION [HARNESS]",
	 "let a station, or one harness of it, work on a lot",
	 "  LOT \"-\" takes the work away\n", cmd_assign},
	{"status", "", "the line now", "", cmd_status},
	{"unit list", "--lot LOT", "units of a lot", "", cmd_unit_list},
	{"unit show", "UID|SERIAL", "one unit, and where its time went", "",
	 cmd_unit_show},
	{"ledger show", "--lot LOT", "card, licences, units, certificates", "",
	 cmd_ledger_show},
	{"report yield", "--lot LOT [--format csv|json] [--output FILE]",
	 "yield per station and step", "", cmd_report_yield},
	{"export traceability",
	 "--lot LOT [--format csv|jsonl] [--output FILE]",
	 "one row per attempt", "", cmd_export_traceability},
	{"export attempts", "--lot LOT [--format csv|jsonl] [--output FILE]",
	 "one row per attempt: where its time went", "", cmd_export_attempts},
	{"evidence export", "--lot LOT --output FILE.tar",
	 "a closed lot's evidence", "", cmd_evidence_export},
	{"evidence verify", "FILE.tar", "check evidence, offline",
	 "  --key PEM   the checkpoint key you trust; without it the key in "
	 "the\n              file is used and its fingerprint printed\n",
	 cmd_evidence_verify},
	{"demo", "[options]", "run a lot on the virtual bench",
	 "  --stations N    stations (2)\n"
	 "  --harnesses N   harnesses at each (1)\n"
	 "  --boards N      boards (12), some of them faulty\n"
	 "  --scenario FILE boards and faults as JSON\n"
	 "  --quantity N    quantity of the lot (number of boards)\n"
	 "  --seed N        of everything random (1)\n"
	 "  --pace X        0 as fast as it goes (default), 1 real time\n"
	 "  --out DIR       where the files go\n"
	 "  --keep          leave the line running until Ctrl-C\n"
	 "  --trace         record the pins of each harness as VCD, in log/\n"
	 "  --list-faults   the faults a scenario can give a board\n",
	 cmd_demo},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command *current;

/* What was printed must have got there. */
static enum err_code end_output(struct err *e)
{
	if (!ferror(stdout) && !fflush(stdout))
		return ERR_OK;
	return err_set(e, ERR_IO, "standard output cannot be written");
}

static int end(enum err_code rc, struct err *e)
{
	if (!rc)
		rc = end_output(e);
	if (rc == ERR_DISK_FULL && !e->hint[0])
		err_hint(e, "free space, then give the command again");
	return rc ? err_print(stderr, "provline", e) : 0;
}

static void print_help(const struct cli_command *c)
{
	printf("usage: provline %s %s\n\n%s.\n\n%s"
	       "  --json              machine-readable output\n"
	       "  --url URL           controller (https://localhost:7443, "
	       "PROVLINE_URL)\n"
	       "  --token-file FILE   (PROVLINE_TOKEN_FILE)\n"
	       "  --ca FILE           the controller's CA (PROVLINE_CA)\n",
	       c->words, c->args, c->what, c->help);
}

enum { OPT_JSON = 500, OPT_URL, OPT_TOKEN, OPT_CA, OPT_HELP, OPT_SECRET };

static const struct option shared[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"url", required_argument, NULL, OPT_URL},
	{"token-file", required_argument, NULL, OPT_TOKEN},
	{"ca", required_argument, NULL, OPT_CA},
	{"help", no_argument, NULL, OPT_HELP},
	/* not options: getopt takes them for short forms of --passphrase-file
	 * and --pin-file, and the error would show the secret */
	{"passphrase", required_argument, NULL, OPT_SECRET},
	{"pin", required_argument, NULL, OPT_SECRET},
};

#define SHARED_COUNT (sizeof shared / sizeof shared[0])
#define OWN_MAX	     24

static bool take_shared(struct cli *c, int val)
{
	switch (val) {
	case OPT_JSON:
		c->json = true;
		return true;
	case OPT_URL:
		c->url = optarg;
		return true;
	case OPT_TOKEN:
		c->token_path = optarg;
		return true;
	case OPT_CA:
		c->ca_path = optarg;
		return true;
	case OPT_HELP:
		print_help(current);
		exit(end(ERR_OK, &(struct err){0}));
	default:
		return false;
	}
}

/* ":o:v" out of the options whose val is a letter. */
static void short_options(char *out, const struct option *own)
{
	*out++ = ':';
	for (; own->name; own++) {
		if (own->val > 'z')
			continue;
		*out++ = (char)own->val;
		if (own->has_arg)
			*out++ = ':';
	}
	*out = '\0';
}

/* Never the value: it may be a secret under a name that is misspelt. */
static enum err_code option_error(int val, const char *word, struct err *e)
{
	int len = (int)strcspn(word, "=");

	if (val != '?') /* none, or an empty one */
		return err_set(e, ERR_USAGE, "%.*s needs a value", len, word);
	if (optopt >= OPT_JSON)
		return err_set(e, ERR_USAGE, "%.*s takes no value", len, word);
	if (optopt)
		return err_set(e, ERR_USAGE, "unknown option -%c", optopt);
	return err_set(e, ERR_USAGE, "unknown option %.*s", len, word);
}

enum err_code cli_options(struct cli *c, int argc, char **argv,
			  const struct option *own, cli_option_fn *fn,
			  void *arg, int *first, struct err *e)
{
	struct option all[SHARED_COUNT + OWN_MAX] = {0};
	char letters[2 * OWN_MAX + 2];
	size_t n = SHARED_COUNT;
	enum err_code rc;
	int val;

	memcpy(all, shared, sizeof shared);
	for (; own && own->name && n + 1 < SHARED_COUNT + OWN_MAX; own++)
		all[n++] = *own;
	short_options(letters, all + SHARED_COUNT);
	opterr = 0;
	optind = 1;
	while ((val = getopt_long(argc, argv, letters, all, NULL)) != -1) {
		if (val == ':' || val == '?' || (optarg && !*optarg))
			return option_error(
				val,
				argv[optind -
				     (optarg == argv[optind - 1] ? 2 : 1)],
				e);
		if (val == OPT_SECRET)
			return err_set(e, ERR_USAGE,
				       "a secret in an argument can be seen by "
				       "others; give a file");
		if (take_shared(c, val))
			continue;
		rc = fn(arg, val, optarg, e);
		if (rc)
			return rc;
	}
	*first = optind;
	return ERR_OK;
}

enum err_code cli_number(const char *option, const char *text, long min,
			 long max, long *value, struct err *e)
{
	size_t digits = strspn(text + (*text == '-'), "0123456789");

	/* strtol(3) takes white space and a plus as well */
	*value = strtol(text, NULL, 10);
	if (!digits || text[digits + (*text == '-')] || *value < min ||
	    *value > max)
		return err_set(e, ERR_USAGE,
			       "%s: \"%s\" is not a number from %ld to %ld",
			       option, text, min, max);
	return ERR_OK;
}

static const char *or_env(const char *value, const char *name,
			  const char *fallback)
{
	if (!value)
		value = getenv(name);
	return value ? value : fallback;
}

enum err_code cli_connect(struct cli *c, struct err *e)
{
	struct rest_config config = {
		.url = or_env(c->url, "PROVLINE_URL", "https://localhost:7443"),
		.token_path = or_env(c->token_path, "PROVLINE_TOKEN_FILE",
				     "/var/lib/provline/admin.token"),
		.ca_path = or_env(c->ca_path, "PROVLINE_CA",
				  "/var/lib/provline/ca.pem"),
	};

	return rest_new(&c->rest, &config, e);
}

void cli_print_json(const json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* How many words of argv make up this command; 0 when another one. */
static int words_matched(const struct cli_command *c, int argc, char **argv)
{
	char joined[64];

	if (argc > 1 && strcmp(c->words, argv[1]) == 0)
		return 1;
	if (argc < 3)
		return 0;
	snprintf(joined, sizeof joined, "%s %s", argv[1], argv[2]);
	return strcmp(c->words, joined) == 0 ? 2 : 0;
}

static int run(int argc, char **argv, int words)
{
	struct cli cli = {0};
	struct err e = {0};
	enum err_code rc;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	rc = current->run(&cli, argc - words, argv + words, &e);
	rest_free(cli.rest);
	curl_global_cleanup();
	if (rc == ERR_USAGE && !e.hint[0])
		err_hint(&e, "see provline %s --help", current->words);
	return end(rc, &e);
}

/* Of all commands, or of a family: those whose first word it is. How many. */
static int print_usage(FILE *f, const char *family)
{
	size_t len = strlen(family);
	int count = 0;

	for (const struct cli_command *c = cli_commands; c->words; c++) {
		if (len && (strncmp(c->words, family, len) != 0 ||
			    c->words[len] != ' '))
			continue;
		if (!count++)
			fprintf(f, "usage: provline %s%sCOMMAND [options]\n\n",
				family, len ? " " : "");
		fprintf(f, "  %-20s %s\n", c->words, c->what);
	}
	if (count)
		fprintf(f, "\nprovline %s%sCOMMAND --help tells more.\n",
			family, len ? " " : "");
	return count;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "help") == 0;
}

/* A file opened in the place of a closed stdout would get what is printed. The
 * other way round: what is printed there is lost, and that is an error. */
static void fill_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

int main(int argc, char **argv)
{
	static const struct rlimit no_core = {0, 0};
	struct err e = {0};

	(void)setrlimit(RLIMIT_CORE, &no_core); /* keys pass through here */

	fill_standard_files();
	if (argc < 2) {
		print_usage(stderr, "");
		return 2;
	}
	if (is_help(argv[1])) {
		print_usage(stdout, "");
		return end(ERR_OK, &e);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("provline %s\n", PROVLINE_VERSION);
		return end(ERR_OK, &e);
	}
	if (argc == 3 && is_help(argv[2]) && print_usage(stdout, argv[1]))
		return end(ERR_OK, &e);
	for (current = cli_commands; current->words; current++) {
		int words = words_matched(current, argc, argv);

		if (words)
			return run(argc, argv, words);
	}
	err_set(&e, ERR_USAGE, "there is no command \"%.40s%s%.40s\"", argv[1],
		argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
	err_hint(&e, "see provline --help");
	return err_print(stderr, "provline", &e);
}
