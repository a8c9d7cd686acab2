/* APDUs and what is made of the answers, with PC/SC replaced by a card that
 * the test plays. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/card/card.c"

/* -------- a reader with a card -------- */

enum cut { CUT_NONE, CUT_BEFORE, CUT_AFTER, CUT_AFTER_FOR_EVER };

static struct {
	bool present;
	uint32_t counter;
	uint8_t state;
	enum cut cut;	 /* of the LICENCE call */
	unsigned sw;	 /* LICENCE's answer, 0: as it should */
	bool wrong_id;	 /* licence of another count */
	bool gone;	 /* until re-inserted by a connect */
	size_t short_by; /* INFO too short */
	unsigned connects;
	uint8_t last[300];
	size_t last_len;
} card;

const SCARD_IO_REQUEST g_rgSCardT0Pci, g_rgSCardT1Pci, g_rgSCardRawPci;

PCSC_API LONG SCardEstablishContext(DWORD scope, LPCVOID a, LPCVOID b,
				    LPSCARDCONTEXT context)
{
	(void)scope;
	(void)a;
	(void)b;
	*context = 1;
	return SCARD_S_SUCCESS;
}

PCSC_API LONG SCardReleaseContext(SCARDCONTEXT context)
{
	(void)context;
	return SCARD_S_SUCCESS;
}

PCSC_API LONG SCardListReaders(SCARDCONTEXT context, LPCSTR groups, LPSTR names,
			       LPDWORD len)
{
	static const char list[] = "Empty 00\0SFI 01\0";

	(void)context;
	(void)groups;
	assert_true(*len >= sizeof list);
	memcpy(names, list, sizeof list);
	*len = sizeof list;
	return SCARD_S_SUCCESS;
}

PCSC_API LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD wait,
				   SCARD_READERSTATE *states, DWORD count)
{
	(void)context;
	(void)wait;
	assert_int_equal(count, 1);
	states->dwEventState =
		strcmp(states->szReader, "SFI 01") == 0 && card.present
			? SCARD_STATE_PRESENT
			: SCARD_STATE_EMPTY;
	return SCARD_S_SUCCESS;
}

PCSC_API LONG SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD share,
			   DWORD protocols, LPSCARDHANDLE handle,
			   LPDWORD protocol)
{
	(void)context;
	(void)protocols;
	assert_int_equal(share, SCARD_SHARE_EXCLUSIVE);
	card.connects++;
	if (!card.present || strcmp(reader, "SFI 01") != 0)
		return SCARD_E_NO_SMARTCARD;
	if (card.cut == CUT_AFTER_FOR_EVER && card.gone)
		return SCARD_E_NO_SMARTCARD;
	card.gone = false;
	*handle = 7;
	*protocol = SCARD_PROTOCOL_T1;
	return SCARD_S_SUCCESS;
}

PCSC_API LONG SCardDisconnect(SCARDHANDLE handle, DWORD how)
{
	(void)handle;
	(void)how;
	return SCARD_S_SUCCESS;
}

PCSC_API const char *pcsc_stringify_error(const LONG rv)
{
	(void)rv;
	return "PC/SC error";
}

static LONG answer(LPBYTE out, LPDWORD len, const void *data, size_t n,
		   unsigned sw)
{
	memcpy(out, data, n);
	out[n] = (uint8_t)(sw >> 8);
	out[n + 1] = (uint8_t)sw;
	*len = n + 2;
	return SCARD_S_SUCCESS;
}

static LONG answer_info(LPBYTE out, LPDWORD len)
{
	uint8_t info[SFI_INFO_BYTES] = {1};

	memcpy(info + 1, "CARD0042", 8);
	memcpy(info + 9, "firmware-one", 12);
	info[28] = (uint8_t)card.counter;
	info[32] = 100;
	info[33] = card.state;
	return answer(out, len, info, sizeof info - card.short_by, 0x9000);
}

