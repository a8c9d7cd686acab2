#include "tests/unit/agent/fake_line.h"

#include "proto/card/card.h"
#include "agent/link/link.h"
#include "proto/base/hex.h"
#include "proto/board/layout.h"
#include "proto/uart/uart.h"

#include <mbedtls/sha256.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fake fake;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct fake *outlives; /* shared with the process that forked */

void fake_outlive(void)
{
	outlives = mmap(NULL, sizeof(*outlives), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outlives == MAP_FAILED)
		abort();
}

void fake_come_back(void)
{
	fake = *outlives;
	(void)munmap(outlives, sizeof(*outlives));
	fake.crash = CRASH_NOWHERE;
	fake.dies_in = STEP_COUNT;
}

void fake_die(void)
{
	*outlives = fake;
	_exit(9);
}

static void crash_at(enum crash c)
{
	if (fake.crash == c)
		fake_die();
}

/* The DUT's clock, which is the line's: quiet reads advance it, and whatever
 * keeps the agent from reading. */
static uint32_t now_ms;

/* ---- the DUT's programs ---- */

static struct {
	bool running;
	enum dut_item pos;
	bool wait_challenge, wait_cert, struck;
	uint8_t cert[1024]; /* as it came */
	size_t cert_len;
	struct uart_link link;
	struct uart_lines lines;
	uint8_t tx[8192];
	size_t tx_len;
} dut;

struct target {
	bool cancelled;
};
static struct target the_target;

static void put(const void *data, size_t len)
{
	if (len > sizeof(dut.tx) - dut.tx_len)
		abort();
	memcpy(dut.tx + dut.tx_len, data, len);
	dut.tx_len += len;
}

static void start(enum dut_item pos)
{
	dut.running = true;
	dut.pos = pos;
	dut.wait_challenge = dut.wait_cert = false;
	uart_link_init(&dut.link, true);
	memset(&dut.lines, 0, sizeof(dut.lines));
	put("\x00~boot\xff\r\n", 9);
}

static void set_boot(struct uart_sentence *s, const char *program,
		     enum layout_program type)
{
	s->type = UART_BOOT;
	snprintf(s->u.BOOT.program, sizeof(s->u.BOOT.program), "%s", program);
	snprintf(s->u.BOOT.version, sizeof(s->u.BOOT.version), "%d.%u",
		 fake.other_version ? 2 : 1, (unsigned)type);
	memcpy(s->u.BOOT.uid, fake.uid, 12);
}

static void part_hash(uint8_t out[32], uint32_t type)
{
	/* as the builder of test_flow's image writes it into the header */
	for (uint32_t i = 0; i < 4; i++) {
		const uint8_t *p = fake.image + IMAGE_AT_PARTS +
				   i * IMAGE_PART_ENTRY_BYTES;

		if (p[0] == type)
			memcpy(out, p + IMAGE_PART_AT_INSTALLED, 32);
	}
	if (fake.installed_other)
		out[0] ^= 1;
}

static void set_installed(struct uart_sentence *s, const char *program,
			  uint32_t type)
{
	s->type = UART_INSTALLED;
	snprintf(s->u.INSTALLED.program, sizeof(s->u.INSTALLED.program), "%s",
		 program);
	snprintf(s->u.INSTALLED.version, sizeof(s->u.INSTALLED.version), "1.0");
	part_hash(s->u.INSTALLED.sha256, type);
}

static void set_test(struct uart_sentence *s, const char *name,
		     const char *value, const char *low, const char *high,
		     bool pass)
{
	struct uart_TEST *t = &s->u.TEST;

	s->type = UART_TEST;
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->value, sizeof(t->value), "%s", value);
	snprintf(t->low, sizeof(t->low), "%s", low);
	snprintf(t->high, sizeof(t->high), "%s", high);
	t->pass = pass;
}

static void set_csr(struct uart_sentence *s, uint32_t part)
{
	s->type = UART_CSR;
	s->u.CSR.part = part;
	s->u.CSR.of = 2;
	s->u.CSR.data_len = 90;
	memset(s->u.CSR.data, (int)part, 90);
}

static void set_stored(struct uart_sentence *s)
{
	s->type = UART_STORED;
	(void)mbedtls_sha256_ret(dut.cert, dut.cert_len, s->u.STORED.sha256, 0);
	if (fake.stored_other)
		s->u.STORED.sha256[0] ^= 1;
}

