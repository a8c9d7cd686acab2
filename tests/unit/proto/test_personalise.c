/* What the maker's side makes of a card's answers, honest or not. The card is
 * played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/card/personalise.c"

static struct {
	struct card_info info;
	uint8_t key[KEY_SFI_BYTES];
	unsigned sw;	   /* of the next command that changes it; 0: 9000 */
	bool lies;	   /* says 9000 and does nothing */
	size_t check_len;  /* of CHECK's answer */
	enum err_code cut; /* the reader fails */
	uint8_t last_ins;  /* of a command that changes something */
	uint8_t last[255];
	size_t last_len;
} card;

static const struct card_content content = {
	.firmware_id = "sensor-1", .maximum = 0x01020304, .key = {1, 2, 3}};

enum err_code card_read_info(struct card *c, struct card_info *info,
			     struct err *e)
{
	(void)c, (void)e;
	*info = card.info;
	return ERR_OK;
}

static void play(uint8_t ins, const uint8_t *data)
{
	if (ins == SFI_INS_LOCK) {
		card.info.state = CARD_OPERATIONAL;
		return;
	}
	memcpy(card.info.firmware_id, data, SFI_FWID_BYTES);
	card.info.counter = card.info.counter_max =
		(uint32_t)data[16] << 24 | (uint32_t)data[17] << 16 |
		(uint32_t)data[18] << 8 | data[19];
	memcpy(card.key, data + 20, KEY_SFI_BYTES);
	card.info.state = CARD_PERSONALISED;
}

enum err_code card_command(struct card *c, uint8_t ins, const void *data,
			   size_t len, bool answer, struct card_reply *r,
			   struct err *e)
{
	(void)c;
	memset(r, 0, sizeof *r);
	r->sw = SFI_SW_OK;
	assert_int_equal(answer, ins == SFI_INS_CHECK);
	if (ins == SFI_INS_CHECK) {
		assert_int_equal(len, 0);
		key_sfi_fingerprint(r->data, card.key);
		r->len = card.check_len;
		return ERR_OK;
	}
	card.last_ins = ins;
	memcpy(card.last, data, len);
	card.last_len = len;
	if (card.cut)
		return err_set(e, card.cut, "cut");
	if (card.sw)
		r->sw = card.sw;
	else if (!card.lies)
		play(ins, data);
	return ERR_OK;
}

static int blank_card(void **state)
{
	(void)state;
	memset(&card, 0, sizeof card);
	strcpy(card.info.serial, "CARD0042");
	card.check_len = KEY_HASH_BYTES;
	return 0;
}

static void bytes_on_the_wire(void **state)
{
	uint8_t fingerprint[KEY_HASH_BYTES];

	(void)state;
	assert_int_equal(card_write_content(NULL, &content, NULL), ERR_OK);
	assert_int_equal(card.last_ins, 0x30);
	assert_int_equal(card.last_len, 48);
	assert_memory_equal(card.last,
			    "sensor-1\0\0\0\0\0\0\0\0\1\2\3\4\1\2\3\0", 24);
	assert_int_equal(card_lock(NULL, &content, NULL), ERR_OK);
	key_sfi_fingerprint(fingerprint, content.key);
	assert_int_equal(card.last_ins, 0x34);
	assert_int_equal(card.last_len, 32);
	assert_memory_equal(card.last, fingerprint, sizeof fingerprint);
}

static void compare(void **state)
{
	struct card_content other = content;
	enum card_match match;

	(void)state;
	assert_int_equal(card_compare(NULL, &card.info, &content, &match, NULL),
			 ERR_OK);
	assert_int_equal(match, CARD_MATCH_NONE);
	assert_int_equal(card_write_content(NULL, &content, NULL), ERR_OK);
	assert_int_equal(card_compare(NULL, &card.info, &content, &match, NULL),
			 ERR_OK);
	assert_int_equal(match, CARD_MATCH_SAME);
	for (unsigned i = 0; i < 3; i++) {
		other = content;
		other.maximum += i == 0;
		other.firmware_id[15] = i == 1;
		other.key[27] = i == 2;
		assert_int_equal(
			card_compare(NULL, &card.info, &other, &match, NULL),
			ERR_OK);
		assert_int_equal(match, CARD_MATCH_OTHER);
	}
}

static void refusals(void **state)
{
	static const struct {
		unsigned sw;
		enum err_code code;
		const char *text;
	} rows[] = {
		{0x6985, ERR_STATE, "state does not allow"},
		{0x6A80, ERR_CARD, "refuses the content"},
		{0x6D00, ERR_CARD, "does not know the command"},
		{0x6581, ERR_CARD, "6581"},
		{0x9001, ERR_CARD, "9001"},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		card.sw = rows[i].sw;
		assert_int_equal(card_write_content(NULL, &content, &e),
				 rows[i].code);
		assert_non_null(strstr(e.text, rows[i].text));
		assert_int_equal(card_lock(NULL, &content, &e), rows[i].code);
		assert_non_null(strstr(e.text, rows[i].text));
	}
	card.cut = ERR_NO_CARD;
	assert_int_equal(card_write_content(NULL, &content, &e), ERR_NO_CARD);
	assert_non_null(strstr(e.hint, "same command again"));
}

/* 9000 is believed only when the card then shows what it was given. */
static void cards_that_lie(void **state)
{
	struct err e;

	(void)state;
	card.lies = true;
	assert_int_equal(card_write_content(NULL, &content, &e), ERR_CARD);
	assert_non_null(strstr(e.text, "CARD0042"));
	card.lies = false;
	assert_int_equal(card_write_content(NULL, &content, &e), ERR_OK);
	card.lies = true; /* "locked", and is not */
	assert_int_equal(card_lock(NULL, &content, &e), ERR_CARD);
	card.lies = false;
	card.info.counter++; /* more than it was given */
	assert_int_equal(card_lock(NULL, &content, &e), ERR_CARD);
	card.check_len = KEY_HASH_BYTES - 1;
	assert_int_equal(card_lock(NULL, &content, &e), ERR_CARD);
	assert_non_null(strstr(e.text, "31 bytes"));
}

static void names(void **state)
{
	static const char *const bad[] = {
		"",	"12345678901234567", "a b", " a", "a\n",
		"\x7f", "\xc3\xa4"};
	struct card_content c;

	(void)state;
	memset(&c, 0xEE, sizeof c);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(card_content_name(&c, bad[i], NULL),
				 ERR_USAGE);
	assert_int_equal(card_content_name(&c, "1234567890123456", NULL),
			 ERR_OK);
	assert_memory_equal(c.firmware_id, "1234567890123456", 16);
	assert_int_equal(card_content_name(&c, "a", NULL), ERR_OK);
	assert_memory_equal(c.firmware_id, "a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
			    16);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, blank_card)
	const struct CMUnitTest tests[] = {
		TEST(bytes_on_the_wire), TEST(compare), TEST(refusals),
		TEST(cards_that_lie),	 TEST(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
