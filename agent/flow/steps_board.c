/* Steps on the open debug port: detect, identify, spi-flash, sfi-load,
 * lock-down. */
#include "agent/flow/steps.h"

#include "agent/flow/expect.h"
#include "agent/flow/resume.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "proto/board/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DETECT_LOOKS	5
#define DETECT_PAUSE_MS 20
#define DEV_ID_U585	0x482u /* RM0456 Rev 6, DBGMCU_IDCODE */
#define RDP_LEVEL_0	0xAAu  /* RM0456 Rev 6, FLASH_OPTR */
#define LOCK_LOOKS	3

/* ---- detect ---- */

enum flow_end step_detect(struct attempt *a)
{
	struct err e;
	int seen = 0;

	for (int i = 0; i < DETECT_LOOKS; i++) {
		bool there = false;

		if (target_present(a->target, &there, &e) != ERR_OK)
			return attempt_error(a, FAILURE_NO_CONTACT, &e);
		seen += there;
		account_sleep(&a->account, DETECT_PAUSE_MS);
	}
	if (seen < DETECT_LOOKS)
		return attempt_fail(a, FAILURE_NO_CONTACT,
				    "the board answered %d of %d times", seen,
				    DETECT_LOOKS);
	return FLOW_DONE;
}

/* ---- identify ---- */

static enum flow_end judge_open(struct attempt *a)
{
	const struct target_identity *id = &a->id;

	if (id->dev_id != DEV_ID_U585)
		return attempt_fail(a, FAILURE_FOREIGN_CHIP,
				    "DEV_ID 0x%03" PRIX32 ", wanted 0x%03X",
				    id->dev_id, DEV_ID_U585);
	if (id->rdp != RDP_LEVEL_0)
		return attempt_fail(a, FAILURE_RDP_LOCKED, "RDP byte 0x%02X",
				    id->rdp);
	if (id->tzen)
		return resume_half_locked(a);
	return FLOW_DONE;
}

/* Of a foreign chip: nobody knows where its UID is. */
static bool is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

enum flow_end step_identify(struct attempt *a)
{
	enum flow_end end;
	struct err e;

	if (target_identify(a->target, &a->id, &e) != ERR_OK)
		return attempt_error(a, FAILURE_NO_CONTACT, &e);
	if (a->id.lock == TARGET_LOCKED)
		return resume_identify(a);
	if (!is_zero(a->id.uid, sizeof(a->id.uid)))
		hex_encode(a->result->u.RESULT.uid, a->id.uid,
			   sizeof(a->id.uid));
	attempt_log(a,
		    "flow: DPIDR %08" PRIx32 " DEV_ID %03" PRIx32
		    " REV_ID %04" PRIx32 " UID %s flash %" PRIu32
		    " KiB OPTR %08" PRIx32,
		    a->id.dpidr, a->id.dev_id, a->id.rev_id,
		    a->result->u.RESULT.uid, a->id.flash_kib, a->id.optr);
	station_show_unit(a->st, a->h, a->result->u.RESULT.attempt,
			  a->result->u.RESULT.uid);
	end = judge_open(a);
	return end == FLOW_DONE ? resume_label(a) : end;
}

/* ---- spi-flash ---- */

static enum flow_end open_image(struct attempt *a)
{
	struct image_fault fault;
	enum image_error bad;
	struct err e;

	cache_close(a->file);
	a->file = NULL;
	if (cache_open(a->st->cache, a->job.image_sha256, &a->file, &e) !=
	    ERR_OK)
		return attempt_error(a, FAILURE_IMAGE_ALTERED, &e);
	bad = image_open(&a->image, cache_image_read, a->file,
			 cache_len(a->file), &fault);
	if (bad != IMAGE_OK)
		return attempt_fail(a, FAILURE_IMAGE_ALTERED,
				    "the image cannot be read: %s, offset %u",
				    image_error_text(bad),
				    (unsigned)fault.offset);
	if (strcmp(a->image.firmware_id, a->job.fwid) != 0)
		return attempt_fail(a, FAILURE_IMAGE_ALTERED,
				    "the image is for firmware %s, the lot "
				    "for %s",
				    a->image.firmware_id, a->job.fwid);
	return FLOW_DONE;
}

static enum flow_end check_nor(struct attempt *a)
{
	char why[EXPECT_WHY_SIZE];
	struct target_nor nor;
	struct err e;

	if (target_nor_identify(a->target, &nor, &e) != ERR_OK)
		return attempt_error(a, FAILURE_NOR_MISSING, &e);
	attempt_log(a, "flow: NOR %s %02x%02x%02x %" PRIu64 " bytes", nor.part,
		    nor.jedec_id[0], nor.jedec_id[1], nor.jedec_id[2],
		    nor.size_bytes);
	if (nor.size_bytes < a->image.nor_min_bytes ||
	    nor.size_bytes < cache_len(a->file))
		return attempt_fail(a, FAILURE_NOR_WRONG_SIZE,
				    "%" PRIu64 " bytes, the product needs %u",
				    nor.size_bytes,
				    (unsigned)a->image.nor_min_bytes);
	if (!expect_nor(a->expect, nor.jedec_id, why))
		return attempt_fail(a, FAILURE_NOR_WRONG_PART, "%s", why);
	return FLOW_DONE;
}

static enum err_code feed(void *arg, uint64_t offset, void *buf, size_t len,
			  struct err *e)
{
	return cache_read(arg, offset, buf, len, e);
}

