#include "controller/session/private.h"

#include "proto/base/log.h"

#include <stdlib.h>

struct peer *peer_find(struct sessions *s, uint32_t pipe)
{
	for (struct peer *p = s->peers; p; p = p->next) {
		if (p->pipe == pipe)
			return p;
	}
	return NULL;
}

enum err_code peer_add(struct sessions *s, uint32_t pipe, const char *from)
{
	struct peer *p;

	if (s->peers_n >= PEERS_MAX)
		return ERR_TOO_BIG;
	p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NO_MEMORY;
	p->pipe = pipe;
	snprintf(p->from, sizeof p->from, "%s", from);
	p->tokens = PEER_BURST;
	p->refilled = mono_now();
	p->next = s->peers;
	s->peers = p;
	s->peers_n++;
	return ERR_OK;
}

void peer_drop(struct sessions *s, uint32_t pipe)
{
	struct peer **at = &s->peers;

	while (*at && (*at)->pipe != pipe)
		at = &(*at)->next;
	if (*at) {
		struct peer *p = *at;

		*at = p->next;
		s->peers_n--;
		if (p->bound) {
			log_info("STATION_GONE", "station=%s from=%s",
				 p->station, p->from);
			live_lost(s, p->station);
			live_changed(s);
		}
		free(p);
	}
}

void peers_free(struct sessions *s)
{
	while (s->peers) {
		struct peer *next = s->peers->next;

		free(s->peers);
		s->peers = next;
	}
	s->peers_n = 0;
}

bool peer_take(struct peer *p)
{
	struct mono now = mono_now();

	p->tokens += (double)(now.ns - p->refilled.ns) * PEER_RATE_PER_S / 1e9;
	if (p->tokens > PEER_BURST)
		p->tokens = PEER_BURST;
	p->refilled = now;
	if (p->tokens < 1 || p->in_hand >= PEER_IN_HAND_MAX)
		return false;
	p->tokens -= 1;
	p->in_hand++;
	return true;
}

bool peer_answer(struct peer *p)
{
	if (!p->cut && p->unread < PEER_UNREAD_MAX) {
		p->unread++;
		return true;
	}
	if (!p->cut) {
		log_warn("PEER_CUT", "from=%s text=\"does not read answers\"",
			 p->from);
		(void)nng_pipe_close((nng_pipe){p->pipe});
	}
	p->cut = true;
	return false;
}
