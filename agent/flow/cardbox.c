#include "agent/flow/cardbox.h"

#include "proto/base/log.h"
#include "proto/base/mono.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000

struct cardbox {
	char pattern[CARD_READER_NAME_BYTES];
	pthread_mutex_t use; /* of the card, one at a time */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	struct msg_CARD_STATE seen;
	pthread_t thread;
};

/* ---- looking ---- */

static enum err_code find_reader(struct cardbox *c,
				 char name[CARD_READER_NAME_BYTES],
				 struct err *e)
{
	struct card_reader readers[CARD_READERS_MAX];
	bool matched = false;
	enum err_code rc;
	size_t n = 0;

	rc = card_readers(readers, &n, e);
	if (rc != ERR_OK)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (fnmatch(c->pattern, readers[i].name, 0) != 0)
			continue;
		matched = true;
		if (!readers[i].present)
			continue;
		memcpy(name, readers[i].name, CARD_READER_NAME_BYTES);
		return ERR_OK;
	}
	if (matched)
		return err_set(e, ERR_NO_CARD, "no SFI card in the reader");
	return err_set(e, ERR_NO_CARD, "no card reader matches \"%s\"",
		       c->pattern);
}

static enum err_code open_card(struct cardbox *c, struct card **card,
			       struct err *e)
{
	char name[CARD_READER_NAME_BYTES];
	enum err_code rc = find_reader(c, name, e);

	*card = NULL;
	return rc == ERR_OK ? card_open(card, name, e) : rc;
}

/* A firmware identifier is zero padded; what is not a name is not shown. */
static void fwid_text(char out[17], const uint8_t fwid[SFI_FWID_BYTES])
{
	memcpy(out, fwid, SFI_FWID_BYTES);
	out[SFI_FWID_BYTES] = '\0';
	for (char *p = out; *p != '\0'; p++)
		if (strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz._-",
			   *p) == NULL)
			*p = '_';
}

static void name_text(char *out, size_t size, const char *text)
{
	uint8_t padded[SFI_FWID_BYTES] = {0};
	char clean[17];
	size_t n = strlen(text);

	memcpy(padded, text, n < sizeof(padded) ? n : sizeof(padded));
	fwid_text(clean, padded);
	snprintf(out, size, "%s", clean);
}

static void state_of(struct msg_CARD_STATE *s, const struct card_info *info)
{
	name_text(s->card_serial, sizeof(s->card_serial), info->serial);
	fwid_text(s->fwid, info->firmware_id);
	s->counter = info->counter;
	s->maximum = info->counter_max;
	snprintf(s->state, sizeof(s->state), "%s",
		 info->operational ? "operational" : "open");
}

static void note_state(struct cardbox *c, const struct msg_CARD_STATE *now)
{
	pthread_mutex_lock(&c->lock);
	if (strcmp(c->seen.state, now->state) != 0 ||
	    strcmp(c->seen.card_serial, now->card_serial) != 0)
		log_info("CARD", "serial=%s fwid=%s state=%s counter=%llu",
			 now->card_serial, now->fwid, now->state,
			 (unsigned long long)now->counter);
	c->seen = *now;
	pthread_mutex_unlock(&c->lock);
}

static void look(struct cardbox *c)
{
	struct msg_CARD_STATE now = {.state = "absent"};
	struct card *card = NULL;
	struct card_info info;
	enum err_code rc;

	pthread_mutex_lock(&c->use);
	rc = open_card(c, &card, NULL);
	if (rc == ERR_OK)
		rc = card_read_info(card, &info, NULL);
	card_close(card);
	pthread_mutex_unlock(&c->use);
	if (rc == ERR_OK)
		state_of(&now, &info);
	else if (rc != ERR_NO_CARD)
		snprintf(now.state, sizeof(now.state), "error");
	note_state(c, &now);
}

static void *look_thread(void *arg)
{
	struct cardbox *c = arg;
	struct mono next;
	struct timespec ts;

	for (;;) {
		look(c);
		next = mono_after_ms(LOOK_MS);
		ts = (struct timespec){.tv_sec = next.ns / 1000000000,
				       .tv_nsec = next.ns % 1000000000};
		pthread_mutex_lock(&c->lock);
		while (!c->stopping && !mono_passed(next))
			(void)pthread_cond_timedwait(&c->wake, &c->lock, &ts);
		if (c->stopping)
			break;
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

enum err_code cardbox_start(struct cardbox **out, const char *pattern,
			    struct err *e)
{
	struct cardbox *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;

	*out = NULL;
	if (c == NULL)
		return err_set(e, ERR_NO_MEMORY, "card");
	snprintf(c->pattern, sizeof(c->pattern), "%s", pattern);
	snprintf(c->seen.state, sizeof(c->seen.state), "absent");
	pthread_mutex_init(&c->use, NULL);
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&c->thread, NULL, look_thread, c) != 0) {
		free(c);
		return err_set(e, ERR_NO_MEMORY, "cannot start a thread");
	}
	*out = c;
	return ERR_OK;
}