static LONG answer_licence(LPBYTE out, LPDWORD len)
{
	uint8_t l[SFI_LICENCE_BYTES] = {0};

	card.gone = card.cut != CUT_NONE;
	if (card.cut == CUT_BEFORE)
		return SCARD_W_REMOVED_CARD;
	if (card.sw != 0)
		return answer(out, len, l, 0, card.sw);
	card.counter--;
	if (card.cut != CUT_NONE)
		return SCARD_W_REMOVED_CARD;
	memcpy(l, "PLL10042", 8);
	l[11] = (uint8_t)(card.counter + (card.wrong_id ? 1 : 0));
	memcpy(l + 12, "firmware-one", 12);
	return answer(out, len, l, sizeof l, 0x9000);
}

PCSC_API LONG SCardTransmit(SCARDHANDLE handle, const SCARD_IO_REQUEST *pci,
			    LPCBYTE apdu, DWORD apdu_len,
			    SCARD_IO_REQUEST *recv_pci, LPBYTE out, LPDWORD len)
{
	(void)handle;
	(void)recv_pci;
	assert_ptr_equal(pci, SCARD_PCI_T1);
	memcpy(card.last, apdu, apdu_len);
	card.last_len = apdu_len;
	if (card.gone || !card.present)
		return SCARD_W_REMOVED_CARD;
	if (apdu[1] == 0xA4)
		return answer(out, len, "", 0,
			      card.state == 0xEE ? 0x6A82 : 0x9000);
	if (apdu[1] == SFI_INS_INFO)
		return answer_info(out, len);
	assert_int_equal(apdu[1], SFI_INS_LICENCE);
	return answer_licence(out, len);
}

static struct card *insert(void)
{
	struct card *c;

	memset(&card, 0, sizeof card);
	card.present = true;
	card.counter = 10;
	card.state = SFI_STATE_OPERATIONAL;
	assert_int_equal(card_open(&c, NULL, NULL), ERR_OK);
	return c;
}

/* -------- tests -------- */

static void readers_are_listed(void **state)
{
	struct card_reader r[CARD_READERS_MAX];
	size_t n;

	(void)state;
	card.present = true;
	assert_int_equal(card_readers(r, &n, NULL), ERR_OK);
	assert_int_equal(n, 2);
	assert_string_equal(r[0].name, "Empty 00");
	assert_false(r[0].present);
	assert_string_equal(r[1].name, "SFI 01");
	assert_true(r[1].present);
}

static void select_by_bytes(void **state)
{
	static const uint8_t want[] = {0x00, 0xA4, 0x04, 0x00, 0x09,
				       0xF0, 0x50, 0x52, 0x4F, 0x56,
				       0x4C, 0x53, 0x46, 0x49};
	struct card *c = insert();

	(void)state;
	assert_int_equal(card.last_len, sizeof want);
	assert_memory_equal(card.last, want, sizeof want);
	card_close(c);
}

static void info(void **state)
{
	static const uint8_t want[] = {0x80, 0x10, 0x00, 0x00, 0x00};
	struct card *c = insert();
	struct card_info i;

	(void)state;
	assert_int_equal(card_read_info(c, &i, NULL), ERR_OK);
	assert_int_equal(card.last_len, sizeof want);
	assert_memory_equal(card.last, want, sizeof want);
	assert_string_equal(i.serial, "CARD0042");
	assert_int_equal(i.counter, 10);
	assert_int_equal(i.counter_max, 100);
	assert_true(i.operational);
	assert_memory_equal(i.firmware_id, "firmware-one\0\0\0\0", 16);
	card.short_by = 1;
	assert_int_equal(card_read_info(c, &i, NULL), ERR_CARD);
	card.short_by = 0;
	card.counter = 101;
	assert_int_equal(card_read_info(c, &i, NULL), ERR_CARD);
	card_close(c);
}

