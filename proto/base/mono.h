/* Monotonic time, wrapped so that it cannot be mixed with wall time: every
 * timer, budget and deadline uses this; every record uses wall.h. */
#ifndef PROTO_BASE_MONO_H
#define PROTO_BASE_MONO_H

#include <stdbool.h>
#include <stdint.h>

struct mono {
	int64_t ns;
};

struct mono mono_now(void);

static inline struct mono mono_add_ms(struct mono t, int64_t ms)
{
	return (struct mono){t.ns + ms * 1000000};
}

/* later - earlier, in ms, rounded down */
static inline int64_t mono_diff_ms(struct mono later, struct mono earlier)
{
	return (later.ns - earlier.ns) / 1000000;
}

static inline struct mono mono_after_ms(int64_t ms)
{
	return mono_add_ms(mono_now(), ms);
}

static inline bool mono_passed(struct mono deadline)
{
	return mono_now().ns >= deadline.ns;
}

/* ms until the deadline, 0 when it has passed */
int64_t mono_left_ms(struct mono deadline);

/* Sleep, signals notwithstanding. Blocks. */
void mono_sleep_ms(int64_t ms);

#endif
