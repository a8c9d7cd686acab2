/* The applet. Every command is checked for its whole shape (class, parameters,
 * Lc against what came, Le) before it does anything. */
#include "bench/card/card.h"

#include "bench/card/card_private.h"
#include "proto/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HEADER_BYTES	      4u
#define SW_MEMORY_FAILURE     0x6581u
#define SW_WRONG_LENGTH	      0x6700u
#define SW_NOT_FOUND	      0x6A82u
#define SW_WRONG_P1P2	      0x6A86u
#define SW_UNKNOWN_INS	      0x6D00u
#define SW_UNKNOWN_CLA	      0x6E00u
#define INS_SELECT	      0xA4u
#define P1_SELECT_BY_NAME     0x04u
#define P2_SELECT_NO_RESPONSE 0x0Cu
#define INFO_VERSION	      1u

struct card {
	char path[PATH_MAX];
	int lock_fd;
	struct card_memory memory;
	bool selected;
};

/* A parsed short APDU, ISO/IEC 7816-4:2013, 5.2. */
struct apdu {
	uint8_t cla, ins, p1, p2;
	const uint8_t *data;
	size_t lc;
	size_t le; /* 1..256; 0 when the command has no Le */
};

static bool apdu_parse(struct apdu *a, const uint8_t *c, size_t len)
{
	size_t le_at;

	memset(a, 0, sizeof *a);
	if (len < HEADER_BYTES)
		return false;
	a->cla = c[0];
	a->ins = c[1];
	a->p1 = c[2];
	a->p2 = c[3];
	if (len == HEADER_BYTES)
		return true;
	le_at = HEADER_BYTES;
	if (len > HEADER_BYTES + 1) {
		a->lc = c[HEADER_BYTES];
		a->data = c + HEADER_BYTES + 1;
		le_at += 1 + a->lc;
		if (a->lc == 0 || len < le_at || len > le_at + 1)
			return false;
	}
	if (len > le_at)
		a->le = c[le_at] ? c[le_at] : 256u;
	return true;
}

static size_t put_status(uint8_t *reply, size_t at, unsigned sw)
{
	reply[at] = (uint8_t)(sw >> 8);
	reply[at + 1] = (uint8_t)sw;
	return at + 2;
}

static void put_u32(uint8_t *out, uint32_t v)
{
	out[0] = (uint8_t)(v >> 24);
	out[1] = (uint8_t)(v >> 16);
	out[2] = (uint8_t)(v >> 8);
	out[3] = (uint8_t)v;
}

/* May the command ask for a reply of this size? */
static bool le_allows(const struct apdu *a, size_t size)
{
	return a->le == 256 || a->le == size;
}

static size_t do_select(struct card *card, const struct apdu *a, uint8_t *reply)
{
	if (a->p1 != P1_SELECT_BY_NAME ||
	    (a->p2 != 0 && a->p2 != P2_SELECT_NO_RESPONSE))
		return put_status(reply, 0, SW_WRONG_P1P2);
	if (a->lc == 0)
		return put_status(reply, 0, SW_WRONG_LENGTH);
	if (a->lc != SFI_AID_BYTES || memcmp(a->data, SFI_AID, a->lc) != 0)
		return put_status(reply, 0, SW_NOT_FOUND);
	card->selected = true;
	return put_status(reply, 0, SFI_SW_OK);
}

static size_t do_info(const struct card *card, const struct apdu *a,
		      uint8_t *reply)
{
	const struct card_memory *m = &card->memory;
	uint8_t *p = reply;

	if (a->lc || !le_allows(a, SFI_INFO_BYTES))
		return put_status(reply, 0, SW_WRONG_LENGTH);
	memset(reply, 0, SFI_INFO_BYTES);
	*p++ = INFO_VERSION;
	memcpy(p, m->serial, SFI_CARD_SERIAL_BYTES);
	p += SFI_CARD_SERIAL_BYTES;
	memcpy(p, m->fwid, strlen(m->fwid));
	p += SFI_FWID_BYTES;
	put_u32(p, m->counter);
	put_u32(p + 4, m->maximum);
	p[8] = m->state;
	return put_status(reply, SFI_INFO_BYTES, SFI_SW_OK);
}

