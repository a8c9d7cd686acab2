/* Two layers: exchanging an APDU with the card (transmit: any way the reader
 * can fail) and the applet's commands on top (any way the card can refuse).
 * Invariant: the applet is selected whenever `handle_open`.
 */
#include "proto/card/card.h"

#include "proto/base/mono.h"
#include "proto/card/card_private.h"

#include <stdlib.h>
#include <string.h>
#include <winscard.h>

#define REOPEN_BUDGET_MS 2000
#define REOPEN_PAUSE_MS	 100
#define APDU_BYTES	 (5u + 255u + 1u)
#define REPLY_BYTES	 (256u + 2u)

#define INFO_VERSION	 1u

struct card {
	SCARDCONTEXT context;
	bool context_open;
	SCARDHANDLE handle;
	bool handle_open;
	DWORD protocol;
	char reader[CARD_READER_NAME_BYTES];
	enum card_refusal refusal;
};

static enum err_code pcsc_failed(LONG rv, const char *what, struct err *e)
{
	switch (rv) {
	case SCARD_E_NO_SMARTCARD:
	case SCARD_W_REMOVED_CARD:
	case SCARD_W_UNPOWERED_CARD:
	case SCARD_W_UNRESPONSIVE_CARD:
	case SCARD_E_UNKNOWN_READER:
	case SCARD_E_READER_UNAVAILABLE:
		return err_set(e, ERR_NO_CARD, "%s: %s", what,
			       pcsc_stringify_error(rv));
	case SCARD_E_SHARING_VIOLATION:
		return err_set(e, ERR_CARD, "%s: another program uses the card",
			       what);
	default:
		return err_set(e, ERR_IO, "%s: %s", what,
			       pcsc_stringify_error(rv));
	}
}

/* ---- readers ---- */

static enum err_code establish(SCARDCONTEXT *context, struct err *e)
{
	LONG rv =
		SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, context);

	if (rv == SCARD_S_SUCCESS)
		return ERR_OK;
	pcsc_failed(rv, "PC/SC service", e);
	return err_hint(e, "check that pcscd runs");
}

static bool card_present(SCARDCONTEXT context, const char *reader)
{
	SCARD_READERSTATE state = {.szReader = reader,
				   .dwCurrentState = SCARD_STATE_UNAWARE};

	return SCardGetStatusChange(context, 0, &state, 1) == SCARD_S_SUCCESS &&
	       (state.dwEventState & SCARD_STATE_PRESENT) != 0;
}

/* names is what SCardListReaders gives: strings, one empty one at the end. */
static size_t split_readers(const char *names, size_t len,
			    struct card_reader out[CARD_READERS_MAX])
{
	size_t count = 0;

	while (len > 0 && *names != '\0' && count < CARD_READERS_MAX) {
		size_t n = strnlen(names, len);

		if (n == len)
			break;
		if (n < sizeof out->name) {
			memcpy(out[count].name, names, n + 1);
			out[count++].present = false;
		}
		names += n + 1;
		len -= n + 1;
	}
	return count;
}

static enum err_code list_readers(SCARDCONTEXT context,
				  struct card_reader out[CARD_READERS_MAX],
				  size_t *count, struct err *e)
{
	char names[CARD_READERS_MAX * CARD_READER_NAME_BYTES + 1];
	DWORD len = sizeof names;
	LONG rv = SCardListReaders(context, NULL, names, &len);

	*count = 0;
	if (rv == SCARD_E_NO_READERS_AVAILABLE)
		return ERR_OK;
	if (rv != SCARD_S_SUCCESS)
		return pcsc_failed(rv, "listing card readers", e);
	*count = split_readers(names, len, out);
	for (size_t i = 0; i < *count; i++)
		out[i].present = card_present(context, out[i].name);
	return ERR_OK;
}

enum err_code card_readers(struct card_reader out[CARD_READERS_MAX],
			   size_t *count, struct err *e)
{
	SCARDCONTEXT context;
	enum err_code rc = establish(&context, e);

	*count = 0;
	if (rc != ERR_OK)
		return rc;
	rc = list_readers(context, out, count, e);
	(void)SCardReleaseContext(context);
	return rc;
}

/* ---- one APDU ---- */

static enum err_code transmit(struct card *c, const uint8_t *apdu, size_t len,
			      struct card_reply *r, struct err *e)
{
	uint8_t in[REPLY_BYTES];
	DWORD in_len = sizeof in;
	const SCARD_IO_REQUEST *pci =
		c->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
	LONG rv;

