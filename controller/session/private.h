/* What the files of session/ share. */
#ifndef CONTROLLER_SESSION_PRIVATE_H
#define CONTROLLER_SESSION_PRIVATE_H

#include "controller/enrol/csr.h"
#include "controller/loop.h"
#include "controller/session/session.h"
#include "controller/store/store_unit.h"
#include "proto/base/mono.h"
#include "proto/msg/msg.h"

#include <nng/nng.h>

#define ASKS		 128 /* requests in hand, all peers together */
#define PEERS_MAX	 256
#define PEER_IN_HAND_MAX 16
#define PEER_UNREAD_MAX	 32 /* answers; all that an agent can await */
#define PEER_RATE_PER_S	 200
#define PEER_BURST	 400
#define STATIONS_MAX	 256
#define SEND_TIMEOUT_MS	 10000

/* A connection. */
struct peer {
	struct peer *next;
	uint32_t pipe;
	char from[64]; /* address */
	bool judged;   /* its one proof has been handed in */
	bool bound;
	char station[STORE_NAME_SIZE]; /* as it says until bound */
	char agent_version[33];
	char nonce[65]; /* empty: no challenge is out */
	unsigned in_hand;
	unsigned unread; /* answers on their way */
	bool cut;	 /* for not reading them */
	double tokens;
	struct mono refilled;
};

/* A station as its last heartbeat showed it. */
struct live {
	struct live *next;
	char station[STORE_NAME_SIZE];
	char agent_version[33];
	unsigned peers; /* bound connections */
	int64_t last_seen_at;
	bool cards_new; /* tell the store, whether they changed or not */
	struct msg_HEARTBEAT beat;
};

/* One request, from one context of the socket, until its answer is sent. */
struct ask {
	struct loop_letter letter; /* first: the letter is the ask */
	struct sessions *s;
	nng_ctx ctx;
	nng_aio *aio;
	enum { ASK_RECEIVING, ASK_WORKING, ASK_SENDING, ASK_OVER } state;

	uint32_t pipe;
	bool counted;	   /* as in the peer's hand */
	nng_msg *wire;	   /* what m's body points into */
	struct msg *m;	   /* the request */
	struct msg *reply; /* the answer in the making */
	struct store_unit_actor actor;
	char *content; /* canonical JSON of m, for attempts */

	/* what jobs leave for their completion */
	uint32_t retry_ms;
	struct store_receipt receipt;
	bool downgraded;
	char why[128];
	bool proven;
	uint8_t *chunk; /* of an image */
	struct store_request_new request;
	struct err refusal;
	uint8_t *cert;
	size_t cert_len;
	char cert_sha256[65], cert_serial[64], cert_issuer[256];
};

struct sessions {
	uv_loop_t *loop;
	struct loop_box box;
	nng_socket socket;
	nng_listener listener;
	uint16_t port;
	struct sessions_config config;
	char image_dir[512];
	struct ask asks[ASKS];
	unsigned asks_n; /* that are not over */
	struct peer *peers;
	unsigned peers_n;
	struct live *lives;
	unsigned lives_n;
	bool closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* ---- answers (session.c) ---- */

/* Make the answer's message; on failure the ask is refused. */
bool ask_prepare(struct ask *a, enum msg_type type);
/* Send what was prepared. */
void ask_reply(struct ask *a);
/* Send REFUSED instead; retry_ms 0 leaves it to the error's row. */
void ask_refuse(struct ask *a, const struct err *e, uint32_t retry_ms);

/* ---- the socket (listen.c) ---- */

/* ERR_CONFIG, ERR_IO; nothing is open then. */
enum err_code listen_start(struct sessions *s, struct err *e);

/* ---- connections (peer.c) ---- */

struct peer *peer_find(struct sessions *s, uint32_t pipe);
enum err_code peer_add(struct sessions *s, uint32_t pipe, const char *from);
void peer_drop(struct sessions *s, uint32_t pipe);
void peers_free(struct sessions *s);
/* May it ask now? Counts it as in hand when it may. */
bool peer_take(struct peer *p);
/* May it be sent an answer? Counts it as unread when it may. A peer that asks
 * and does not read would hold every ask for SEND_TIMEOUT_MS, and so keep all
 * other stations waiting: its connection is closed. */
bool peer_answer(struct peer *p);

/* ---- live state (live.c) ---- */

/* NULL when there are too many stations. */
struct live *live_get(struct sessions *s, const char *station);
void live_bound(struct sessions *s, struct peer *p);
void live_lost(struct sessions *s, const char *station);
void lives_free(struct sessions *s);
void live_changed(struct sessions *s);

/* ---- handlers: each ends in ask_reply or ask_refuse, once ---- */

void handle_hello(struct ask *a, struct peer *p);
void handle_prove(struct ask *a, struct peer *p);
void handle_heartbeat(struct ask *a, struct peer *p);
void handle_progress(struct ask *a, struct peer *p);
void handle_image_get(struct ask *a, struct peer *p);
void handle_permit_get(struct ask *a, struct peer *p);
void handle_permit_renew(struct ask *a, struct peer *p);
void handle_licence_issued(struct ask *a, struct peer *p);
void handle_csr_relay(struct ask *a, struct peer *p);
void handle_result(struct ask *a, struct peer *p);

#endif