/* next is the card's memory from now on, on disk first. */
static unsigned commit(struct card *card, const struct card_memory *next)
{
	struct err e;

	if (card_memory_save(card->path, next, &e)) {
		log_error("CARD_WRITE_FAILED", "serial=%s error=%s",
			  next->serial, err_name(e.code));
		return SW_MEMORY_FAILURE;
	}
	card->memory = *next;
	return SFI_SW_OK;
}

static enum err_code make_licence(const struct card_memory *m,
				  const uint8_t *cert, uint8_t *out,
				  struct err *e)
{
	uint8_t id[SFI_LICENCE_ID_BYTES], fwid[SFI_FWID_BYTES] = {0};

	memcpy(id, m->serial + SFI_CARD_SERIAL_BYTES - 4, 4);
	put_u32(id + 4, m->counter);
	memcpy(fwid, m->fwid, strlen(m->fwid));
	return sfi_licence_issue(out, cert, id, fwid, m->key_nonce, e);
}

static size_t do_licence(struct card *card, const struct apdu *a,
			 uint8_t *reply)
{
	struct card_memory next = card->memory;
	size_t len = 0;
	unsigned sw = SFI_SW_OK;
	struct err e;

	if (a->lc != SFI_CHIP_CERT_BYTES || !le_allows(a, SFI_LICENCE_BYTES))
		return put_status(reply, 0, SW_WRONG_LENGTH);
	if (next.state != SFI_STATE_OPERATIONAL)
		return put_status(reply, 0, SFI_SW_NOT_OPERATIONAL);
	if (next.counter == 0)
		return put_status(reply, 0, SFI_SW_EMPTY);
	if (sfi_chip_cert_check(a->data, next.maker_public, NULL))
		return put_status(reply, 0, SFI_SW_NOT_GENUINE);

	next.counter--;
	if (make_licence(&next, a->data, reply, &e))
		sw = SW_MEMORY_FAILURE;
	else
		sw = commit(card, &next);
	if (sw == SFI_SW_OK)
		len = SFI_LICENCE_BYTES;
	explicit_bzero(&next, sizeof next);
	return put_status(reply, len, sw);
}

/* Is it text with nothing but zeros behind it? */
static bool take_fwid(char out[SFI_FWID_BYTES + 1], const uint8_t *data)
{
	size_t len = strnlen((const char *)data, SFI_FWID_BYTES);

	memcpy(out, data, SFI_FWID_BYTES);
	out[SFI_FWID_BYTES] = '\0';
	for (size_t i = len; i < SFI_FWID_BYTES; i++)
		if (data[i])
			return false;
	return true;
}

static size_t do_personalise(struct card *card, const struct apdu *a,
			     uint8_t *reply)
{
	struct card_memory next = card->memory;
	const uint8_t *maximum;
	unsigned sw;

	if (a->lc != SFI_PERSONALISE_BYTES || a->le)
		return put_status(reply, 0, SW_WRONG_LENGTH);
	if (next.state == SFI_STATE_OPERATIONAL)
		return put_status(reply, 0, SFI_SW_WRONG_STATE);
	maximum = a->data + SFI_FWID_BYTES;
	next.maximum = (uint32_t)maximum[0] << 24 | (uint32_t)maximum[1] << 16 |
		       (uint32_t)maximum[2] << 8 | maximum[3];
	next.counter = next.maximum;
	next.state = SFI_STATE_PERSONALISED;
	memcpy(next.key_nonce, maximum + 4, sizeof next.key_nonce);
	if (!take_fwid(next.fwid, a->data) || card_memory_check(&next, NULL))
		sw = SFI_SW_WRONG_DATA;
	else
		sw = commit(card, &next);
	explicit_bzero(&next, sizeof next);
	return put_status(reply, 0, sw);
}

static size_t do_check(const struct card *card, const struct apdu *a,
		       uint8_t *reply)
{
	if (a->lc || !le_allows(a, SFI_FINGERPRINT_BYTES))
		return put_status(reply, 0, SW_WRONG_LENGTH);
	if (card->memory.state == SFI_STATE_BLANK)
		return put_status(reply, 0, SFI_SW_WRONG_STATE);
	sfi_key_fingerprint(reply, card->memory.key_nonce);
	return put_status(reply, SFI_FINGERPRINT_BYTES, SFI_SW_OK);
}

