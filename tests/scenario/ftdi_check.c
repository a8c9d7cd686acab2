/* The probes' identities through unmodified libftdi1: found by description and
 * serial number, told apart by type, and as strict as the chips. Run by usb.sh,
 * whose configuration the table repeats. */
#include <ftdi.h>

#include <libusb-1.0/libusb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define VENDOR	      0x0403
#define NOT_FOUND     (-3) /* ftdi_usb_open_desc(): device not found */
#define NOT_CLAIMED   (-5) /* unable to claim device */
#define CMD_PINS_LOW  0x81 /* AN_108 3.6.2: one byte comes back */
#define CMD_BAD	      0xAA
#define BAD_ECHO      0xFA /* AN_108 3.10 */
#define CHUNK_BYTES   64u
#define SHORT_WAIT_MS 200

/* Endpoints 0x81, 0x02 for A, 0x83, 0x04 for B...: DS_FT2232H 2.6, 4.1;
 * DS_FT232H 2.0; DS_FT4232H 2.2. FIFOs as there. */
static const struct identity {
	const char *manufacturer, *product, *serial;
	int pid;
	enum ftdi_chip_type type;
	uint8_t channels, mpsse;
	size_t fifo_bytes; /* each way */
} identities[] = {
	{"Line & Sons", "Harness (left)", "AB-0001", 0x6010, TYPE_2232H, 2, 2,
	 4096},
	{"Provline", "Harness (right)", "AB-0002", 0x6014, TYPE_232H, 1, 1,
	 1024},
	{"Quad", "Q", "AB-0003", 0x6011, TYPE_4232H, 4, 2, 2048},
};
#define IDENTITIES (sizeof(identities) / sizeof(identities[0]))

static struct ftdi_context *probe_new(enum ftdi_interface channel)
{
	struct ftdi_context *f = ftdi_new();

	assert_non_null(f);
	assert_int_equal(ftdi_set_interface(f, channel), 0);
	f->usb_write_timeout = f->usb_read_timeout = 2000;
	return f;
}

static int probe_open(struct ftdi_context *f, const struct identity *id)
{
	return ftdi_usb_open_desc(f, VENDOR, id->pid, id->product, id->serial);
}

static void probe_free(struct ftdi_context *f)
{
	if (f->usb_dev != NULL)
		assert_int_equal(ftdi_usb_close(f), 0);
	ftdi_free(f);
}

/* -------- tests -------- */

static void found_by_their_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < IDENTITIES; i++) {
		const struct identity *id = &identities[i];
		struct ftdi_context *f = probe_new(INTERFACE_A);
		char maker[128], product[128], serial[128];

		assert_int_equal(probe_open(f, id), 0);
		assert_int_equal(f->type, id->type);
		assert_int_equal(f->max_packet_size, 512);
		assert_int_equal(
			ftdi_usb_get_strings2(f, libusb_get_device(f->usb_dev),
					      maker, sizeof(maker), product,
					      sizeof(product), serial,
					      sizeof(serial)),
			0);
		assert_string_equal(maker, id->manufacturer);
		assert_string_equal(product, id->product);
		assert_string_equal(serial, id->serial);
		probe_free(f);
	}
}

static void others_are_not_found(void **state)
{
	const struct identity *a = &identities[0], *b = &identities[1];
	struct ftdi_context *f = probe_new(INTERFACE_A);

	(void)state;
	assert_int_equal(
		ftdi_usb_open_desc(f, VENDOR, a->pid, a->product, b->serial),
		NOT_FOUND);
	assert_int_equal(
		ftdi_usb_open_desc(f, VENDOR, a->pid, b->product, a->serial),
		NOT_FOUND);
	assert_int_equal(ftdi_usb_open_desc(f, VENDOR, a->pid, NULL, "AB-000"),
			 NOT_FOUND);
	assert_int_equal(ftdi_usb_open_desc(f, VENDOR, b->pid, NULL, a->serial),
			 NOT_FOUND);
	assert_int_equal(ftdi_usb_open_desc(f, VENDOR, a->pid, NULL, a->serial),
			 0);
	probe_free(f);
}

static void check_endpoint(const struct libusb_endpoint_descriptor *e,
			   uint8_t address)
{
	assert_int_equal(e->bEndpointAddress, address);
	assert_int_equal(e->bmAttributes & 3, LIBUSB_TRANSFER_TYPE_BULK);
	assert_int_equal(e->wMaxPacketSize, 512);
}

static void interfaces_and_endpoints(void **state)
{
	(void)state;
	for (size_t i = 0; i < IDENTITIES; i++) {
		struct ftdi_context *f = probe_new(INTERFACE_A);
		struct libusb_config_descriptor *config;

		assert_int_equal(probe_open(f, &identities[i]), 0);
		assert_int_equal(
			libusb_get_config_descriptor(
				libusb_get_device(f->usb_dev), 0, &config),
			0);
		assert_int_equal(config->bNumInterfaces,
				 identities[i].channels);
		for (uint8_t n = 0; n < config->bNumInterfaces; n++) {
			const struct libusb_interface_descriptor *d =
				config->interface[n].altsetting;

			assert_int_equal(config->interface[n].num_altsetting,
					 1);
			assert_int_equal(d->bInterfaceClass, 0xFF);
			assert_int_equal(d->bNumEndpoints, 2);
			check_endpoint(&d->endpoint[0],
				       (uint8_t)(0x81 + 2 * n));
			check_endpoint(&d->endpoint[1],
				       (uint8_t)(0x02 + 2 * n));
		}
		libusb_free_config_descriptor(config);
		probe_free(f);
	}
}