	if (!c->handle_open)
		return err_set(e, ERR_NO_CARD, "the card was lost");
	rv = SCardTransmit(c->handle, pci, apdu, len, NULL, in, &in_len);
	if (rv != SCARD_S_SUCCESS)
		return pcsc_failed(rv, "card in reader", e);
	/* some reader drivers report so that the card went away meanwhile */
	if (in_len == 0)
		return err_set(e, ERR_NO_CARD, "card in reader: no answer");
	if (in_len < 2)
		return err_set(e, ERR_IO, "card answered %u bytes",
			       (unsigned)in_len);
	r->len = in_len - 2;
	memcpy(r->data, in, r->len);
	r->sw = (unsigned)in[r->len] << 8 | in[r->len + 1];
	return ERR_OK;
}

/* A T=0 reader hands out the answer in a second step (ISO 7816-3, 12.2). */
static enum err_code exchange(struct card *c, const uint8_t *apdu, size_t len,
			      struct card_reply *r, struct err *e)
{
	uint8_t get_response[5] = {0x00, 0xC0, 0x00, 0x00, 0x00};
	enum err_code rc = transmit(c, apdu, len, r, e);

	if (rc == ERR_OK && r->len == 0 && r->sw >> 8 == 0x61) {
		get_response[4] = (uint8_t)r->sw;
		rc = transmit(c, get_response, sizeof get_response, r, e);
	}
	return rc;
}

/* Short APDU: header, data with its length, Le unless le < 0 (0 is 256). */
static size_t encode(uint8_t out[APDU_BYTES], const uint8_t header[4],
		     const void *data, size_t data_len, int le)
{
	size_t n = 4;

	memcpy(out, header, 4);
	if (data_len > 0) {
		out[n++] = (uint8_t)data_len;
		memcpy(out + n, data, data_len);
		n += data_len;
	}
	if (le >= 0)
		out[n++] = (uint8_t)le;
	return n;
}

enum err_code card_command(struct card *c, uint8_t ins, const void *data,
			   size_t len, bool answer, struct card_reply *r,
			   struct err *e)
{
	const uint8_t header[4] = {SFI_CLA, ins, 0, 0};
	uint8_t apdu[APDU_BYTES];
	size_t n = encode(apdu, header, data, len, answer ? 0 : -1);
	enum err_code rc = exchange(c, apdu, n, r, e);

	explicit_bzero(apdu, sizeof apdu);
	return rc;
}

/* ---- what the card says ---- */

static enum err_code refuse(struct card *c, unsigned sw, const char *what,
			    struct err *e)
{
	switch (sw) {
	case 0x6A82:
		c->refusal = CARD_REFUSAL_NO_APPLET;
		err_set(e, ERR_CARD, "not an SFI card of Provline");
		return err_hint(e, "insert this lot's SFI card"), ERR_CARD;
	case SFI_SW_NOT_OPERATIONAL:
		c->refusal = CARD_REFUSAL_NOT_OPERATIONAL;
		return err_set(e, ERR_CARD, "the card is not in operation");
	case SFI_SW_NOT_GENUINE:
		c->refusal = CARD_REFUSAL_NOT_GENUINE;
		err_set(e, ERR_CARD, "the chip's certificate is not genuine");
		return err_hint(e, "set the board aside"), ERR_CARD;
	case SFI_SW_EMPTY:
		c->refusal = CARD_REFUSAL_EMPTY;
		return err_set(e, ERR_CARD, "the card has no installs left");
	default:
		c->refusal = CARD_REFUSAL_OTHER;
		return err_set(e, ERR_CARD, "%s: status word %04X", what, sw);
	}
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool take_state(uint8_t byte, enum card_state *state)
{
	if (byte == SFI_STATE_BLANK)
		*state = CARD_BLANK;
	else if (byte == SFI_STATE_PERSONALISED)
		*state = CARD_PERSONALISED;
	else
		*state = CARD_OPERATIONAL;
	return byte <= SFI_STATE_PERSONALISED;
}

static enum err_code decode_info(struct card *c, const struct card_reply *r,
				 struct card_info *info, struct err *e)
{
	const uint8_t *p = r->data;