static void set_text_sentence(struct uart_sentence *s, enum dut_item pos)
{
	if (pos == DUT_STAGE) {
		s->type = UART_STAGE;
		strcpy(s->u.STAGE.name, "decrypt");
		s->u.STAGE.percent = 50;
	} else if (pos == DUT_READY || pos == DUT_READY_CERT) {
		s->type = UART_READY;
		strcpy(s->u.READY.want,
		       pos == DUT_READY ? "challenge" : "certificate");
	} else if (pos == DUT_IDENTITY) {
		s->type = UART_IDENTITY;
		strcpy(s->u.IDENTITY.device_id, fake.device_id);
	} else if (pos == DUT_ATTEST) {
		s->type = UART_ATTEST;
		s->u.ATTEST.signature_len = 70;
	} else if (pos == DUT_APP_TEST) {
		s->type = UART_APP_TEST;
		s->u.APP_TEST.status = fake.app_test_status;
	} else {
		s->type = UART_DONE;
		strcpy(s->u.DONE.program, "app");
		strcpy(s->u.DONE.version, "1.5");
	}
}

static void set_sentence(struct uart_sentence *s, enum dut_item pos)
{
	memset(s, 0, sizeof(*s));
	switch (pos) {
	case DUT_BOOT_LOADER:
		set_boot(s, "sfi-loader", LAYOUT_PROGRAM_LOADER);
		break;
	case DUT_BOOT_TEST:
		set_boot(s, "hardware-test", LAYOUT_PROGRAM_TEST);
		break;
	case DUT_BOOT_KERNEL:
		set_boot(s, "kernel", LAYOUT_PROGRAM_KERNEL);
		break;
	case DUT_BOOT_APP:
		set_boot(s, "app", LAYOUT_PROGRAM_APP);
		break;
	case DUT_INSTALLED_TEST:
		set_installed(s, "hardware-test", LAYOUT_PROGRAM_TEST);
		break;
	case DUT_INSTALLED_KERNEL:
		set_installed(s, "kernel", LAYOUT_PROGRAM_KERNEL);
		break;
	case DUT_TEST_1:
		set_test(s, "rng", "12", "", "", true);
		break;
	case DUT_TEST_2:
		set_test(s, "modem", fake.test_value, "5", "20",
			 fake.test_pass_flag);
		break;
	case DUT_CSR_1:
	case DUT_CSR_2:
		set_csr(s, pos == DUT_CSR_1 ? 1 : 2);
		break;
	case DUT_STORED:
		set_stored(s);
		break;
	default:
		set_text_sentence(s, pos);
	}
}

static enum dut_item program_of(enum dut_item pos)
{
	return pos == DUT_DONE		? DUT_BOOT_APP
	       : pos >= DUT_BOOT_KERNEL ? DUT_BOOT_KERNEL
	       : pos >= DUT_BOOT_TEST	? DUT_BOOT_TEST
					: DUT_BOOT_LOADER;
}

/* True when the fault has used up this turn. */
static bool strike(void)
{
	struct uart_sentence s = {.type = UART_FAIL};
	size_t len;

	if (dut.struck || dut.pos != fake.at)
		return false;
	dut.struck = fake.fault != DUT_TWICE;
	switch (fake.fault) {
	case DUT_HANG:
		dut.running = false;
		return true;
	case DUT_GONE:
		dut.running = fake.present = false;
		return true;
	case DUT_RESET:
		start(program_of(dut.pos));
		return true;
	case DUT_NOISE:
		put("!PL1 7 BOOT program=\xff\x01\r\n!PL1 !PL1 \n\x80\x81", 38);
		return false;
	case DUT_FAIL:
		snprintf(s.u.FAIL.code, sizeof(s.u.FAIL.code), "%s",
			 fake.fail_code);
		strcpy(s.u.FAIL.text, "seen \x1b[31m");
		len = uart_link_send(&dut.link, &s, now_ms);
		put(dut.link.sent, len);
		dut.pos = DUT_END;
		return true;
	case DUT_SLOW:
		now_ms += 1200;
		mono_sleep_ms(1200);
		return false;
	case DUT_TWICE:
		return false;
	}
	return false;
}

