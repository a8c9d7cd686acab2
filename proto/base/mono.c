#include "proto/base/mono.h"

#include <errno.h>
#include <time.h>

struct mono mono_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct mono){(int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

int64_t mono_left_ms(struct mono deadline)
{
	int64_t left = deadline.ns - mono_now().ns;

	return left > 0 ? (left + 999999) / 1000000 : 0;
}

void mono_sleep_ms(int64_t ms)
{
	struct timespec ts = {.tv_sec = ms / 1000,
			      .tv_nsec = (ms % 1000) * 1000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}
