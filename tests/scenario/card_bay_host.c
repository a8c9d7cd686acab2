/* One card bay driven by lines on standard input, so that scripts can put
 * Debian's own PC/SC tools against it:
 *
 *   card-bay-host bay SOCKET RUN_DIR
 *     insert FILE | remove | fault lose-command N | fault lose-reply N |
 *     state | quit          each answered by one line: "ok ..." or "error ..."
 *   card-bay-host card-new ...     see bench/card/card_new.h
 *   card-bay-host chip MAKER_PEM UID_HEX OUT    a chip certificate, and
 *                                               OUT.key beside it
 *   card-bay-host unwrap LICENCE KEY OUT        what the chip makes of it
 */
#include "bench/card/card_bay.h"
#include "bench/card/card_new.h"
#include "bench/sfi/sfi.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM "card-bay-host"

static enum err_code set_fault(struct card_bay *bay, const char *what,
			       const char *nth, struct err *e)
{
	enum card_bay_fault fault;

	if (strcmp(what, "lose-command") == 0)
		fault = CARD_BAY_LOSE_COMMAND;
	else if (strcmp(what, "lose-reply") == 0)
		fault = CARD_BAY_LOSE_REPLY;
	else
		return err_set(e, ERR_USAGE, "no such fault");
	card_bay_set_fault(bay, fault, (uint32_t)atoi(nth));
	return ERR_OK;
}

static void print_state(struct card_bay *bay)
{
	struct card_bay_state s;

	card_bay_get_state(bay, &s);
	printf("ok alive=%d present=%d apdus=%u counter=%u serial=%s\n",
	       s.alive, s.present, s.apdus, s.counter, s.serial);
}

static bool obey(struct card_bay *bay, char *line)
{
	enum err_code rc = ERR_OK;
	char *word[3] = {0};
	struct err e;
	int n = 0;

	for (char *w = strtok(line, " \n"); w && n < 3; w = strtok(NULL, " \n"))
		word[n++] = w;
	if (n == 1 && strcmp(word[0], "quit") == 0)
		return false;
	if (n == 1 && strcmp(word[0], "state") == 0) {
		print_state(bay);
		return true;
	}
	if (n == 2 && strcmp(word[0], "insert") == 0)
		rc = card_bay_insert(bay, word[1], &e);
	else if (n == 1 && strcmp(word[0], "remove") == 0)
		rc = card_bay_remove(bay, &e);
	else if (n == 3 && strcmp(word[0], "fault") == 0)
		rc = set_fault(bay, word[1], word[2], &e);
	else
		rc = err_set(&e, ERR_USAGE, "no such command");
	if (rc)
		printf("error %s: %s\n", err_name(rc), e.text);
	else
		puts("ok");
	return true;
}

static int host_bay(const char *socket_path, const char *run_dir)
{
	struct card_bay_config config = {socket_path, run_dir, "SFI"};
	struct card_bay *bay = NULL;
	char line[1024];
	struct err e;

	if (card_bay_start(&bay, &config, &e))
		return err_print(stderr, PROGRAM, &e);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ok");
	while (fgets(line, sizeof line, stdin) && obey(bay, line))
		;
	card_bay_stop(bay);
	return 0;
}

static enum err_code make_chip(const char *maker_pem, const char *uid_hex,
			       const char *out, struct err *e)
{
	uint8_t uid[SFI_UID_BYTES], key[SFI_PRIVATE_BYTES];
	uint8_t cert[SFI_CHIP_CERT_BYTES];
	struct sfi_maker *maker = NULL;
	char key_path[1024];
	enum err_code rc;

	snprintf(key_path, sizeof key_path, "%s.key", out);
	if (!hex_decode(uid, sizeof uid, uid_hex))
		return err_set(e, ERR_USAGE, "a UID has 24 hex digits");
	rc = sfi_maker_open(&maker, maker_pem, true, e);
	if (!rc)
		rc = sfi_maker_chip(maker, uid, key, cert, e);
	if (!rc)
		rc = file_write(out, cert, sizeof cert, 0644, e);
	if (!rc)
		rc = file_write(key_path, key, sizeof key, 0600, e);
	sfi_maker_free(maker);
	return rc;
}

static enum err_code read_exact(const char *path, void *out, size_t len,
				struct err *e)
{
	struct dbuf b;
	enum err_code rc;

	dbuf_init(&b, len);
	rc = file_read(path, &b, e);
	if (!rc && b.len != len)
		rc = err_set(e, ERR_INPUT, "%s: not %zu bytes", path, len);
	if (!rc)
		memcpy(out, b.data, len);
	dbuf_fini(&b);
	return rc;
}

static enum err_code unwrap(const char *licence_path, const char *key_path,
			    const char *out, struct err *e)
{
	uint8_t licence[SFI_LICENCE_BYTES], key[SFI_PRIVATE_BYTES];
	uint8_t key_nonce[SFI_KEY_NONCE_BYTES];
	enum err_code rc;

	if ((rc = read_exact(licence_path, licence, sizeof licence, e)) ||
	    (rc = read_exact(key_path, key, sizeof key, e)) ||
	    (rc = sfi_licence_unwrap(key_nonce, licence, key, e)))
		return rc;
	return file_write(out, key_nonce, sizeof key_nonce, 0600, e);
}

int main(int argc, char **argv)
{
	enum err_code rc;
	struct err e;

	log_init(PROGRAM, LOG_INFO);
	if (argc >= 2 && strcmp(argv[1], "card-new") == 0)
		return card_new_main(PROGRAM, argc - 1, argv + 1);
	if (argc == 4 && strcmp(argv[1], "bay") == 0)
		return host_bay(argv[2], argv[3]);
	if (argc == 5 && strcmp(argv[1], "chip") == 0)
		rc = make_chip(argv[2], argv[3], argv[4], &e);
	else if (argc == 5 && strcmp(argv[1], "unwrap") == 0)
		rc = unwrap(argv[2], argv[3], argv[4], &e);
	else
		rc = err_set(&e, ERR_USAGE, "see the head of this source");
	return rc ? err_print(stderr, PROGRAM, &e) : 0;
}
