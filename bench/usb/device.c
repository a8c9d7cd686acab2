/* Devices and descriptors. */
#include "bench/usb/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -------- the list -------- */

static struct libusb_device *device_new(struct libusb_context *ctx,
					const struct link_device *info)
{
	struct libusb_device *dev = calloc(1, sizeof(*dev));

	if (dev == NULL)
		return NULL;
	dev->refs = 1;
	dev->ctx = ctx;
	dev->info = *info;
	return dev;
}

static ssize_t list_receive(struct libusb_context *ctx, int fd,
			    libusb_device ***out)
{
	struct link_msg m = {.kind = LINK_LIST};
	struct link_device info;
	size_t n;

	if (!usb_send(fd, &m, NULL) || !usb_recv(fd, &m, sizeof(m)) ||
	    m.kind != LINK_DONE || m.len > LINK_PAYLOAD_MAX ||
	    m.len % sizeof(info) != 0)
		return LIBUSB_ERROR_IO;
	n = m.len / sizeof(info);
	*out = calloc(n + 1, sizeof(**out));
	if (*out == NULL)
		return LIBUSB_ERROR_NO_MEM;
	for (size_t i = 0; i < n; i++) {
		if (!usb_recv(fd, &info, sizeof(info)) ||
		    info.config_len > LINK_CONFIG_MAX ||
		    ((*out)[i] = device_new(ctx, &info)) == NULL) {
			libusb_free_device_list(*out, 1);
			return LIBUSB_ERROR_IO;
		}
	}
	return (ssize_t)n;
}

USB_EXPORT ssize_t LIBUSB_CALL libusb_get_device_list(libusb_context *ctx,
						      libusb_device ***out)
{
	ssize_t n;
	int fd;

	if (!usb_connect(&fd)) {
		*out = calloc(1, sizeof(**out));
		return *out != NULL ? 0 : LIBUSB_ERROR_NO_MEM;
	}
	n = list_receive(usb_context(ctx), fd, out);
	close(fd);
	return n;
}

USB_EXPORT void LIBUSB_CALL libusb_free_device_list(libusb_device **list,
						    int unref_devices)
{
	if (list == NULL)
		return;
	for (size_t i = 0; unref_devices && list[i] != NULL; i++)
		libusb_unref_device(list[i]);
	free(list);
}

USB_EXPORT libusb_device *LIBUSB_CALL libusb_ref_device(libusb_device *dev)
{
	__atomic_add_fetch(&dev->refs, 1, __ATOMIC_SEQ_CST);
	return dev;
}

USB_EXPORT void LIBUSB_CALL libusb_unref_device(libusb_device *dev)
{
	if (dev != NULL &&
	    __atomic_sub_fetch(&dev->refs, 1, __ATOMIC_SEQ_CST) == 0)
		free(dev);
}

USB_EXPORT uint8_t LIBUSB_CALL libusb_get_bus_number(libusb_device *dev)
{
	return dev->info.bus;
}

USB_EXPORT uint8_t LIBUSB_CALL libusb_get_device_address(libusb_device *dev)
{
	return dev->info.address;
}

USB_EXPORT uint8_t LIBUSB_CALL libusb_get_port_number(libusb_device *dev)
{
	return dev->info.port;
}

USB_EXPORT int LIBUSB_CALL libusb_get_port_numbers(libusb_device *dev,
						   uint8_t *ports, int len)
{
	if (len < 1)
		return LIBUSB_ERROR_OVERFLOW;
	ports[0] = dev->info.port;
	return 1;
}

USB_EXPORT libusb_device *LIBUSB_CALL libusb_get_parent(libusb_device *dev)
{
	(void)dev;
	return NULL;
}

USB_EXPORT int LIBUSB_CALL libusb_get_device_speed(libusb_device *dev)
{
	(void)dev;
	return LIBUSB_SPEED_HIGH;
}

/* -------- descriptors -------- */

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

USB_EXPORT int LIBUSB_CALL libusb_get_device_descriptor(
	libusb_device *dev, struct libusb_device_descriptor *d)
{
	const uint8_t *p = dev->info.device;

	*d = (struct libusb_device_descriptor){
		.bLength = p[0],
		.bDescriptorType = p[1],
		.bcdUSB = le16(p + 2),
		.bDeviceClass = p[4],
		.bDeviceSubClass = p[5],
		.bDeviceProtocol = p[6],
		.bMaxPacketSize0 = p[7],
		.idVendor = le16(p + 8),
		.idProduct = le16(p + 10),
		.bcdDevice = le16(p + 12),
		.iManufacturer = p[14],
		.iProduct = p[15],
		.iSerialNumber = p[16],
		.bNumConfigurations = p[17],
	};
	return LIBUSB_SUCCESS;
}

