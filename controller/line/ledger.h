/* The install ledger: card counters, licences, units, certificates. It
 * balances, or it says in words where it does not. Pure.
 *
 *  - what the cards' counters fell by is what licences were recorded
 *  - a licence belongs to one chip, and a chip of the lot has at most one
 *  - a unit that passed has a licence and a certificate
 *  - a certificate belongs to one unit, and a unit has at most one
 */
#ifndef CONTROLLER_LINE_LEDGER_H
#define CONTROLLER_LINE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger_card {
	const char *serial;
	uint64_t start, end; /* highest and lowest counter seen in the lot */
	uint64_t here;	     /* licences of this lot within that range */
	uint64_t elsewhere;  /* licences of other lots within that range */
};

struct ledger_totals {
	uint64_t card_start, card_end;
	uint64_t licences;     /* recorded in this lot */
	uint64_t chips;	       /* units with a licence of this lot */
	uint64_t certificates; /* of units of this lot */
	uint64_t certified;    /* units with a certificate */
	uint64_t passed;
	uint64_t passed_unlicensed;  /* passed units without a licence */
	uint64_t passed_uncertified; /* passed units without a certificate */
	uint64_t cards_unknown;	     /* licences of cards never seen */
};

/* Called with each gap's text; borrowed until it returns. */
typedef void ledger_gap_fn(void *arg, const char *text);

/* One card's line of the book; adds its counters to t. Returns the number of
 * gaps, each told to fn. */
unsigned ledger_card_check(const struct ledger_card *c, struct ledger_totals *t,
			   ledger_gap_fn *fn, void *arg);

/* The totals, after every card. Returns the number of gaps. */
unsigned ledger_totals_check(const struct ledger_totals *t, ledger_gap_fn *fn,
			     void *arg);

#endif