static void licence(void **state)
{
	uint8_t cert[SFI_CHIP_CERT_BYTES];
	struct card *c = insert();
	struct card_licence l;
	uint8_t apdu[APDU_BYTES];

	(void)state;
	memset(cert, 0xC5, sizeof cert);
	assert_int_equal(card_issue_licence(c, cert, &l, NULL), ERR_OK);
	assert_int_equal(l.count, CARD_COUNT_SPENT);
	assert_int_equal(l.before.counter, 10);
	assert_int_equal(l.after.counter, 9);
	assert_memory_equal(l.licence, "PLL1", 4);
	assert_int_equal(encode(apdu, (const uint8_t[4]){0x80, 0x20, 0, 0},
				cert, sizeof cert, 0),
			 4 + 1 + 136 + 1);
	assert_int_equal(apdu[4], 0x88);
	assert_int_equal(apdu[141], 0x00);
	card_close(c);
}

static void refusals(void **state)
{
	static const struct {
		unsigned sw;
		enum card_refusal refusal;
	} rows[] = {
		{0x6985, CARD_REFUSAL_NOT_OPERATIONAL},
		{0x6A80, CARD_REFUSAL_NOT_GENUINE},
		{0x6283, CARD_REFUSAL_EMPTY},
		{0x6700, CARD_REFUSAL_OTHER},
		{0x6D00, CARD_REFUSAL_OTHER},
	};
	uint8_t cert[SFI_CHIP_CERT_BYTES] = {0};
	struct card *c = insert();
	struct card_licence l;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		card.sw = rows[i].sw;
		assert_int_equal(card_issue_licence(c, cert, &l, NULL),
				 ERR_CARD);
		assert_int_equal(card_last_refusal(c), rows[i].refusal);
		assert_int_equal(l.count, CARD_COUNT_KEPT);
		assert_int_equal(l.after.counter, 10);
	}
	card_close(c);
}

static void licence_that_does_not_fit(void **state)
{
	uint8_t cert[SFI_CHIP_CERT_BYTES] = {0};
	struct card *c = insert();
	struct card_licence l;

	(void)state;
	card.wrong_id = true;
	assert_int_equal(card_issue_licence(c, cert, &l, NULL), ERR_CARD);
	assert_int_equal(l.count, CARD_COUNT_SPENT);
	card_close(c);
}

static void cut_in_the_middle(void **state)
{
	static const struct {
		enum cut cut;
		enum card_count count;
		const char *text;
	} rows[] = {
		{CUT_BEFORE, CARD_COUNT_KEPT, "no install was spent"},
		{CUT_AFTER, CARD_COUNT_SPENT, "one install was spent"},
		{CUT_AFTER_FOR_EVER, CARD_COUNT_UNKNOWN, "is not known"},
	};
	uint8_t cert[SFI_CHIP_CERT_BYTES] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct card *c = insert();
		struct card_licence l;
		struct err e;

		card.cut = rows[i].cut;
		assert_int_equal(card_issue_licence(c, cert, &l, &e),
				 ERR_NO_CARD);
		assert_int_equal(l.count, rows[i].count);
		assert_non_null(strstr(e.text, rows[i].text));
		card_close(c);
	}
}

static void no_card_and_wrong_card(void **state)
{
	struct card *c;

	(void)state;
	memset(&card, 0, sizeof card);
	assert_int_equal(card_open(&c, NULL, NULL), ERR_NO_CARD);
	assert_int_equal(card_open(&c, "SFI 01", NULL), ERR_NO_CARD);
	assert_int_equal(card_open(&c, "Other", NULL), ERR_NO_CARD);
	card.present = true;
	card.state = 0xEE;
	assert_int_equal(card_open(&c, NULL, NULL), ERR_CARD);
	assert_null(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_are_listed),
		cmocka_unit_test(select_by_bytes),
		cmocka_unit_test(info),
		cmocka_unit_test(licence),
		cmocka_unit_test(refusals),
		cmocka_unit_test(licence_that_does_not_fit),
		cmocka_unit_test(cut_in_the_middle),
		cmocka_unit_test(no_card_and_wrong_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