/* What the DUT's clock has brought since the last look, all of it. */
static void dut_tick(void)
{
	static uint32_t looked;
	uint32_t from = looked, now = now_ms;

	looked = now;
	if (now - from > 10000)
		from = now;
	for (; dut.running && from != now + 1; from++) {
		enum uart_tick tick = uart_link_tick(&dut.link, from);

		if (tick == UART_TICK_RESEND)
			put(dut.link.sent, dut.link.sent_len);
		if (tick == UART_TICK_LOST)
			dut.running = false; /* stops, as firmware does */
	}
}

/* The boot record is written before its program is reported. */
static void dut_installs(enum dut_item pos)
{
	if (pos == DUT_INSTALLED_TEST)
		fake.runs_from = DUT_BOOT_TEST;
	if (pos == DUT_INSTALLED_KERNEL)
		fake.runs_from = DUT_BOOT_KERNEL;
}

static void dut_turn(void)
{
	struct uart_sentence s;
	size_t len;

	dut_tick();
	if (!dut.running || dut.link.waiting || dut.pos == DUT_END)
		return;
	if (strike())
		return;
	if (dut.pos == DUT_IDENTITY && dut.wait_challenge == false)
		return;
	if (dut.pos == DUT_STORED && dut.wait_cert == false)
		return;
	if (dut.pos == DUT_APP_LOG) {
		put("hello \x1b[2J operator\r\n", 21);
		dut.pos++;
		return;
	}
	if (dut.pos == DUT_TEST_2)
		crash_at(CRASH_TEST);
	dut_installs(dut.pos);
	set_sentence(&s, dut.pos);
	len = uart_link_send(&dut.link, &s, now_ms);
	if (len == 0)
		abort();
	put(dut.link.sent, len);
	if (dut.pos == DUT_BOOT_APP) { /* waits for nobody */
		dut.link.waiting = false;
		dut.pos = DUT_END;
	}
	if (fake.fault == DUT_TWICE && dut.pos == fake.at)
		put(dut.link.sent, len);
}

static void on_ack(void)
{
	enum dut_item was = dut.pos;

	if (was == DUT_END)
		return;
	dut.pos++;
	if (was == DUT_INSTALLED_TEST || was == DUT_INSTALLED_KERNEL)
		start(dut.pos); /* reboots into what it installed */
	if (was == DUT_APP_TEST && fake.app_test_status != 0)
		dut.pos = DUT_END;
	else if (was == DUT_APP_TEST)
		fake.runs_from = DUT_BOOT_APP;
}

static void take_cert(const struct uart_CERT *c)
{
	if (c->part == 1)
		dut.cert_len = 0;
	if (c->data_len > sizeof(dut.cert) - dut.cert_len)
		abort();
	memcpy(dut.cert + dut.cert_len, c->data, c->data_len);
	dut.cert_len += c->data_len;
	dut.wait_cert = c->part == c->of;
}

static void dut_line(void)
{
	char reply[UART_LINE_MAX];
	struct uart_sentence s;
	size_t reply_len;
	enum uart_event ev =
		uart_link_line(&dut.link, dut.lines.line, dut.lines.len, &s,
			       reply, &reply_len);

	put(reply, reply_len);
	if (ev == UART_EVENT_ACKED)
		on_ack();
	if (ev == UART_EVENT_SENTENCE && s.type == UART_CHALLENGE)
		dut.wait_challenge = true;
	if (ev == UART_EVENT_SENTENCE && s.type == UART_CERT)
		take_cert(&s.u.CERT);
}

/* ---- target.h ---- */

static enum err_code gone(struct err *e)
{
	if (the_target.cancelled)
		return err_set(e, ERR_CANCELLED, "cancelled");
	return fake.present ? ERR_OK
			    : err_set(e, ERR_NO_TARGET, "no board answers");
}

static enum err_code or_gone(enum err_code rc, struct err *e)
{
	if (rc != ERR_OK)
		return err_set(e, rc, "set by the test");
	return gone(e);
}

enum err_code target_open(struct target **t, const struct target_config *c,
			  struct err *e)
{
	(void)c;
	(void)e;
	the_target.cancelled = false;
	*t = &the_target;
	return ERR_OK;
}

void target_close(struct target *t)
{
	(void)t;
}

uint32_t target_limit_clock(struct target *t, uint32_t max_hz)
{
	(void)t;
	fake.limit_hz = max_hz;
	return max_hz;
}

void target_cancel(struct target *t)
{
	t->cancelled = true;
}

void target_resume(struct target *t)
{
	t->cancelled = false;
}

