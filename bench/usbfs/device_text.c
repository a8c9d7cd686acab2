#include "bench/usbfs/device_text.h"

#include "bench/usb/socket.h"

#include <glib.h>
#include <stdbool.h>

#define LANGUAGE_ENGLISH 0x0409u

/* Documentation/ABI/stable/sysfs-bus-usb of Linux: BUS-PORT. */
char *device_sys_path(const struct link_device *d)
{
	return g_strdup_printf("/devices/pci0000:00/0000:00:14.0/usb%u/%u-%u",
			       d->bus, d->bus, d->port);
}

char *device_node_path(const struct link_device *d)
{
	return g_strdup_printf("/dev/bus/usb/%03u/%03u", d->bus, d->address);
}

/* -------- strings -------- */

/* A string descriptor (USB 2.0, 9.6.7); 0 for none. */
static size_t ask_string(int fd, const struct link_device *d, uint8_t index,
			 uint8_t out[255])
{
	const uint8_t setup[8] = {0x80,
				  0x06,
				  index,
				  0x03,
				  LANGUAGE_ENGLISH & 0xFF,
				  LANGUAGE_ENGLISH >> 8,
				  255,
				  0};
	struct link_msg m = {.kind = LINK_OPEN, .a = d->id};

	if (!usb_send(fd, &m, NULL) || !usb_recv(fd, &m, sizeof(m)) ||
	    m.status != LINK_OK || m.len != 0)
		return 0;
	m = (struct link_msg){
		.kind = LINK_CONTROL, .id = 1, .len = sizeof(setup)};
	if (!usb_send(fd, &m, setup) || !usb_recv(fd, &m, sizeof(m)) ||
	    m.status != LINK_OK || m.len < 2 || m.len > 255 ||
	    !usb_recv(fd, out, m.len) || out[0] != m.len)
		return 0;
	return m.len;
}

static void add_string(GString *s, const char *name,
		       const struct link_device *d, uint8_t index)
{
	uint8_t raw[255];
	size_t len = 0;
	int fd;

	if (index == 0 || !usb_connect(&fd))
		return;
	len = ask_string(fd, d, index, raw);
	usb_disconnect(fd);
	if (len == 0)
		return;
	g_string_append_printf(s, "A: %s=", name);
	for (size_t i = 2; i + 1 < len; i += 2) {
		char c = raw[i + 1] == 0 && raw[i] >= 0x20 && raw[i] < 0x7F
				 ? (char)raw[i]
				 : '?';

		if (c == '\\')
			g_string_append_c(s, c);
		g_string_append_c(s, c);
	}
	g_string_append(s, "\\n\n");
}

/* -------- the whole -------- */

static void add_hex(GString *s, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		g_string_append_printf(s, "%02X", p[i]);
}

static void add_udev(GString *s, const struct link_device *d)
{
	const uint8_t *p = d->device;

	g_string_append_printf(
		s,
		"E: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nE: DRIVER=usb\n"
		"E: DEVNAME=/dev/bus/usb/%03u/%03u\n"
		"E: BUSNUM=%03u\nE: DEVNUM=%03u\nE: MAJOR=189\nE: MINOR=%u\n"
		"E: PRODUCT=%x/%x/%x\n",
		d->bus, d->address, d->bus, d->address,
		(d->bus - 1u) * 128u + d->address - 1u, p[9] << 8 | p[8],
		p[11] << 8 | p[10], p[13] << 8 | p[12]);
}

static void add_attributes(GString *s, const struct link_device *d)
{
	const uint8_t *p = d->device;

	g_string_append_printf(
		s,
		"A: busnum=%u\\n\nA: devnum=%u\\n\nA: devpath=%u\\n\n"
		"A: speed=480\\n\nA: bConfigurationValue=%u\\n\n"
		"A: bNumInterfaces=%2u\\n\nA: bDeviceClass=%02x\\n\n"
		"A: idVendor=%02x%02x\\n\nA: idProduct=%02x%02x\\n\n"
		"A: bcdDevice=%02x%02x\\n\n",
		d->bus, d->address, d->port, d->config[5], d->config[4], p[4],
		p[9], p[8], p[11], p[10], p[13], p[12]);
	add_string(s, "manufacturer", d, p[14]);
	add_string(s, "product", d, p[15]);
	add_string(s, "serial", d, p[16]);
}

char *device_text(const struct link_device *d)
{
	GString *s = g_string_new("P: ");
	char *path = device_sys_path(d);

	g_string_append_printf(s, "%s\nN: bus/usb/%03u/%03u\n", path, d->bus,
			       d->address);
	add_udev(s, d);
	add_attributes(s, d);
	g_string_append(s, "H: descriptors=");
	add_hex(s, d->device, sizeof(d->device));
	add_hex(s, d->config, d->config_len);
	g_string_append(s, "\n");
	g_free(path);
	return g_string_free(s, FALSE);
}