/* As many channels as the chip has, MPSSE in its first ones, and each opened
 * once. */
static void channels(void **state)
{
	(void)state;
	for (size_t i = 0; i < IDENTITIES; i++) {
		struct ftdi_context *open[4];

		for (int n = 0; n < 4; n++) {
			bool there = n < identities[i].channels;
			enum ftdi_interface channel = INTERFACE_A + n;
			struct ftdi_context *again = probe_new(channel);

			open[n] = probe_new(channel);
			assert_int_equal(probe_open(open[n], &identities[i]),
					 there ? 0 : NOT_CLAIMED);
			assert_int_equal(probe_open(again, &identities[i]),
					 NOT_CLAIMED);
			probe_free(again);
			if (!there)
				continue;
			assert_int_equal(ftdi_set_bitmode(open[n], 0,
							  BITMODE_MPSSE) == 0,
					 n < identities[i].mpsse);
			assert_int_equal(
				ftdi_set_bitmode(open[n], 0, BITMODE_RESET), 0);
		}
		for (int n = 0; n < 4; n++)
			probe_free(open[n]);
	}
}

static void wrong_endpoints(void **state)
{
	struct ftdi_context *f = probe_new(INTERFACE_A);
	unsigned char byte = CMD_BAD, echo[2] = {0};
	int right = f->in_ep;

	(void)state;
	assert_int_equal(probe_open(f, &identities[0]), 0);
	assert_int_equal(ftdi_set_bitmode(f, 0, BITMODE_MPSSE), 0);
	f->in_ep = 0x04; /* libftdi writes to "in": channel B, not claimed */
	assert_true(ftdi_write_data(f, &byte, 1) < 0);
	f->in_ep = 0x06; /* no such */
	assert_true(ftdi_write_data(f, &byte, 1) < 0);
	f->in_ep = 0x01; /* an IN endpoint's number */
	assert_true(ftdi_write_data(f, &byte, 1) < 0);
	f->in_ep = right;
	assert_int_equal(ftdi_write_data(f, &byte, 1), 1);
	assert_int_equal(ftdi_read_data(f, echo, 2), 2);
	assert_int_equal(echo[0], BAD_ECHO);
	assert_int_equal(echo[1], CMD_BAD);
	assert_int_equal(libusb_release_interface(f->usb_dev, 0), 0);
	assert_true(ftdi_write_data(f, &byte, 1) < 0); /* not claimed */
	assert_int_equal(libusb_claim_interface(f->usb_dev, 0), 0);
	probe_free(f);
}

/* Answers that nobody reads fill both FIFOs, and then nothing goes in. */
static void full_fifos(void **state)
{
	unsigned char fill[CHUNK_BYTES];

	(void)state;
	memset(fill, CMD_PINS_LOW, sizeof(fill));
	for (size_t i = 0; i < IDENTITIES; i++) {
		size_t both = 2 * identities[i].fifo_bytes, went = 0;
		struct ftdi_context *f = probe_new(INTERFACE_A);

		assert_int_equal(probe_open(f, &identities[i]), 0);
		assert_int_equal(ftdi_set_bitmode(f, 0, BITMODE_MPSSE), 0);
		f->usb_write_timeout = SHORT_WAIT_MS;
		while (went <= both && ftdi_write_data(f, fill, sizeof(fill)) ==
					       (int)sizeof(fill))
			went += sizeof(fill);
		assert_in_range(went, both - CHUNK_BYTES, both);
		assert_int_equal(ftdi_tcioflush(f), 0);
		assert_int_equal(ftdi_write_data(f, fill, 1), 1);
		probe_free(f);
	}
}

static void latency_timer(void **state)
{
	struct ftdi_context *f = probe_new(INTERFACE_A);
	unsigned char ms = 0;

	(void)state;
	assert_int_equal(probe_open(f, &identities[2]), 0);
	assert_int_equal(ftdi_get_latency_timer(f, &ms), 0);
	assert_int_equal(ms, 16); /* the chips' default */
	assert_int_equal(ftdi_set_latency_timer(f, 2), 0);
	assert_int_equal(ftdi_get_latency_timer(f, &ms), 0);
	assert_int_equal(ms, 2);
	probe_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_their_strings),
		cmocka_unit_test(others_are_not_found),
		cmocka_unit_test(interfaces_and_endpoints),
		cmocka_unit_test(channels),
		cmocka_unit_test(wrong_endpoints),
		cmocka_unit_test(full_fifos),
		cmocka_unit_test(latency_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