	c->refusal = CARD_REFUSAL_OTHER;
	if (r->len != SFI_INFO_BYTES || p[0] != INFO_VERSION)
		return err_set(e, ERR_CARD,
			       "the card's INFO is not understood");
	for (unsigned i = 0; i < SFI_CARD_SERIAL_BYTES; i++) {
		if (p[1 + i] <= 0x20 || p[1 + i] > 0x7E)
			return err_set(e, ERR_CARD,
				       "the card's serial is not printable");
		info->serial[i] = (char)p[1 + i];
	}
	info->serial[SFI_CARD_SERIAL_BYTES] = '\0';
	memcpy(info->firmware_id, p + 9, SFI_FWID_BYTES);
	info->counter = be32(p + 25);
	info->counter_max = be32(p + 29);
	info->operational = p[33] == SFI_STATE_OPERATIONAL;
	if (!take_state(p[33], &info->state))
		return err_set(e, ERR_CARD,
			       "the card's state %u is not understood", p[33]);
	if (info->counter > info->counter_max)
		return err_set(e, ERR_CARD,
			       "the card's counter is above its maximum");
	c->refusal = CARD_REFUSAL_NONE;
	return ERR_OK;
}

enum err_code card_read_info(struct card *c, struct card_info *info,
			     struct err *e)
{
	struct card_reply r;
	enum err_code rc = card_command(c, SFI_INS_INFO, NULL, 0, true, &r, e);

	memset(info, 0, sizeof *info);
	if (rc != ERR_OK)
		return rc;
	if (r.sw != SFI_SW_OK)
		return refuse(c, r.sw, "INFO", e);
	return decode_info(c, &r, info, e);
}

/* ---- opening ---- */

static enum err_code select_applet(struct card *c, struct err *e)
{
	static const uint8_t header[4] = {0x00, 0xA4, 0x04, 0x00};
	uint8_t apdu[APDU_BYTES];
	struct card_reply r;
	enum err_code rc = exchange(
		c, apdu, encode(apdu, header, SFI_AID, SFI_AID_BYTES, -1), &r,
		e);

	if (rc == ERR_OK && r.sw != SFI_SW_OK)
		rc = refuse(c, r.sw, "SELECT", e);
	return rc;
}

static enum err_code pick_reader(struct card *c, const char *reader,
				 struct err *e)
{
	struct card_reader readers[CARD_READERS_MAX];
	size_t count;
	enum err_code rc = list_readers(c->context, readers, &count, e);

	if (rc != ERR_OK)
		return rc;
	for (size_t i = 0; i < count; i++) {
		if (reader != NULL ? strcmp(readers[i].name, reader) == 0
				   : readers[i].present) {
			memcpy(c->reader, readers[i].name, sizeof c->reader);
			return ERR_OK;
		}
	}
	if (reader != NULL)
		return err_set(e, ERR_NO_CARD, "no card reader \"%s\"", reader);
	return err_set(e, ERR_NO_CARD, "no card in any of %zu readers", count);
}

/* Never with a reset: when the card is gone, the reset makes pcscd 1.9 note an
 * empty reader behind the back of its own thread that watches for changes. If
 * the next card is in by that thread's next look (0.4 s), it sees no change,
 * and the reader stays empty for every client until that card leaves as well.
 */
static void disconnect(struct card *c)
{
	if (c->handle_open)
		(void)SCardDisconnect(c->handle, SCARD_LEAVE_CARD);
	c->handle_open = false;
}

static enum err_code connect_card(struct card *c, struct err *e)
{
	LONG rv;
	enum err_code rc;

	disconnect(c);
	rv = SCardConnect(c->context, c->reader, SCARD_SHARE_EXCLUSIVE,
			  SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &c->handle,
			  &c->protocol);
	if (rv != SCARD_S_SUCCESS)
		return pcsc_failed(rv, "card in reader", e);
	c->handle_open = true;
	rc = select_applet(c, e);
	if (rc != ERR_OK)
		disconnect(c);
	return rc;
}

enum err_code card_open(struct card **out, const char *reader, struct err *e)
{
	struct card *c = calloc(1, sizeof *c);
	enum err_code rc;