enum err_code target_light(struct target *t, enum target_light light,
			   struct err *e)
{
	(void)t;
	(void)e;
	fake.light = light;
	return ERR_OK;
}

enum err_code target_present(struct target *t, bool *present, struct err *e)
{
	static unsigned count;

	(void)e;
	*present = fake.present && !(fake.flapping && count++ % 2);
	return t->cancelled ? err_set(e, ERR_CANCELLED, "cancelled") : ERR_OK;
}

enum err_code target_identify(struct target *t, struct target_identity *id,
			      struct err *e)
{
	enum err_code rc = or_gone(fake.identify_error, e);

	(void)t;
	fake.identified++;
	memset(id, 0, sizeof(*id));
	id->dpidr = 0x0be12477;
	if (rc == ERR_OK && fake.locked) {
		id->lock = TARGET_LOCKED;
	} else if (rc == ERR_OK) {
		id->dev_id = fake.dev_id;
		id->rdp = fake.rdp;
		id->tzen = fake.tzen;
		memcpy(id->uid, fake.uid, 12);
	}
	return rc;
}

enum err_code target_nor_identify(struct target *t, struct target_nor *nor,
				  struct err *e)
{
	(void)t;
	memset(nor, 0, sizeof(*nor));
	nor->size_bytes = fake.nor_bytes;
	memcpy(nor->jedec_id, fake.nor_id, sizeof(nor->jedec_id));
	return or_gone(fake.nor_error, e);
}

/* What somebody else does to the station's disk meanwhile. */
static void alter_file(void)
{
	FILE *f = fopen(fake.alter_path, "r+b");
	int c = f != NULL && fseek(f, (long)fake.alter_at, SEEK_SET) == 0
			? fgetc(f)
			: EOF;

	if (c == EOF || fseek(f, -1, SEEK_CUR) != 0 || fputc(c ^ 1, f) == EOF ||
	    fclose(f) != 0)
		abort();
}

enum err_code target_nor_program(struct target *t, uint64_t len,
				 target_read_fn *read, void *read_arg,
				 target_progress_fn *progress,
				 void *progress_arg,
				 struct target_nor_report *report,
				 struct err *e)
{
	mbedtls_sha256_context sha;
	uint8_t buf[1000];
	enum err_code rc = or_gone(fake.program_error, e);

	fake.counts.wire_ns += FAKE_NOR_WIRE_MS * 1000000u;
	fake.counts.usb_ns += FAKE_NOR_USB_MS * 1000000u;
	(void)t;
	crash_at(CRASH_NOR);
	mbedtls_sha256_init(&sha);
	(void)mbedtls_sha256_starts_ret(&sha, 0);
	for (uint64_t at = 0; at < len && rc == ERR_OK; at += sizeof(buf)) {
		size_t n = len - at > sizeof(buf) ? sizeof(buf)
						  : (size_t)(len - at);

		if (fake.alter_path != NULL && at >= len / 2) {
			alter_file();
			fake.alter_path = NULL;
		}
		rc = read(read_arg, at, buf, n, e);
		if (rc == ERR_OK)
			fake.programmed_to = (size_t)at + n;
		(void)mbedtls_sha256_update_ret(&sha, buf, n);
		progress(progress_arg, (unsigned)(at * 100 / len));
	}
	memset(report, 0, sizeof(*report));
	(void)mbedtls_sha256_finish_ret(&sha, report->sha256);
	mbedtls_sha256_free(&sha);
	if (fake.nor_other_bytes)
		report->sha256[3] ^= 1;
	return rc;
}

enum err_code target_chip_certificate(struct target *t, uint8_t cert[136],
				      struct err *e)
{
	(void)t;
	memset(cert, fake.uid[0], 136);
	return or_gone(fake.cert_error, e);
}

enum err_code target_flash_write(struct target *t, uint32_t offset,
				 const void *data, size_t len, struct err *e)
{
	(void)t;
	(void)offset;
	(void)data;
	(void)len;
	return or_gone(fake.flash_error, e);
}

enum err_code target_flash_erase(struct target *t, uint32_t offset, size_t len,
				 struct err *e)
{
	(void)t;
	(void)len;
	if (offset == LAYOUT_BOOT_RECORD)
		fake.runs_from = DUT_BOOT_LOADER;
	return gone(e);
}

enum err_code target_lock_down(struct target *t, struct err *e)
{
	(void)t;
	crash_at(CRASH_LOCK);
	if (fake.lock_error == ERR_OK && !fake.lock_stays_open)
		fake.locked = true;
	return or_gone(fake.lock_error, e);
}

