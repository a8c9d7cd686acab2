/* The card's applet without a reader: every length, and a failing disk. */
#include "bench/card/card.h"

#include "proto/base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/provline-card-XXXXXX";
static char pem[64], path[64], lock[72];
static uint8_t cert[SFI_CHIP_CERT_BYTES];
static struct card *card;

static int set_up_group(void **state)
{
	static const uint8_t uid[SFI_UID_BYTES] = {7};
	struct card_memory m = {.serial = "PLV00007",
				.fwid = "sixteen chars ok",
				.maximum = 300,
				.counter = 258,
				.state = SFI_STATE_OPERATIONAL};
	uint8_t key[SFI_PRIVATE_BYTES];
	struct sfi_maker *maker;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(pem, sizeof pem, "%s/maker.pem", folder);
	snprintf(path, sizeof path, "%s/card", folder);
	snprintf(lock, sizeof lock, "%s.lock", path);
	assert_int_equal(sfi_maker_open(&maker, pem, true, &e), ERR_OK);
	sfi_maker_public(maker, m.maker_public);
	assert_int_equal(sfi_maker_chip(maker, uid, key, cert, &e), ERR_OK);
	sfi_maker_free(maker);
	assert_int_equal(card_make(path, &m, &e), ERR_OK);
	assert_int_equal(card_make(path, &m, &e), ERR_EXISTS);
	return 0;
}

static int tear_down_group(void **state)
{
	(void)state;
	unlink(pem);
	unlink(path);
	unlink(lock);
	return rmdir(folder);
}

