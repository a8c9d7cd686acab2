/* While a card is in, one thread plays it towards vpcd. The thread owns the
 * connection; card, counters and fault are shared with the caller under the
 * lock. The thread ends when it is woken (removal), when a fault takes the
 * card out, or when pcscd hangs up; whoever looks next joins it. */
#include "bench/card/card_bay.h"

#include "bench/card/card.h"
#include "bench/card/pcscd.h"
#include "bench/card/vpcd.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct card_bay {
	struct pcscd pcscd;
	pthread_t thread;
	bool has_thread; /* to be joined; its work may be over */
	int wake_fd;	 /* eventfd: the thread shall end */
	int card_fd;	 /* to vpcd, the thread's */
	uint8_t message[VPCD_MAX_BYTES]; /* the thread's */

	pthread_mutex_t lock; /* guards what follows */
	struct card *card;    /* NULL when no card is in */
	enum card_bay_fault fault;
	uint32_t fault_in; /* APDUs until the fault, 1 = the next */
	struct card_bay_state state;
};

/* Does the fault strike at this APDU? Called with the lock held. */
static enum card_bay_fault fault_now(struct card_bay *bay)
{
	enum card_bay_fault fault = bay->fault;

	if (fault == CARD_BAY_NO_FAULT || --bay->fault_in > 0)
		return CARD_BAY_NO_FAULT;
	bay->fault = CARD_BAY_NO_FAULT;
	return fault;
}

/* ERR_CANCELLED: a fault took the card out, nothing is answered. */
static enum err_code play_apdu(struct card_bay *bay, size_t len)
{
	uint8_t reply[CARD_REPLY_MAX_BYTES];
	enum card_bay_fault fault;
	size_t reply_len = 0;

	pthread_mutex_lock(&bay->lock);
	fault = fault_now(bay);
	if (fault != CARD_BAY_LOSE_COMMAND) {
		reply_len = card_apdu(bay->card, bay->message, len, reply);
		bay->state.apdus++;
		bay->state.counter = card_memory(bay->card)->counter;
	}
	pthread_mutex_unlock(&bay->lock);
	if (fault != CARD_BAY_NO_FAULT)
		return ERR_CANCELLED;
	return vpcd_send(bay->card_fd, reply, reply_len);
}

static enum err_code play_message(struct card_bay *bay, size_t len)
{
	if (len > 1)
		return play_apdu(bay, len);
	if (len == 1 && bay->message[0] == VPCD_ATR)
		return vpcd_send(bay->card_fd, card_atr(), CARD_ATR_BYTES);
	/* power off, power on and reset all forget what was selected */
	pthread_mutex_lock(&bay->lock);
	card_reset(bay->card);
	pthread_mutex_unlock(&bay->lock);
	return ERR_OK;
}

static void *play_card(void *arg)
{
	struct card_bay *bay = arg;
	enum err_code rc;
	size_t len;

	do {
		rc = vpcd_receive(bay->card_fd, bay->wake_fd, bay->message,
				  &len);
		if (!rc)
			rc = play_message(bay, len);
	} while (!rc);
	close(bay->card_fd);
	pthread_mutex_lock(&bay->lock);
	card_close(bay->card);
	bay->card = NULL;
	bay->state.present = false;
	log_info("CARD_OUT", "serial=%s counter=%u apdus=%u why=%s",
		 bay->state.serial, bay->state.counter, bay->state.apdus,
		 err_name(rc));
	pthread_mutex_unlock(&bay->lock);
	return NULL;
}

static void join(struct card_bay *bay)
{
	eventfd_t ignored;

	if (!bay->has_thread)
		return;
	eventfd_write(bay->wake_fd, 1);
	pthread_join(bay->thread, NULL);
	eventfd_read(bay->wake_fd, &ignored);
	bay->has_thread = false;
}

static bool present(struct card_bay *bay)
{
	bool is_in;

	pthread_mutex_lock(&bay->lock);
	is_in = bay->state.present;
	pthread_mutex_unlock(&bay->lock);
	return is_in;
}

enum err_code card_bay_start(struct card_bay **bay,
			     const struct card_bay_config *config,
			     struct err *e)
{
	struct card_bay *b;
	enum err_code rc = file_mkdir(config->run_dir, 0700, e);

	if (rc)
		return rc;
	b = calloc(1, sizeof *b);
	if (!b)
		return err_set(e, ERR_NO_MEMORY, "card bay");
	pthread_mutex_init(&b->lock, NULL);
	b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->wake_fd < 0)
		rc = err_set_errno(e, ERR_IO, errno, "eventfd");
	else
		rc = pcscd_start(&b->pcscd, config->socket_path,
				 config->run_dir, config->reader_name, e);
	if (rc)
		card_bay_stop(b);
	else
		*bay = b;
	return rc;
}

void card_bay_stop(struct card_bay *bay)
{
	if (!bay)
		return;
	join(bay);
	pcscd_stop(&bay->pcscd);
	if (bay->wake_fd >= 0)
		close(bay->wake_fd);
	pthread_mutex_destroy(&bay->lock);
	free(bay);
}

static enum err_code play(struct card_bay *bay, struct card *card,
			  struct err *e)
{
	enum err_code rc = vpcd_connect(&bay->card_fd, bay->pcscd.port, e);
	int errnum;

	if (rc)
		return rc;
	pthread_mutex_lock(&bay->lock);
	bay->card = card;
	bay->state.present = true;
	bay->state.apdus = 0;
	bay->state.counter = card_memory(card)->counter;
	strcpy(bay->state.serial, card_memory(card)->serial);
	errnum = pthread_create(&bay->thread, NULL, play_card, bay);
	bay->has_thread = errnum == 0;
	if (errnum) {
		bay->card = NULL;
		bay->state.present = false;
		close(bay->card_fd);
		rc = err_set_errno(e, ERR_FAILED, errnum, "card thread");
	}
	pthread_mutex_unlock(&bay->lock);
	return rc;
}

enum err_code card_bay_insert(struct card_bay *bay, const char *card_file,
			      struct err *e)
{
	struct card *card = NULL;
	enum err_code rc;

	if (present(bay))
		return err_set(e, ERR_STATE, "a card is in the reader");
	join(bay);
	if (!pcscd_alive(&bay->pcscd))
		return err_set(e, ERR_UNREACHABLE, "pcscd has ended");
	rc = card_open(&card, card_file, e);
	if (rc)
		return rc;
	rc = play(bay, card, e);
	if (rc)
		card_close(card);
	else
		log_info("CARD_IN", "serial=%s counter=%u", bay->state.serial,
			 bay->state.counter);
	return rc;
}

enum err_code card_bay_remove(struct card_bay *bay, struct err *e)
{
	bool was_in = present(bay);

	join(bay);
	return was_in ? ERR_OK
		      : err_set(e, ERR_STATE, "no card is in the reader");
}

void card_bay_set_fault(struct card_bay *bay, enum card_bay_fault fault,
			uint32_t nth_apdu)
{
	pthread_mutex_lock(&bay->lock);
	bay->fault = nth_apdu ? fault : CARD_BAY_NO_FAULT;
	bay->fault_in = nth_apdu;
	pthread_mutex_unlock(&bay->lock);
}

void card_bay_get_state(struct card_bay *bay, struct card_bay_state *out)
{
	bool alive = pcscd_alive(&bay->pcscd);

	pthread_mutex_lock(&bay->lock);
	bay->state.alive = alive;
	*out = bay->state;
	pthread_mutex_unlock(&bay->lock);
}