	*out = NULL;
	if (c == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for a card");
	rc = establish(&c->context, e);
	c->context_open = rc == ERR_OK;
	if (rc == ERR_OK)
		rc = pick_reader(c, reader, e);
	if (rc == ERR_OK)
		rc = connect_card(c, e);
	if (rc != ERR_OK) {
		card_close(c);
		return rc;
	}
	*out = c;
	return ERR_OK;
}

void card_close(struct card *c)
{
	if (c == NULL)
		return;
	disconnect(c);
	if (c->context_open)
		(void)SCardReleaseContext(c->context);
	free(c);
}

enum card_refusal card_last_refusal(const struct card *c)
{
	return c->refusal;
}

/* ---- licence ---- */

/* After a cut call: get the card back, if need be, and read INFO. */
static enum err_code ask_again(struct card *c, struct card_info *info)
{
	struct mono deadline = mono_after_ms(REOPEN_BUDGET_MS);
	enum card_refusal refusal = c->refusal;
	enum err_code rc = card_read_info(c, info, NULL);

	while (rc != ERR_OK && !mono_passed(deadline)) {
		mono_sleep_ms(REOPEN_PAUSE_MS);
		rc = connect_card(c, NULL);
		if (rc == ERR_OK)
			rc = card_read_info(c, info, NULL);
	}
	if (rc == ERR_OK)
		c->refusal = refusal;
	return rc;
}

static void settle_count(struct card *c, struct card_licence *l)
{
	l->count = CARD_COUNT_UNKNOWN;
	if (ask_again(c, &l->after) != ERR_OK ||
	    strcmp(l->before.serial, l->after.serial) != 0) {
		memset(&l->after, 0, sizeof l->after);
		return;
	}
	if (l->after.counter == l->before.counter)
		l->count = CARD_COUNT_KEPT;
	else if (l->after.counter + 1 == l->before.counter)
		l->count = CARD_COUNT_SPENT;
}

/* Does the licence name this card, the count that it took and its firmware?
 * (proto/board/sfi.h; more can only be told by the chip.) */
static bool belongs(const struct card_licence *l)
{
	const uint8_t *p = l->licence;

	return memcmp(p, "PLL1", 4) == 0 &&
	       memcmp(p + SFI_LICENCE_ID_OFFSET, l->before.serial + 4, 4) ==
		       0 &&
	       be32(p + SFI_LICENCE_ID_OFFSET + 4) == l->after.counter &&
	       memcmp(p + SFI_FWID_OFFSET, l->before.firmware_id,
		      SFI_FWID_BYTES) == 0;
}

static enum err_code cut(const struct card_licence *l, struct err *e)
{
	static const char *const counts[] = {
		"no install was spent", "one install was spent",
		"whether an install was spent is not known"};

	return err_prefix(e, "licence call cut in the middle, %s",
			  counts[l->count]);
}

/* r->sw is 9000: take the licence over and see that it and the counter agree.
 */
static enum err_code accept(struct card *c, const struct card_reply *r,
			    struct card_licence *l, struct err *e)
{
	c->refusal = CARD_REFUSAL_OTHER;
	if (r->len != SFI_LICENCE_BYTES)
		return err_set(e, ERR_CARD,
			       "the card's licence has %zu bytes, not %u",
			       r->len, SFI_LICENCE_BYTES);
	memcpy(l->licence, r->data, SFI_LICENCE_BYTES);
	if (l->count == CARD_COUNT_UNKNOWN) {
		/* 9000 is the card's word that the counter fell; the licence
		 * itself says to what */
		l->count = CARD_COUNT_SPENT;
		l->after = l->before;
		l->after.counter--;
	}
	if (l->count != CARD_COUNT_SPENT || !belongs(l))
		return err_set(e, ERR_CARD,
			       "licence and counter of the card do not agree");
	c->refusal = CARD_REFUSAL_NONE;
	return ERR_OK;
}

enum err_code card_issue_licence(struct card *c,
				 const uint8_t chip_cert[SFI_CHIP_CERT_BYTES],
				 struct card_licence *out, struct err *e)
{
	struct card_reply r;
	enum err_code rc;

	memset(out, 0, sizeof *out);
	rc = card_read_info(c, &out->before, e);
	if (rc != ERR_OK)
		return rc; /* nothing asked, CARD_COUNT_KEPT */
	rc = card_command(c, SFI_INS_LICENCE, chip_cert, SFI_CHIP_CERT_BYTES,
			  true, &r, e);
	settle_count(c, out);
	if (rc != ERR_OK)
		return cut(out, e), rc;
	if (r.sw != SFI_SW_OK)
		return refuse(c, r.sw, "LICENCE", e);
	return accept(c, &r, out, e);
}
