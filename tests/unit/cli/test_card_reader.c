/* Which card a command takes, and what it does to it before somebody said yes:
 * with several cards about, none. Readers and cards are played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cmd_card.c"

static struct {
	struct card_reader readers[CARD_READERS_MAX];
	size_t count;
	char opened[CARD_READER_NAME_BYTES];
	struct card_info info;
	enum card_match match;
	bool written, locked;
} world;

enum err_code card_readers(struct card_reader out[CARD_READERS_MAX],
			   size_t *count, struct err *e)
{
	(void)e;
	memcpy(out, world.readers, sizeof world.readers);
	*count = world.count;
	return ERR_OK;
}

enum err_code card_open(struct card **c, const char *reader, struct err *e)
{
	(void)e;
	*c = NULL;
	snprintf(world.opened, sizeof world.opened, "%s", reader);
	return ERR_OK;
}

void card_close(struct card *c)
{
	(void)c;
}

enum err_code card_read_info(struct card *c, struct card_info *info,
			     struct err *e)
{
	(void)c, (void)e;
	*info = world.info;
	return ERR_OK;
}

enum err_code card_compare(struct card *c, const struct card_info *info,
			   const struct card_content *content,
			   enum card_match *match, struct err *e)
{
	(void)c, (void)info, (void)content, (void)e;
	*match = world.match;
	return ERR_OK;
}

enum err_code card_write_content(struct card *c,
				 const struct card_content *content,
				 struct err *e)
{
	(void)c, (void)content, (void)e;
	world.written = true;
	return ERR_OK;
}

enum err_code card_lock(struct card *c, const struct card_content *content,
			struct err *e)
{
	(void)c, (void)content, (void)e;
	world.locked = true;
	return ERR_OK;
}

enum err_code card_fingerprint(struct card *c, uint8_t out[KEY_HASH_BYTES],
			       struct err *e)
{
	(void)c, (void)e;
	memset(out, 0, KEY_HASH_BYTES);
	return ERR_OK;
}

/* not reached */
enum err_code card_content_name(struct card_content *content, const char *text,
				struct err *e)
{
	(void)content, (void)text;
	return err_set(e, ERR_BUG, "not here");
}

enum err_code cli_options(struct cli *c, int argc, char **argv,
			  const struct option *own, cli_option_fn *fn,
			  void *arg, int *first, struct err *e)
{
	(void)c, (void)argc, (void)argv, (void)own, (void)fn, (void)arg;
	(void)first;
	return err_set(e, ERR_BUG, "not here");
}

enum err_code cli_number(const char *option, const char *text, long min,
			 long max, long *value, struct err *e)
{
	(void)option, (void)text, (void)min, (void)max, (void)value;
	return err_set(e, ERR_BUG, "not here");
}

void cli_print_json(const json_t *j)
{
	(void)j;
}

void table_print(FILE *f, const struct table_column *columns,
		 const json_t *rows)
{
	(void)f, (void)columns, (void)rows;
}

static int three_readers(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	for (; world.count < 3; world.count++)
		snprintf(world.readers[world.count].name,
			 sizeof world.readers[0].name, "Reader %zu",
			 world.count);
	return 0;
}

static void which_card(void **state)
{
	struct job j = {0};
	struct err e;

	(void)state;
	assert_int_equal(open_card(&j, &e), ERR_NO_CARD);
	world.readers[1].present = true;
	assert_int_equal(open_card(&j, &e), ERR_OK);
	assert_string_equal(world.opened, "Reader 1");
	world.readers[2].present = true;
	world.opened[0] = '\0';
	assert_int_equal(open_card(&j, &e), ERR_USAGE);
	assert_non_null(strstr(e.text, "2 readers hold cards"));
	assert_string_equal(world.opened, "");
	j.reader = "Reader 2";
	assert_int_equal(open_card(&j, &e), ERR_OK);
	assert_string_equal(world.opened, "Reader 2");
}

/* What may be done to a card, by its state and what it holds. */
static void which_content(void **state)
{
	static const struct {
		enum card_state state;
		enum card_match match;
		bool replace;
		enum err_code code;
		bool write;
	} rows[] = {
		{CARD_BLANK, CARD_MATCH_NONE, false, ERR_OK, true},
		{CARD_PERSONALISED, CARD_MATCH_SAME, false, ERR_OK, false},
		{CARD_PERSONALISED, CARD_MATCH_SAME, true, ERR_OK, false},
		{CARD_PERSONALISED, CARD_MATCH_OTHER, false, ERR_STATE, true},
		{CARD_PERSONALISED, CARD_MATCH_OTHER, true, ERR_OK, true},
		{CARD_OPERATIONAL, CARD_MATCH_SAME, false, ERR_STATE, false},
		{CARD_OPERATIONAL, CARD_MATCH_SAME, true, ERR_STATE, false},
		{CARD_OPERATIONAL, CARD_MATCH_OTHER, true, ERR_STATE, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct job j = {.replace = rows[i].replace};
		struct card_info info;
		bool write = false;
		struct err e;

		world.info.state = rows[i].state;
		world.match = rows[i].match;
		assert_int_equal(judge(&j, &info, &write, &e), rows[i].code);
		assert_int_equal(write, rows[i].write);
	}
	assert_false(world.written || world.locked);
}

static void hostile_names(void **state)
{
	char text[SFI_FWID_BYTES + 1];

	(void)state;
	fwid_text(text, (const uint8_t *)"\x1b[2J\x9b\x7f\xff"
					 "abcdefghi");
	assert_string_equal(text, "?[2J???abcdefghi");
	fwid_text(text, (const uint8_t *)"a\0bcdefghijklmno");
	assert_string_equal(text, "a");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, three_readers)
	const struct CMUnitTest tests[] = {
		TEST(which_card), TEST(which_content), TEST(hostile_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