static int set_up(void **state)
{
	(void)state;
	return card_open(&card, path, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	card_close(card);
	return 0;
}

static unsigned send(const void *command, size_t len, size_t *reply_len)
{
	uint8_t reply[CARD_REPLY_MAX_BYTES];
	uint8_t *exact = malloc(len ? len : 1); /* ASan sees any overread */
	size_t n;

	assert_non_null(exact);
	memcpy(exact, command, len);
	n = card_apdu(card, exact, len, reply);
	free(exact);
	assert_in_range(n, 2, sizeof reply);
	if (reply_len)
		*reply_len = n - 2;
	return (unsigned)(reply[n - 2] << 8 | reply[n - 1]);
}

static void select_applet(void)
{
	static const char command[] = "\x00\xA4\x04\x00\x09" SFI_AID;

	assert_int_equal(send(command, sizeof command - 1, NULL), SFI_SW_OK);
}

static void licence_command(uint8_t out[142])
{
	static const uint8_t head[] = {SFI_CLA, SFI_INS_LICENCE, 0, 0,
				       SFI_CHIP_CERT_BYTES};

	memcpy(out, head, sizeof head);
	memcpy(out + 5, cert, sizeof cert);
	out[141] = 0;
}

static void every_length_but_the_right_one(void **state)
{
	uint8_t command[300] = {0};
	uint32_t before = card_memory(card)->counter;

	(void)state;
	select_applet();
	licence_command(command);
	for (size_t len = 0; len <= sizeof command; len++)
		if (len != 142)
			assert_int_equal(send(command, len, NULL), 0x6700);
	command[141] = 0x87; /* Le smaller than a licence */
	assert_int_equal(send(command, 142, NULL), 0x6700);
	assert_int_equal(card_memory(card)->counter, before);
}

static void counter_falls_and_is_on_disk(void **state)
{
	uint8_t command[142];
	struct card *again;
	size_t len;
	uint32_t before = card_memory(card)->counter;

	(void)state;
	select_applet();
	licence_command(command);
	for (unsigned i = 1; i <= 3; i++) { /* over the byte border 0x100 */
		assert_int_equal(send(command, sizeof command, &len),
				 SFI_SW_OK);
		assert_int_equal(len, SFI_LICENCE_BYTES);
		assert_int_equal(card_memory(card)->counter, before - i);
	}
	assert_int_equal(card_open(&again, path, NULL), ERR_STATE);
	card_close(card);
	card = NULL;
	assert_int_equal(card_open(&again, path, NULL), ERR_OK);
	assert_int_equal(card_memory(again)->counter, before - 3);
	card_close(again);
}

static void no_licence_without_the_disk(void **state)
{
	char away[80];
	uint8_t command[142];
	size_t len;
	uint32_t before = card_memory(card)->counter;

	(void)state;
	snprintf(away, sizeof away, "%s.away", folder);
	select_applet();
	licence_command(command);
	assert_int_equal(rename(folder, away), 0);
	assert_int_equal(send(command, sizeof command, &len), 0x6581);
	assert_int_equal(len, 0);
	assert_int_equal(card_memory(card)->counter, before);
	assert_int_equal(rename(away, folder), 0);
	assert_int_equal(send(command, sizeof command, &len), SFI_SW_OK);
	assert_int_equal(card_memory(card)->counter, before - 1);
}

static void reset_forgets_the_selection(void **state)
{
	static const uint8_t info[] = {SFI_CLA, SFI_INS_INFO, 0, 0, 0};
	size_t len;

	(void)state;
	select_applet();
	assert_int_equal(send(info, sizeof info, &len), SFI_SW_OK);
	assert_int_equal(len, SFI_INFO_BYTES);
	card_reset(card);
	assert_int_equal(send(info, sizeof info, NULL), 0x6E00);
}

/* PERSONALISE and LOCK: the whole shape, and nothing without the disk. */
static void life_of_a_blank_card(void **state)
{
	struct card_memory m = {.serial = "PLV00008"};
	uint8_t command[300] = {SFI_CLA, SFI_INS_PERSONALISE,	0,
				0,	 SFI_PERSONALISE_BYTES, 'f',
				'w'};
	char file[80], file_lock[96], away[80];

	(void)state;
	snprintf(file, sizeof file, "%s/blank", folder);
	snprintf(file_lock, sizeof file_lock, "%s.lock", file);
	snprintf(away, sizeof away, "%s.away", folder);
	memcpy(m.maker_public, card_memory(card)->maker_public,
	       sizeof m.maker_public);
	card_close(card);
	card = NULL;
	m.maximum = 1;
	assert_int_equal(card_make(file, &m, NULL), ERR_INPUT);
	m.maximum = 0;
	assert_int_equal(card_make(file, &m, NULL), ERR_OK);
	assert_int_equal(card_open(&card, file, NULL), ERR_OK);
	select_applet();
	command[24] = 3; /* licences */
	for (size_t len = 0; len <= sizeof command; len++)
		if (len != 5 + SFI_PERSONALISE_BYTES)
			assert_int_equal(send(command, len, NULL), 0x6700);
	assert_int_equal(rename(folder, away), 0);
	assert_int_equal(send(command, 53, NULL), 0x6581);
	assert_int_equal(rename(away, folder), 0);
	assert_int_equal(card_memory(card)->state, SFI_STATE_BLANK);
	assert_int_equal(send(command, 53, NULL), SFI_SW_OK);
	assert_int_equal(card_memory(card)->counter, 3);

	memset(command, 0, sizeof command);
	memcpy(command, (const uint8_t[]){SFI_CLA, SFI_INS_LOCK, 0, 0, 32}, 5);
	sfi_key_fingerprint(command + 5, card_memory(card)->key_nonce);
	for (size_t len = 0; len <= sizeof command; len++)
		if (len != 5 + SFI_FINGERPRINT_BYTES)
			assert_int_equal(send(command, len, NULL), 0x6700);
	assert_int_equal(rename(folder, away), 0);
	assert_int_equal(send(command, 37, NULL), 0x6581);
	assert_int_equal(rename(away, folder), 0);
	assert_int_equal(card_memory(card)->state, SFI_STATE_PERSONALISED);
	assert_int_equal(send(command, 37, NULL), SFI_SW_OK);
	assert_int_equal(card_memory(card)->state, SFI_STATE_OPERATIONAL);
	unlink(file);
	unlink(file_lock);
}

static void files_that_are_no_card(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"format\":\"provline-sfi-card-2\"}",
		"{\"format\":\"provline-sfi-card-2\",\"serial\":\"12345678\","
		"\"firmware_id\":\"x\",\"key_nonce\":\"00\",\"maker\":\"00\","
		"\"maximum\":1,\"counter\":1,\"state\":\"operational\"}",
	};
	struct card *c = NULL;
	char file[80], file_lock[96];

	(void)state;
	snprintf(file, sizeof file, "%s/bad", folder);
	snprintf(file_lock, sizeof file_lock, "%s.lock", file);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(
			file_write(file, bad[i], strlen(bad[i]), 0600, NULL),
			ERR_OK);
		assert_int_equal(card_open(&c, file, NULL), ERR_INPUT);
		assert_null(c);
	}
	unlink(file);
	unlink(file_lock);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_length_but_the_right_one),
		TEST(counter_falls_and_is_on_disk),
		TEST(no_licence_without_the_disk),
		TEST(reset_forgets_the_selection),
		TEST(life_of_a_blank_card),
		TEST(files_that_are_no_card),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
