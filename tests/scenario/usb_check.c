/* libusb's functions as the bench gives them: the strict parts. And the
 * operator, who sees nothing but the stack light that this program sets.
 * Run by usb.sh on the bench's library, by 330-real-libusb.sh on the real one.
 */
#include <libusb-1.0/libusb.h>

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define RED    0x01
#define YELLOW 0x02
#define GREEN  0x04

/* -------- the control socket -------- */

static json_t *ctl(const char *json)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	json_t *reply;
	FILE *f;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s",
		 getenv("PROVLINE_BENCH_CONTROL"));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	f = fdopen(fd, "r+");
	fprintf(f, "%s\n", json);
	fflush(f);
	reply = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL);
	fclose(f);
	assert_non_null(reply);
	return reply;
}

static void ctl_ok(const char *json)
{
	json_t *reply = ctl(json);

	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
}

/* -------- a probe -------- */

static int setup(void **state)
{
	libusb_context *ctx;

	assert_int_equal(libusb_init(&ctx), 0);
	*state = ctx;
	return 0;
}

static int teardown(void **state)
{
	libusb_exit(*state);
	return 0;
}

/* A probe that was plugged in just now may take a moment to be enumerated. */
static libusb_device_handle *open_probe(libusb_context *ctx)
{
	libusb_device_handle *h = NULL;

	for (int i = 0; h == NULL && i < 200; i++) {
		if (i > 0)
			usleep(10000);
		h = libusb_open_device_with_vid_pid(ctx, 0x0403, 0x6010);
	}
	assert_non_null(h);
	return h;
}

static int out(libusb_device_handle *h, uint8_t ep, const void *data, int len,
	       unsigned timeout_ms)
{
	int moved;

	return libusb_bulk_transfer(h, ep, (unsigned char *)(uintptr_t)data,
				    len, &moved, timeout_ms);
}

/* -------- tests -------- */

static void claims(void **state)
{
	libusb_context *other;
	libusb_device_handle *a = open_probe(*state), *b;
	unsigned char byte = 0;

	assert_int_equal(libusb_init(&other), 0);
	b = open_probe(other);
	assert_true(out(a, 0x02, &byte, 1, 100) < 0); /* not claimed */
	assert_int_equal(libusb_claim_interface(a, 0), 0);
	assert_int_equal(libusb_claim_interface(a, 7), LIBUSB_ERROR_NOT_FOUND);
	assert_int_equal(libusb_claim_interface(b, 0), LIBUSB_ERROR_BUSY);
	assert_int_equal(libusb_claim_interface(b, 1), 0);
	assert_true(out(b, 0x02, &byte, 1, 100) < 0); /* the other's */
	assert_true(out(a, 0x05, &byte, 1, 100) < 0); /* none such */
	assert_int_equal(libusb_release_interface(a, 0), 0);
	assert_int_equal(libusb_claim_interface(b, 0), 0);
	libusb_close(b);
	assert_int_equal(libusb_claim_interface(a, 1), 0); /* closed: free */
	libusb_close(a);
	libusb_exit(other);
}

static void in_time_out(void **state)
{
	static unsigned char fill[16384];
	libusb_device_handle *h = open_probe(*state);
	unsigned char buf[512];
	int got = 0, rc;

	libusb_claim_interface(h, 0);
	assert_int_equal(
		libusb_control_transfer(h, 0x40, 0x0B, 0x0200, 1, NULL, 0, 500),
		0);
	/* An empty probe answers with its status when the timer ends. */
	assert_int_equal(libusb_bulk_transfer(h, 0x81, buf, 512, &got, 500), 0);
	assert_int_equal(got, 2);
	/* Nobody reads: the FIFOs fill and the transfer does not end. */
	memset(fill, 0x81, sizeof(fill));
	rc = libusb_bulk_transfer(h, 0x02, fill, sizeof(fill), &got, 200);
	assert_int_equal(rc, LIBUSB_ERROR_TIMEOUT);
	assert_in_range(got, 8192 - 512, 8192);
	assert_int_equal(
		libusb_control_transfer(h, 0x40, 0x99, 0, 1, NULL, 0, 500),
		LIBUSB_ERROR_PIPE);
	libusb_close(h);
}

static void *unplug_soon(void *arg)
{
	(void)arg;
	usleep(100000);
	ctl_ok("{\"cmd\":\"unplug\",\"probe\":\"PV0001\"}");
	return NULL;
}

