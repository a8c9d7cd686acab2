#include "tests/benchmark/account.h"

#include <string.h>

enum owner { PROBE, BOARD };

static const struct {
	const char *section, *key, *what;
	double scale;
	enum owner of;
} rows[ACCOUNT_ROWS] = {
#define ROW(id, part, owner, name, by, text) \
	[ACCOUNT_##id] = {.section = (part), \
			  .key = (name),     \
			  .what = (text),    \
			  .scale = (by),     \
			  .of = owner},
#include "tests/benchmark/account.def"
#undef ROW
};

enum err_code account_take(struct account *a, const json_t *probe,
			   struct err *e)
{
	const json_t *board = json_object_get(probe, "board");
	const json_t *from[] = {
		[PROBE] = json_object_get(probe, "account"),
		[BOARD] = json_object_get(json_object_get(board, "account"),
					  "chip"),
	};

	for (int i = 0; i < ACCOUNT_ROWS; i++) {
		const json_t *v =
			json_object_get(from[rows[i].of], rows[i].key);

		if (!json_is_integer(v))
			return err_set(e, ERR_MALFORMED,
				       "the bench's account has no %s",
				       rows[i].key);
		a->row[i] = (uint64_t)json_integer_value(v);
	}
	return ERR_OK;
}

struct account account_minus(const struct account *later,
			     const struct account *earlier)
{
	struct account a;

	for (int i = 0; i < ACCOUNT_ROWS; i++)
		a.row[i] = later->row[i] - earlier->row[i];
	return a;
}

double account_s(const struct account *a)
{
	return (double)a->row[ACCOUNT_ELAPSED] * rows[ACCOUNT_ELAPSED].scale;
}

void account_print(FILE *f, const char *const title[],
		   const struct account *const a[], unsigned count)
{
	const char *section = "";

	fprintf(f, "%-32s", "ACCOUNT");
	for (unsigned c = 0; c < count; c++)
		fprintf(f, " %12s", title[c]);
	fputc('\n', f);
	for (int i = 0; i < ACCOUNT_ROWS; i++) {
		if (strcmp(section, rows[i].section) != 0)
			fprintf(f, "%s\n", rows[i].section);
		section = rows[i].section;
		fprintf(f, "  %-30s", rows[i].what);
		for (unsigned c = 0; c < count; c++)
			fprintf(f, rows[i].scale < 1 ? " %12.3f" : " %12.0f",
				(double)a[c]->row[i] * rows[i].scale);
		fputc('\n', f);
	}
}
