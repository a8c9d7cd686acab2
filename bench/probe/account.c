#include "bench/probe/account.h"

void account_add_difference(struct account *to, const struct account *a,
			    const struct account *b)
{
#define ACCOUNT_TIME(name, what)  to->name##_ps += a->name##_ps - b->name##_ps;
#define ACCOUNT_COUNT(name, what) to->name += a->name - b->name;
#include "bench/probe/account.def"
#undef ACCOUNT_TIME
#undef ACCOUNT_COUNT
}