static size_t do_lock(struct card *card, const struct apdu *a, uint8_t *reply)
{
	struct card_memory next = card->memory;
	uint8_t fingerprint[SFI_FINGERPRINT_BYTES];
	unsigned sw;

	if (a->lc != SFI_FINGERPRINT_BYTES || a->le)
		return put_status(reply, 0, SW_WRONG_LENGTH);
	if (next.state != SFI_STATE_PERSONALISED)
		return put_status(reply, 0, SFI_SW_WRONG_STATE);
	sfi_key_fingerprint(fingerprint, next.key_nonce);
	next.state = SFI_STATE_OPERATIONAL;
	if (memcmp(fingerprint, a->data, sizeof fingerprint) != 0)
		sw = SFI_SW_WRONG_DATA;
	else
		sw = commit(card, &next);
	explicit_bzero(&next, sizeof next);
	return put_status(reply, 0, sw);
}

static size_t do_applet(struct card *card, const struct apdu *a, uint8_t *reply)
{
	switch (a->ins) {
	case SFI_INS_INFO:
		return do_info(card, a, reply);
	case SFI_INS_LICENCE:
		return do_licence(card, a, reply);
	case SFI_INS_PERSONALISE:
		return do_personalise(card, a, reply);
	case SFI_INS_CHECK:
		return do_check(card, a, reply);
	default:
		return do_lock(card, a, reply);
	}
}

static bool known(uint8_t ins)
{
	return ins == SFI_INS_INFO || ins == SFI_INS_LICENCE ||
	       ins == SFI_INS_PERSONALISE || ins == SFI_INS_CHECK ||
	       ins == SFI_INS_LOCK;
}

size_t card_apdu(struct card *card, const uint8_t *command, size_t len,
		 uint8_t reply[CARD_REPLY_MAX_BYTES])
{
	struct apdu a;

	if (!apdu_parse(&a, command, len))
		return put_status(reply, 0, SW_WRONG_LENGTH);
	if (a.cla == 0x00 && a.ins == INS_SELECT)
		return do_select(card, &a, reply);
	if (a.cla == 0x00)
		return put_status(reply, 0, SW_UNKNOWN_INS);
	if (a.cla != SFI_CLA || !card->selected)
		return put_status(reply, 0, SW_UNKNOWN_CLA);
	if (!known(a.ins))
		return put_status(reply, 0, SW_UNKNOWN_INS);
	if (a.p1 || a.p2)
		return put_status(reply, 0, SW_WRONG_P1P2);
	return do_applet(card, &a, reply);
}

void card_reset(struct card *card)
{
	card->selected = false;
}

const uint8_t *card_atr(void)
{
	/* ISO/IEC 7816-3: direct convention, T=1, historical bytes "SFI01",
	 * check byte */
	static const uint8_t atr[CARD_ATR_BYTES] = {
		0x3b, 0x85, 0x80, 0x01, 'S', 'F', 'I', '0', '1', 0x59};

	return atr;
}

const struct card_memory *card_memory(const struct card *card)
{
	return &card->memory;
}

static enum err_code card_hold(struct card *card, struct err *e)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof path, "%s.lock", card->path);
	card->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (card->lock_fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	if (flock(card->lock_fd, LOCK_EX | LOCK_NB)) {
		err_set(e, ERR_STATE, "%s: in another reader", card->path);
		err_hint(e, "remove the card there first");
		return ERR_STATE;
	}
	return ERR_OK;
}

enum err_code card_open(struct card **card, const char *path, struct err *e)
{
	struct card *c;
	enum err_code rc;

	if (strlen(path) >= PATH_MAX)
		return err_set(e, ERR_INPUT, "the card's path is too long");
	c = calloc(1, sizeof *c);
	if (!c)
		return err_set(e, ERR_NO_MEMORY, "card");
	strcpy(c->path, path);
	c->lock_fd = -1;
	rc = access(path, F_OK) ? err_set_errno(e, ERR_IO, errno, "%s", path)
				: card_hold(c, e);
	if (!rc)
		rc = card_memory_load(path, &c->memory, e);
	if (rc)
		card_close(c);
	else
		*card = c;
	return rc;
}

void card_close(struct card *card)
{
	if (!card)
		return;
	if (card->lock_fd >= 0)
		close(card->lock_fd);
	explicit_bzero(card, sizeof *card);
	free(card);
}
