/* A line in memory for the flow's tests: a board behind target.h whose
 * programs speak the provisioning UART, a card behind card.h, a controller
 * behind link.h. Faults are set in the open; everything is reset by
 * fake_reset(). */
#ifndef TESTS_UNIT_AGENT_FAKE_LINE_H
#define TESTS_UNIT_AGENT_FAKE_LINE_H

#include "agent/target/target.h"
#include "proto/board/sfi.h"
#include "proto/image/image.h"
#include "proto/msg/msg.h"
#include "proto/rules.h"

#include <stdbool.h>
#include <stdint.h>

/* What programming the NOR costs. */
#define FAKE_NOR_WIRE_MS 40
#define FAKE_NOR_USB_MS	 20

/* Where a DUT fault strikes: before this item of its script. */
enum dut_item {
	DUT_BOOT_LOADER,
	DUT_STAGE,
	DUT_INSTALLED_TEST,
	DUT_BOOT_TEST,
	DUT_TEST_1,
	DUT_TEST_2,
	DUT_READY,
	DUT_IDENTITY,
	DUT_CSR_1,
	DUT_CSR_2,
	DUT_ATTEST,
	DUT_READY_CERT,
	DUT_STORED,
	DUT_INSTALLED_KERNEL,
	DUT_BOOT_KERNEL,
	DUT_APP_LOG,
	DUT_APP_TEST,
	DUT_DONE,
	DUT_END,
	DUT_BOOT_APP, /* only after a reset: it announces itself and runs */
	DUT_NOWHERE
};

enum dut_fault {
	DUT_HANG,  /* says nothing more */
	DUT_FAIL,  /* gives up, with fail_code */
	DUT_RESET, /* starts its program again, once */
	DUT_NOISE, /* garbage first, then goes on */
	DUT_GONE,  /* the board is taken out */
	DUT_SLOW,  /* takes 1200 ms, then goes on */
	DUT_TWICE, /* sends it again though acknowledged */
};

/* Where the process dies, as SIGKILL would. */
enum crash {
	CRASH_NOWHERE,
	CRASH_NOR,
	CRASH_CARD,
	CRASH_LOCK,
	CRASH_TEST,
	CRASH_CSR,
	CRASH_RESULT
};

struct fake {
	/* board */
	bool present, locked, flapping;
	bool tzen; /* TrustZone on, the port still open */
	uint32_t dev_id;
	uint8_t rdp;
	uint8_t uid[12];
	uint64_t nor_bytes;
	uint8_t nor_id[3];
	uint32_t limit_hz;   /* SWD ceiling set last */
	unsigned identified; /* boards that somebody looked into */
	enum err_code identify_error, nor_error, program_error, cert_error,
		flash_error, lock_error;
	bool lock_stays_open, nor_other_bytes;
	struct target_counts counts; /* programming the NOR adds to them */
	enum target_light light;
	enum dut_item at;
	enum dut_fault fault;
	const char *fail_code;
	uint32_t app_test_status;
	const char *test_value, *device_id;
	bool test_pass_flag, stored_other, installed_other;
	bool other_version;	 /* its programs are not the image's */
	enum dut_item runs_from; /* what a reset of a locked board starts: the
				  * last entry of its boot record */
	/* card */
	bool card_there, card_operational, licence_lost;
	uint32_t counter;
	uint8_t card_fwid[16];
	/* controller */
	bool away;		     /* no connection at all */
	struct msg_ASSIGNMENT order; /* every heartbeat's answer */
	enum err_code permit_error, csr_error, licence_record_error;
	int csr_ms;   /* how long CSR_RELAY takes */
	int stall_ms; /* once, in a quiet read: the host was elsewhere, and
		       * no time passed on the line */
	bool renew_refused, retest, result_away;
	unsigned permits, licences_recorded, results, passes;
	char locked_uid[25], passed_uid[25], licensed_uid[25]; /* its record */
	struct msg_PERMIT earlier; /* what it knows of locked_uid */
	struct msg_PERMIT_GET permit_asked;
	struct msg_RESULT result; /* the last one recorded */
	const uint8_t *image;	  /* served by IMAGE_GET */
	size_t image_len;
	const char *alter_path; /* flip a bit there when half is programmed */
	size_t alter_at, programmed_to; /* where; bytes of good image taken */
	size_t image_served;		/* bytes that the controller gave */
	size_t image_cut_at; /* it is away from this offset on; 0: never */
	uint8_t cert[300];
	enum crash crash;
	/* dies at the journal's entry for this step (STEP_RECORD: of the end);
	 * before it is written, or after. STEP_COUNT: nowhere */
	enum step dies_in;
	bool dies_before;
};

extern struct fake fake;

void fake_reset(void);

/* As SIGKILL would; board, card and controller stay as they are, for the
 * process that has forked this one. */
_Noreturn void fake_die(void);
/* Around the fork: memory for them, and back into `fake` after the death. */
void fake_outlive(void);
void fake_come_back(void);

#endif
