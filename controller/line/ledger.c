#include "controller/line/ledger.h"

#include <stdarg.h>
#include <stdio.h>

typedef unsigned long long ull;

__attribute__((format(printf, 3, 4))) static unsigned gap(ledger_gap_fn *fn,
							  void *arg,
							  const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fn(arg, text);
	return 1;
}

unsigned ledger_card_check(const struct ledger_card *c, struct ledger_totals *t,
			   ledger_gap_fn *fn, void *arg)
{
	uint64_t booked = c->here + c->elsewhere;
	uint64_t fall;

	t->card_start += c->start;
	t->card_end += c->end;
	if (c->end > c->start)
		return gap(fn, arg,
			   "card %s: the counter rose from %llu to %llu",
			   c->serial, (ull)c->start, (ull)c->end);
	fall = c->start - c->end;
	if (fall > booked)
		return gap(fn, arg,
			   "card %s: the counter fell by %llu, licences "
			   "recorded: %llu; %llu installs are unaccounted for",
			   c->serial, (ull)fall, (ull)booked,
			   (ull)(fall - booked));
	if (fall < booked)
		return gap(fn, arg,
			   "card %s: the counter fell by %llu, yet %llu "
			   "licences are recorded",
			   c->serial, (ull)fall, (ull)booked);
	return 0;
}

unsigned ledger_totals_check(const struct ledger_totals *t, ledger_gap_fn *fn,
			     void *arg)
{
	unsigned n = 0;

	if (t->cards_unknown)
		n += gap(fn, arg, "%llu licences are from cards never seen",
			 (ull)t->cards_unknown);
	if (t->licences > t->chips)
		n += gap(fn, arg, "%llu licences went to %llu chips",
			 (ull)t->licences, (ull)t->chips);
	if (t->certificates > t->certified)
		n += gap(fn, arg, "%llu certificates went to %llu units",
			 (ull)t->certificates, (ull)t->certified);
	if (t->passed_unlicensed)
		n += gap(fn, arg, "%llu units passed without a licence",
			 (ull)t->passed_unlicensed);
	if (t->passed_uncertified)
		n += gap(fn, arg, "%llu units passed without a certificate",
			 (ull)t->passed_uncertified);
	return n;
}