enum err_code target_lock_state(struct target *t, enum target_lock *state,
				struct err *e)
{
	(void)t;
	*state = fake.locked ? TARGET_LOCKED : TARGET_OPEN;
	return gone(e);
}

enum err_code target_hold_reset(struct target *t, bool hold, struct err *e)
{
	(void)t;
	dut.running = false;
	if (!hold && fake.present && fake.locked) {
		dut.struck = false;
		start(fake.runs_from);
	}
	return gone(e);
}

enum err_code target_uart_read(struct target *t, void *buf, size_t len,
			       size_t *got, int wait_ms, struct err *e)
{
	*got = 0;
	if (t->cancelled)
		return err_set(e, ERR_CANCELLED, "cancelled");
	dut_turn();
	if (dut.tx_len == 0) {
		now_ms += (uint32_t)wait_ms;
		usleep(500 + 1000 * (unsigned)fake.stall_ms);
		fake.stall_ms = 0;
		return ERR_OK;
	}
	*got = dut.tx_len > len ? len : dut.tx_len;
	if (*got > 17)
		*got = 17; /* in pieces */
	memcpy(buf, dut.tx, *got);
	dut.tx_len -= *got;
	memmove(dut.tx, dut.tx + *got, dut.tx_len);
	return ERR_OK;
}

enum err_code target_uart_write(struct target *t, const void *buf, size_t len,
				struct err *e)
{
	const uint8_t *p = buf;

	(void)t;
	(void)e;
	for (size_t i = 0; i < len && dut.running; i++)
		if (uart_lines_feed(&dut.lines, p[i]))
			dut_line();
	dut_turn(); /* an acknowledged DUT goes on by itself */
	return ERR_OK;
}

void target_counts(const struct target *t, struct target_counts *out)
{
	(void)t;
	*out = fake.counts;
}

int64_t target_uart_us(const struct target *t, size_t len)
{
	(void)t;
	return (int64_t)len * 87;
}

enum err_code target_uart_flush(struct target *t, struct err *e)
{
	(void)t;
	(void)e;
	dut.tx_len = 0;
	return ERR_OK;
}

/* ---- card.h ---- */

struct card {
	enum card_refusal refusal;
};
static struct card the_card;

enum err_code card_readers(struct card_reader out[CARD_READERS_MAX],
			   size_t *count, struct err *e)
{
	(void)e;
	memset(out, 0, sizeof(*out));
	strcpy(out[0].name, "Virtual PCD 00 00");
	out[0].present = fake.card_there;
	*count = 1;
	return ERR_OK;
}

enum err_code card_open(struct card **c, const char *reader, struct err *e)
{
	(void)reader;
	(void)e;
	the_card.refusal = CARD_REFUSAL_NONE;
	*c = &the_card;
	return ERR_OK;
}

void card_close(struct card *c)
{
	(void)c;
}

enum err_code card_read_info(struct card *c, struct card_info *info,
			     struct err *e)
{
	(void)c;
	(void)e;
	memset(info, 0, sizeof(*info));
	strcpy(info->serial, "CARD0001");
	memcpy(info->firmware_id, fake.card_fwid, 16);
	info->counter = fake.counter;
	info->counter_max = 100;
	info->operational = fake.card_operational;
	return ERR_OK;
}

enum err_code card_issue_licence(struct card *c,
				 const uint8_t chip_cert[SFI_CHIP_CERT_BYTES],
				 struct card_licence *out, struct err *e)
{
	(void)chip_cert;
	(void)card_read_info(c, &out->before, NULL);
	fake.counter--;
	crash_at(CRASH_CARD);
	(void)card_read_info(c, &out->after, NULL);
	out->count = CARD_COUNT_SPENT;
	if (fake.licence_lost)
		return err_set(e, ERR_NO_CARD, "taken out");
	memset(out->licence, 0x22, sizeof(out->licence));
	memcpy(out->licence, "PLL1", 4);
	memcpy(out->licence + SFI_FWID_OFFSET, fake.card_fwid, 16);
	return ERR_OK;
}

enum card_refusal card_last_refusal(const struct card *c)
{
	return c->refusal;
}

/* ---- link.h ---- */

struct link {
	int unused;
};

enum err_code link_service(struct link *l, struct err *e)
{
	(void)l;
	return fake.away ? err_set(e, ERR_UNREACHABLE, "away") : ERR_OK;
}

