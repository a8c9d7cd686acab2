#include "controller/line/yield.h"

double yield_of(uint64_t entered, uint64_t failed)
{
	if (!entered || failed > entered)
		return 0;
	return (double)(entered - failed) / (double)entered;
}

void yield_rolled_add(struct yield_rolled *r, uint64_t entered, uint64_t failed)
{
	if (!entered)
		return;
	if (!r->steps)
		r->product = 1;
	r->product *= yield_of(entered, failed);
	r->steps++;
}

double yield_rolled_value(const struct yield_rolled *r)
{
	return r->steps ? r->product : 0;
}

uint64_t yield_percentile_rank(uint64_t n, unsigned p)
{
	uint64_t rank = (n * p + 99) / 100; /* ceil(n * p / 100), 1-based */

	return rank ? rank - 1 : 0;
}

double yield_per_hour(uint64_t units, int64_t first_ms, int64_t last_ms)
{
	if (last_ms <= first_ms)
		return 0;
	return (double)units * 3600000.0 / (double)(last_ms - first_ms);
}