/* One allocation: the descriptor, then its interfaces, alternate settings and
 * endpoints. The devices of the bench have one alternate setting and two
 * endpoints an interface, at most four interfaces. */
struct config {
	struct libusb_config_descriptor d;
	struct libusb_interface iface[4];
	struct libusb_interface_descriptor alt[4];
	struct libusb_endpoint_descriptor ep[4][2];
};

static void config_add_interface(struct config *c, const uint8_t *p)
{
	unsigned n = c->d.bNumInterfaces++;

	c->alt[n] = (struct libusb_interface_descriptor){
		.bLength = p[0],
		.bDescriptorType = p[1],
		.bInterfaceNumber = p[2],
		.bAlternateSetting = p[3],
		.bInterfaceClass = p[5],
		.bInterfaceSubClass = p[6],
		.bInterfaceProtocol = p[7],
		.iInterface = p[8],
		.endpoint = c->ep[n],
	};
	c->iface[n].altsetting = &c->alt[n];
	c->iface[n].num_altsetting = 1;
}

static void config_add_endpoint(struct config *c, const uint8_t *p)
{
	struct libusb_interface_descriptor *alt =
		&c->alt[c->d.bNumInterfaces - 1];

	c->ep[c->d.bNumInterfaces - 1][alt->bNumEndpoints++] =
		(struct libusb_endpoint_descriptor){
			.bLength = p[0],
			.bDescriptorType = p[1],
			.bEndpointAddress = p[2],
			.bmAttributes = p[3],
			.wMaxPacketSize = le16(p + 4),
			.bInterval = p[6],
		};
}

static bool config_parse(struct config *c, const uint8_t *p, size_t len)
{
	for (size_t at = 0; at + 2 <= len; at += p[at]) {
		const uint8_t *d = p + at;

		if (d[0] < 2 || at + d[0] > len)
			return false;
		if (d[1] == LIBUSB_DT_INTERFACE && d[0] >= 9) {
			if (c->d.bNumInterfaces == 4)
				return false;
			config_add_interface(c, d);
		} else if (d[1] == LIBUSB_DT_ENDPOINT && d[0] >= 7) {
			if (c->d.bNumInterfaces == 0 ||
			    c->alt[c->d.bNumInterfaces - 1].bNumEndpoints == 2)
				return false;
			config_add_endpoint(c, d);
		}
	}
	return true;
}

USB_EXPORT int LIBUSB_CALL
libusb_get_config_descriptor(libusb_device *dev, uint8_t index,
			     struct libusb_config_descriptor **out)
{
	const uint8_t *p = dev->info.config;
	struct config *c;

	if (index != 0 || dev->info.config_len < 9)
		return LIBUSB_ERROR_NOT_FOUND;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return LIBUSB_ERROR_NO_MEM;
	c->d.bLength = p[0];
	c->d.bDescriptorType = p[1];
	c->d.wTotalLength = le16(p + 2);
	c->d.bConfigurationValue = p[5];
	c->d.iConfiguration = p[6];
	c->d.bmAttributes = p[7];
	c->d.MaxPower = p[8];
	c->d.interface = c->iface;
	if (!config_parse(c, p, dev->info.config_len)) {
		free(c);
		return LIBUSB_ERROR_IO;
	}
	*out = &c->d;
	return LIBUSB_SUCCESS;
}

USB_EXPORT int LIBUSB_CALL libusb_get_active_config_descriptor(
	libusb_device *dev, struct libusb_config_descriptor **out)
{
	return libusb_get_config_descriptor(dev, 0, out);
}

USB_EXPORT int LIBUSB_CALL
libusb_get_config_descriptor_by_value(libusb_device *dev, uint8_t value,
				      struct libusb_config_descriptor **out)
{
	if (value != dev->info.config[5])
		return LIBUSB_ERROR_NOT_FOUND;
	return libusb_get_config_descriptor(dev, 0, out);
}

USB_EXPORT void LIBUSB_CALL
libusb_free_config_descriptor(struct libusb_config_descriptor *config)
{
	free(config); /* d is the first member */
}

USB_EXPORT int LIBUSB_CALL libusb_get_max_packet_size(libusb_device *dev,
						      unsigned char endpoint)
{
	struct libusb_config_descriptor *c;
	int size = LIBUSB_ERROR_NOT_FOUND;

	if (libusb_get_config_descriptor(dev, 0, &c) != LIBUSB_SUCCESS)
		return LIBUSB_ERROR_OTHER;
	for (unsigned i = 0; i < c->bNumInterfaces; i++) {
		const struct libusb_interface_descriptor *a =
			c->interface[i].altsetting;

		for (unsigned k = 0; k < a->bNumEndpoints; k++) {
			if (a->endpoint[k].bEndpointAddress == endpoint)
				size = a->endpoint[k].wMaxPacketSize;
		}
	}
	libusb_free_config_descriptor(c);
	return size;
}