int64_t link_service_in_ms(struct link *l)
{
	(void)l;
	return 10;
}

bool link_bound(struct link *l)
{
	(void)l;
	return !fake.away;
}

int64_t link_heartbeat_ms(struct link *l)
{
	(void)l;
	return 50;
}

void link_reply_fini(struct link_reply *r)
{
	msg_free(r->m);
	free(r->wire);
	memset(r, 0, sizeof(*r));
}

static enum err_code permit(const struct msg_PERMIT_GET *g, struct msg *m,
			    struct err *e)
{
	struct msg_PERMIT *p = &m->u.PERMIT;

	bool resumed = strcmp(g->condition, "resumed") == 0;

	fake.permit_asked = *g;
	if (fake.permit_error != ERR_OK)
		return err_set(e, fake.permit_error, "set by the test");
	if (strcmp(g->uid, fake.passed_uid) == 0)
		return err_set(e, ERR_EXISTS, "has passed");
	if (resumed && strcmp(g->uid, fake.locked_uid) != 0)
		return err_set(e, ERR_NOT_FOUND, "not by this lot");
	if (resumed)
		*p = fake.earlier;
	if (strcmp(g->uid, fake.licensed_uid) == 0) {
		memcpy(p->licence, fake.earlier.licence, sizeof(p->licence));
		p->licence_len = sizeof(p->licence);
		strcpy(p->licence_id, fake.earlier.licence_id);
		strcpy(p->licence_card, fake.earlier.licence_card);
	}
	fake.permits++;
	memcpy(p->attempt, g->attempt, sizeof(p->attempt));
	p->fence = fake.permits;
	p->attempt_no = fake.permits;
	p->lease_ms = fake.renew_refused ? 900 : 60000;
	p->retest = fake.retest;
	strcpy(p->device_id, "PV00112233445566778899aabbccddeeff");
	memset(p->challenge, 'a', 64);
	return ERR_OK;
}

static enum err_code certificate(const struct msg_CSR_RELAY *c, struct msg *m,
				 struct err *e)
{
	struct msg_CERTIFICATE *out = &m->u.CERTIFICATE;
	uint8_t hash[32];

	crash_at(CRASH_CSR);
	mono_sleep_ms(fake.csr_ms);
	now_ms += (uint32_t)fake.csr_ms;
	if (fake.csr_error != ERR_OK)
		return err_set(e, fake.csr_error, "set by the test");
	memcpy(out->attempt, c->attempt, sizeof(out->attempt));
	memcpy(out->certificate, fake.cert, sizeof(fake.cert));
	out->certificate_len = sizeof(fake.cert);
	(void)mbedtls_sha256_ret(fake.cert, sizeof(fake.cert), hash, 0);
	hex_encode(out->sha256, hash, 32);
	return ERR_OK;
}

static enum err_code image_chunk(const struct msg_IMAGE_GET *g,
				 struct link_reply *r, struct err *e)
{
	struct msg_IMAGE_CHUNK *c = &r->m->u.IMAGE_CHUNK;
	size_t n = fake.image_len - (size_t)g->offset;

	if (g->offset >= fake.image_len)
		return err_set(e, ERR_INPUT, "offset");
	if (fake.image_cut_at != 0 && g->offset >= fake.image_cut_at)
		return err_set(e, ERR_UNREACHABLE, "no answer");
	if (n > g->len)
		n = (size_t)g->len;
	fake.image_served += n;
	memcpy(c->sha256, g->sha256, sizeof(c->sha256));
	c->offset = g->offset;
	c->total_len = fake.image_len;
	r->wire = malloc(n);
	memcpy(r->wire, fake.image + g->offset, n);
	r->m->body = r->wire;
	r->m->body_len = n;
	return ERR_OK;
}

static const char *state_of(const struct msg_RESULT *r, enum step s)
{
	for (size_t i = 0; i < r->steps_n; i++)
		if (strcmp(r->steps[i].step, step_name(s)) == 0)
			return r->steps[i].state;
	return "";
}