static void on_percent(void *arg, unsigned percent)
{
	struct attempt *a = arg;

	station_show_percent(a->st, a->h, percent);
}

static void account_nor(struct attempt *a, const struct target_nor_report *r)
{
	account_add_us(&a->account, ACCOUNT_nor_erase_ms, r->erase_us);
	account_add_us(&a->account, ACCOUNT_nor_program_ms, r->program_us);
	account_add_us(&a->account, ACCOUNT_nor_verify_ms,
		       r->compare_us + r->verify_us);
}

static enum flow_end program_nor(struct attempt *a)
{
	struct target_nor_report report = {0};
	struct err e;
	enum err_code rc;
	char hex[65];

	rc = target_nor_program(a->target, cache_len(a->file), feed, a->file,
				on_percent, a, &report, &e);
	account_nor(a, &report);
	if (cache_seal(a->file, rc == ERR_OK ? &e : NULL) != ERR_OK)
		return attempt_fail(a, FAILURE_IMAGE_ALTERED, "%s", e.text);
	if (rc == ERR_TIMEOUT)
		return attempt_error(a, FAILURE_NOR_STUCK, &e);
	if (rc != ERR_OK)
		return attempt_error(a, FAILURE_NOR_VERIFY, &e);
	hex_encode(hex, report.sha256, sizeof(report.sha256));
	attempt_log(a,
		    "flow: NOR erased %" PRIu64 " programmed %" PRIu64
		    " skipped %" PRIu64 " bytes, reads back %s",
		    report.bytes_erased, report.bytes_programmed,
		    report.bytes_skipped, hex);
	memcpy(a->result->u.RESULT.nor_sha256, hex, sizeof(hex));
	if (strcmp(hex, a->job.image_sha256) != 0)
		return attempt_fail(a, FAILURE_NOR_VERIFY,
				    "reads back with hash %s", hex);
	return FLOW_DONE;
}

enum flow_end step_spi_flash(struct attempt *a)
{
	enum flow_end end = open_image(a);

	if (end != FLOW_DONE)
		return end;
	if (a->resumed)
		return FLOW_SKIPPED; /* behind the lock, and done before it */
	end = check_nor(a);
	return end == FLOW_DONE ? program_nor(a) : end;
}

/* ---- sfi-load ---- */

/* What an earlier, unfinished attempt may have left: the boot record would
 * start an old program, the identity would be another attempt's. */
static enum err_code erase_leftovers(struct attempt *a, struct err *e)
{
	enum err_code rc;

	rc = target_flash_erase(a->target, LAYOUT_BOOT_RECORD,
				LAYOUT_PAGE_BYTES, e);
	if (rc == ERR_OK)
		rc = target_flash_erase(a->target, LAYOUT_IDENTITY,
					LAYOUT_IDENTITY_BYTES, e);
	return rc;
}

enum flow_end step_sfi_load(struct attempt *a)
{
	const struct station_harness *h = &a->st->harness[a->h];
	struct account_span span;
	struct err e;
	enum err_code rc;

	if (a->resumed)
		return FLOW_SKIPPED;
	span = account_enter(&a->account);
	rc = erase_leftovers(a, &e);
	if (rc == ERR_OK)
		rc = target_flash_write(a->target, LAYOUT_LOADER, h->loader,
					h->loader_len, &e);
	if (rc == ERR_OK)
		rc = target_flash_write(a->target, LAYOUT_LICENCE, a->licence,
					sizeof(a->licence), &e);
	account_leave(&a->account, ACCOUNT_flash_ms, &span);
	return rc == ERR_OK ? FLOW_DONE
			    : attempt_error(a, FAILURE_FLASH_WRITE, &e);
}

/* ---- lock-down ---- */

static enum err_code look_at_lock(struct attempt *a, enum target_lock *lock,
				  struct err *e)
{
	enum err_code rc = ERR_OK;

	*lock = TARGET_LOCK_UNKNOWN;
	for (int i = 0; i < LOCK_LOOKS && *lock == TARGET_LOCK_UNKNOWN; i++)
		rc = target_lock_state(a->target, lock, e);
	return rc;
}

static enum flow_end judge_lock(struct attempt *a, enum target_lock lock)
{
	switch (lock) {
	case TARGET_LOCKED:
		return FLOW_DONE;
	case TARGET_OPEN:
		return attempt_fail(a, FAILURE_LOCK_FAILED,
				    "the debug port still reads secure memory");
	case TARGET_LOCK_UNKNOWN:
		break;
	}
	(void)attempt_fail(a, FAILURE_LOCK_FAILED,
			   "cannot tell whether the debug port is locked");
	return FLOW_UNKNOWN;
}

enum flow_end step_lock_down(struct attempt *a)
{
	struct account_span span;
	enum target_lock lock;
	enum flow_end end;
	enum err_code rc;
	struct err e;

	if (a->resumed && !a->half_locked)
		return FLOW_SKIPPED;
	if (!attempt_cross(a, &end))
		return end;
	span = account_enter(&a->account);
	rc = target_lock_down(a->target, &e);
	account_leave(&a->account, ACCOUNT_option_reload_ms, &span);
	if (rc != ERR_OK)
		return attempt_error(a, FAILURE_LOCK_FAILED, &e);
	if (dialogue_start(&a->dlg, false, &e) != ERR_OK ||
	    look_at_lock(a, &lock, &e) != ERR_OK)
		return attempt_error(a, FAILURE_LOCK_FAILED, &e);
	return judge_lock(a, lock);
}