void cardbox_stop(struct cardbox *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->wake);
	pthread_mutex_unlock(&c->lock);
	(void)pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->use);
	free(c);
}

void cardbox_fill(struct cardbox *c, struct msg_HEARTBEAT *hb)
{
	pthread_mutex_lock(&c->lock);
	hb->cards_n = 1;
	hb->cards[0] = c->seen;
	pthread_mutex_unlock(&c->lock);
}

/* ---- licences ---- */

static enum failure blame(const struct card *card, enum err_code rc)
{
	if (rc == ERR_NO_CARD)
		return FAILURE_CARD_MISSING;
	if (rc != ERR_CARD)
		return FAILURE_STATION;
	switch (card == NULL ? CARD_REFUSAL_NO_APPLET
			     : card_last_refusal(card)) {
	case CARD_REFUSAL_EMPTY:
		return FAILURE_CARD_EMPTY;
	case CARD_REFUSAL_NOT_GENUINE:
		return FAILURE_CHIP_CERTIFICATE;
	case CARD_REFUSAL_NO_APPLET:
	case CARD_REFUSAL_NOT_OPERATIONAL:
	case CARD_REFUSAL_NONE:
	case CARD_REFUSAL_OTHER:
		break;
	}
	return FAILURE_CARD_WRONG;
}

static enum err_code check_info(const struct card_info *info, const char *fwid,
				enum failure *failure, struct err *e)
{
	uint8_t wanted[SFI_FWID_BYTES] = {0};
	char has[17];

	memcpy(wanted, fwid, strnlen(fwid, sizeof(wanted)));
	fwid_text(has, info->firmware_id);
	*failure = FAILURE_CARD_WRONG;
	if (!info->operational)
		return err_set(e, ERR_CARD, "card %s is not in operation",
			       info->serial);
	if (memcmp(info->firmware_id, wanted, sizeof(wanted)) != 0)
		return err_set(e, ERR_CARD, "card %s is for %s, not for %s",
			       info->serial, has, fwid);
	*failure = FAILURE_CARD_EMPTY;
	if (info->counter == 0)
		return err_set(e, ERR_CARD, "card %s has no installs left",
			       info->serial);
	*failure = FAILURE_NONE;
	return ERR_OK;
}

static enum err_code issue(struct card *card, const char *fwid,
			   const uint8_t chip_cert[SFI_CHIP_CERT_BYTES],
			   cardbox_before_fn *before, void *before_arg,
			   struct card_licence *out, enum failure *failure,
			   struct err *e)
{
	struct card_info info;
	enum err_code rc = card_read_info(card, &info, e);

	if (rc != ERR_OK) {
		*failure = blame(card, rc);
		return rc;
	}
	rc = check_info(&info, fwid, failure, e);
	if (rc != ERR_OK)
		return rc;
	rc = before(before_arg, &info, e);
	if (rc != ERR_OK) {
		*failure = FAILURE_STATION;
		return rc;
	}
	rc = card_issue_licence(card, chip_cert, out, e);
	if (rc != ERR_OK)
		*failure = blame(card, rc);
	return rc;
}

enum err_code cardbox_licence(struct cardbox *c, const char *fwid,
			      const uint8_t chip_cert[SFI_CHIP_CERT_BYTES],
			      cardbox_before_fn *before, void *before_arg,
			      struct card_licence *out, enum failure *failure,
			      struct err *e)
{
	struct msg_CARD_STATE now = {0};
	struct card *card = NULL;
	enum err_code rc;

	memset(out, 0, sizeof(*out));
	out->count = CARD_COUNT_KEPT;
	*failure = FAILURE_NONE;
	pthread_mutex_lock(&c->use);
	rc = open_card(c, &card, e);
	if (rc != ERR_OK)
		*failure = blame(NULL, rc);
	else
		rc = issue(card, fwid, chip_cert, before, before_arg, out,
			   failure, e);
	card_close(card);
	pthread_mutex_unlock(&c->use);
	if (rc == ERR_OK) {
		state_of(&now, &out->after);
		note_state(c, &now);
	}
	return rc;
}