/* What a controller keeps for the next station that gets the unit. */
static void learn(const struct msg_RESULT *r)
{
	struct msg_PERMIT *known = &fake.earlier;
	const char *down = state_of(r, STEP_LOCK_DOWN);
	const char *test = state_of(r, STEP_APP_TEST);

	if (down[0] != '\0' && strcmp(down, "skipped") != 0) {
		strcpy(fake.locked_uid, r->uid);
		strcpy(known->locked_by, "S1");
		known->locked_in = r->attempt_no;
		known->app_tested_in = 0;
		strcpy(known->nor_sha256, r->nor_sha256);
	}
	if (r->cert_sha256[0] != '\0')
		strcpy(known->cert_sha256, r->cert_sha256);
	/* a pass that nobody saw is none */
	if (strcmp(r->outcome, "pass") == 0 && strcmp(test, "skipped") == 0 &&
	    known->app_tested_in == 0)
		abort();
	if (strcmp(test, "done") == 0 && r->app_test_status == 0)
		known->app_tested_in = r->attempt_no;
}

static enum err_code result(const struct msg_RESULT *in, struct err *e)
{
	crash_at(CRASH_RESULT);
	if (fake.result_away)
		return err_set(e, ERR_TIMEOUT, "no answer");
	fake.result = *in;
	fake.results++;
	learn(in);
	if (strcmp(in->outcome, "pass") == 0) {
		fake.passes++;
		strcpy(fake.passed_uid, in->uid);
	}
	return ERR_OK;
}

static enum err_code licence(const struct msg_LICENCE_ISSUED *l, struct err *e)
{
	if (fake.licence_record_error != ERR_OK)
		return err_set(e, fake.licence_record_error, "no");
	fake.licences_recorded++;
	strcpy(fake.licensed_uid, fake.permit_asked.uid);
	memcpy(fake.earlier.licence, l->licence, sizeof(l->licence));
	strcpy(fake.earlier.licence_id, l->licence_id);
	strcpy(fake.earlier.licence_card, l->card_serial);
	return ERR_OK;
}

static enum err_code serve(const struct msg *q, struct link_reply *r,
			   struct err *e)
{
	switch (q->type) {
	case MSG_HEARTBEAT:
		r->m->u.ORDERS.assignments_n = fake.order.lot[0] != '\0';
		r->m->u.ORDERS.assignments[0] = fake.order;
		return ERR_OK;
	case MSG_PERMIT_GET:
		return permit(&q->u.PERMIT_GET, r->m, e);
	case MSG_CSR_RELAY:
		return certificate(&q->u.CSR_RELAY, r->m, e);
	case MSG_IMAGE_GET:
		return image_chunk(&q->u.IMAGE_GET, r, e);
	case MSG_RESULT:
		return result(&q->u.RESULT, e);
	case MSG_LICENCE_ISSUED:
		return licence(&q->u.LICENCE_ISSUED, e);
	case MSG_PERMIT_RENEW:
		return fake.renew_refused ? err_set(e, ERR_STATE, "taken back")
					  : ERR_OK;
	default:
		return ERR_OK;
	}
}

enum err_code link_call(struct link *l, const struct msg *request,
			struct link_reply *reply, struct mono deadline,
			struct err *e)
{
	uint8_t *wire;
	size_t len;
	enum err_code rc;

	(void)l;
	(void)deadline;
	memset(reply, 0, sizeof(*reply));
	if (fake.away)
		return err_set(e, ERR_UNREACHABLE, "away");
	/* what the codec refuses would never have been sent */
	rc = msg_encode(request, &wire, &len, e);
	if (rc != ERR_OK)
		abort();
	free(wire);
	pthread_mutex_lock(&lock);
	reply->m = msg_new(msg_reply(request->type));
	rc = serve(request, reply, e);
	pthread_mutex_unlock(&lock);
	if (rc != ERR_OK)
		link_reply_fini(reply);
	return rc;
}

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	memset(&dut, 0, sizeof(dut));
	the_target.cancelled = false;
	fake.present = true;
	fake.dev_id = 0x482;
	fake.rdp = 0xAA;
	memcpy(fake.uid, "\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc",
	       12);
	fake.nor_bytes = 8u << 20;
	fake.at = DUT_NOWHERE;
	fake.dies_in = STEP_COUNT;
	fake.test_value = "10";
	fake.test_pass_flag = true;
	fake.device_id = "PV00112233445566778899aabbccddeeff";
	fake.card_there = fake.card_operational = true;
	fake.counter = 50;
	memcpy(fake.card_fwid, "fw-1", 4);
	fake.runs_from = DUT_BOOT_LOADER;
	fake.retest = true;
	memset(fake.cert, 0x30, sizeof(fake.cert));
}
