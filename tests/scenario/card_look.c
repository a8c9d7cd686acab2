/* The station's look at its card reader, without pause: prints the serial of
 * the card in it, or why there is none, whenever that changes. For card.sh,
 * which swaps cards meanwhile. Ends when its standard output is closed. */
#include "proto/card/card.h"

#include "proto/base/mono.h"

#include <stdio.h>
#include <string.h>

#define PAUSE_MS 5

static const char *look(struct card_info *info)
{
	struct card *card;
	enum err_code rc = card_open(&card, NULL, NULL);

	if (rc == ERR_OK)
		rc = card_read_info(card, info, NULL);
	card_close(card);
	return rc == ERR_OK ? info->serial : err_name(rc);
}

int main(void)
{
	char last[32] = "";

	for (;;) {
		struct card_info info;
		const char *now = look(&info);

		if (strcmp(now, last) != 0) {
			snprintf(last, sizeof(last), "%s", now);
			if (puts(now) < 0 || fflush(stdout) != 0)
				return 0;
		}
		mono_sleep_ms(PAUSE_MS);
	}
}