static void unplugged(void **state)
{
	libusb_device_handle *h = open_probe(*state);
	libusb_device **list;
	unsigned char buf[512];
	pthread_t thread;
	int got, rc = 0;

	libusb_claim_interface(h, 1);
	assert_int_equal(pthread_create(&thread, NULL, unplug_soon, NULL), 0);
	for (int i = 0; rc == 0 && i < 1000; i++)
		rc = libusb_bulk_transfer(h, 0x83, buf, 512, &got, 2000);
	pthread_join(thread, NULL);
	assert_int_equal(rc, LIBUSB_ERROR_NO_DEVICE);
	assert_int_equal(libusb_claim_interface(h, 0), LIBUSB_ERROR_NO_DEVICE);
	assert_int_equal(libusb_get_device_list(*state, &list), 0);
	libusb_free_device_list(list, 1);
	ctl_ok("{\"cmd\":\"plug\",\"probe\":\"PV0001\"}");
	/* The old handle is of a device that is gone. */
	assert_int_equal(libusb_claim_interface(h, 0), LIBUSB_ERROR_NO_DEVICE);
	libusb_close(h);
	h = open_probe(*state);
	assert_int_equal(libusb_claim_interface(h, 0), 0);
	libusb_close(h);
}

/* -------- the operator -------- */

static void lights(libusb_device_handle *h, uint8_t lit)
{
	const uint8_t set[3] = {0x82, lit, 0x07};

	assert_int_equal(out(h, 0x02, set, sizeof(set), 1000), 0);
}

/* Serial of the board in the harness, "" for none. */
static void board_in(char serial[32])
{
	json_t *state = ctl("{\"cmd\":\"state\"}");
	json_t *probe = json_array_get(json_object_get(state, "probes"), 0);
	json_t *board = json_object_get(probe, "board");
	const char *s = json_string_value(json_object_get(board, "serial"));

	snprintf(serial, 32, "%s", s != NULL ? s : "");
	json_decref(state);
}

static void wait_board(const char *want)
{
	char serial[32];

	for (int i = 0; i < 500; i++) {
		board_in(serial);
		if (strcmp(serial, want) == 0)
			return;
		usleep(10000);
	}
	fail_msg("board \"%s\" did not come, \"%s\" is there", want, serial);
}

/* What a station does: busy, verdict, board gone, light off. */
static void handle(libusb_device_handle *h, const char *serial, uint8_t verdict)
{
	wait_board(serial);
	lights(h, YELLOW);
	usleep(100000);
	wait_board(serial); /* yellow is no verdict */
	lights(h, verdict);
	wait_board("");
	lights(h, 0);
}

static void expect_done(size_t n, const char *serial, const char *light,
			int insertions)
{
	json_t *reply = ctl("{\"cmd\":\"feed-state\"}");
	json_t *d = json_array_get(json_object_get(reply, "done"), n);

	assert_non_null(d);
	assert_string_equal(json_string_value(json_object_get(d, "serial")),
			    serial);
	assert_string_equal(json_string_value(json_object_get(d, "light")),
			    light);
	assert_int_equal(json_integer_value(json_object_get(d, "insertions")),
			 insertions);
	json_decref(reply);
}

static void operator(void **state)
{
	libusb_device_handle *h = open_probe(*state);

	libusb_claim_interface(h, 0);
	libusb_control_transfer(h, 0x40, 0x0B, 0x0200, 1, NULL, 0, 500);
	/* A light from before means nothing for the first board. */
	lights(h, GREEN);
	ctl_ok("{\"cmd\":\"feed\",\"boards\":[{\"serial\":\"F1\"},"
	       "{\"serial\":\"F2\",\"faults\":[\"nor-missing\"]},"
	       "{\"serial\":\"F3\"}]}");
	handle(h, "F1", GREEN);
	handle(h, "F2", RED);
	handle(h, "F3", RED | YELLOW); /* once more */
	handle(h, "F3", RED | YELLOW); /* and no more */
	usleep(100000);
	expect_done(0, "F1", "green", 1);
	expect_done(1, "F2", "red", 1);
	expect_done(2, "F3", "red", 2);
	libusb_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(claims, setup, teardown),
		cmocka_unit_test_setup_teardown(in_time_out, setup, teardown),
		cmocka_unit_test_setup_teardown(unplugged, setup, teardown),
		cmocka_unit_test_setup_teardown(operator, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
