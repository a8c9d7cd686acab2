#include "bench/daemon/account_state.h"

#define PS_PER_NS 1000u

static void put(json_t *o, const char *name, uint64_t value)
{
	json_object_set_new(o, name, json_integer((json_int_t)value));
}

static void put_harness(json_t *o, const struct account *a)
{
#define ACCOUNT_TIME(name, what)  put(o, #name "_ns", a->name##_ps / PS_PER_NS);
#define ACCOUNT_COUNT(name, what) put(o, #name, a->name);
#include "bench/probe/account.def"
#undef ACCOUNT_TIME
#undef ACCOUNT_COUNT
}

static void put_chip(json_t *o, const struct chip_account *now,
		     const struct chip_account *zero)
{
#define CHIP_ACCOUNT(name, what) put(o, #name, now->name - zero->name);
#include "bench/chip/account.def"
#undef CHIP_ACCOUNT
}

json_t *account_state_probe(const struct worker *w)
{
	struct account now = harness_account(w->harness), sum = {0};
	json_t *o = json_object();

	account_add_difference(&sum, &now, &w->account_zero);
	put_harness(o, &sum);
	return o;
}

json_t *account_state_board(const struct board *b, const struct worker *w)
{
	struct account sum = b->account;
	json_t *o = json_object(), *chip = json_object();
	struct chip_account now;

	if (w != NULL) {
		struct account in = harness_account(w->harness);

		account_add_difference(&sum, &in, &b->account_in);
	}
	put_harness(o, &sum);
	chip_account(b->chip, &now);
	put_chip(chip, &now, &b->chip_zero);
	json_object_set_new(o, "chip", chip);
	return o;
}

void account_state_reset_probe(struct worker *w)
{
	w->account_zero = harness_account(w->harness);
}

void account_state_reset_board(struct board *b, const struct worker *w)
{
	b->account = (struct account){0};
	if (w != NULL)
		b->account_in = harness_account(w->harness);
	chip_account(b->chip, &b->chip_zero);
}
