/* The ioctls of usbfs, with the answers of drivers/usb/core/devio.c of Linux
 * (6.1) for a Hi-Speed device without a kernel driver. Left out (ENOTTY): the
 * synchronous USBDEVFS_CONTROL and _BULK, streams, suspend: libusb-1.0 gets on
 * without. */
#include "bench/usbfs/private.h"

#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#define STD_SET_CONFIGURATION 0x09u
#define STD_SET_INTERFACE     0x0Bu

/* What an xHCI host says (no memory mapping). */
#define CAPABILITIES                                                  \
	(USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM | \
	 USBDEVFS_CAP_BULK_SCATTER_GATHER |                           \
	 USBDEVFS_CAP_REAP_AFTER_DISCONNECT)

#define SPEED_HIGH 3 /* enum usb_device_speed */

/* The ioctl's argument, len bytes; it goes back to the client when the ioctl
 * is answered. NULL: answered with EFAULT. Owned by the client's request. */
static void *argument(struct file *f, size_t len)
{
	UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(f->client);
	UMockdevIoctlData *data =
		umockdev_ioctl_data_resolve(arg, 0, len, NULL);
	void *bytes;

	if (data == NULL) {
		file_answer(f, -EFAULT);
		return NULL;
	}
	bytes = data->data;
	g_object_unref(data); /* arg keeps it */
	return bytes;
}

static bool interface_exists(const struct file *f, unsigned iface)
{
	return f->info.config_len >= 5 && iface < f->info.config[4];
}

static bool claimed_here(const struct file *f, unsigned iface)
{
	return iface < 32 && (f->claims >> iface & 1) != 0;
}

/* -------- claims -------- */

static void claim(struct file *f, void *arg)
{
	unsigned iface = *(unsigned *)arg;
	const struct link_msg m = {.kind = LINK_CLAIM, .a = iface};

	if (!interface_exists(f, iface))
		file_answer(f, -ENOENT);
	else if (claimed_here(f, iface))
		file_answer(f, 0);
	else
		file_request(f, &m, NULL);
}

static void release(struct file *f, void *arg)
{
	unsigned iface = *(unsigned *)arg;
	const struct link_msg m = {.kind = LINK_RELEASE, .a = iface};

	if (!interface_exists(f, iface))
		file_answer(f, -ENOENT);
	else if (!claimed_here(f, iface))
		file_answer(f, -EINVAL);
	else
		file_request(f, &m, NULL);
}

void ioctl_claimed(struct file *f)
{
	if (f->request.kind == LINK_CLAIM)
		f->claims |= 1u << f->request.a;
	else if (f->request.kind == LINK_RELEASE)
		f->claims &= ~(1u << f->request.a);
}

/* -------- settings -------- */

static void standard_request(struct file *f, uint8_t type, uint8_t request,
			     unsigned value, unsigned index)
{
	const uint8_t setup[8] = {type,
				  request,
				  (uint8_t)value,
				  (uint8_t)(value >> 8),
				  (uint8_t)index,
				  (uint8_t)(index >> 8),
				  0,
				  0};
	const struct link_msg m = {.kind = LINK_CONTROL, .len = sizeof(setup)};

	file_request(f, &m, setup);
}

/* Not while anybody holds an interface. */
static void set_configuration(struct file *f, void *arg)
{
	unsigned value = *(unsigned *)arg;

	for (unsigned i = 0; interface_exists(f, i); i++) {
		if (usbfs_claimed(f->usbfs, f->info.id, i)) {
			file_answer(f, -EBUSY);
			return;
		}
	}
	if (value != f->info.config[5])
		file_answer(f, -EINVAL);
	else
		standard_request(f, 0x00, STD_SET_CONFIGURATION, value, 0);
}

static void set_interface(struct file *f, void *arg)
{
	const struct usbdevfs_setinterface *set = arg;

	if (!interface_exists(f, set->interface))
		file_answer(f, -ENOENT);
	else if (!claimed_here(f, set->interface) || set->altsetting != 0)
		file_answer(f, -EINVAL);
	else
		standard_request(f, 0x01, STD_SET_INTERFACE, 0, set->interface);
}

static void clear_halt(struct file *f, void *arg)
{
	unsigned endpoint = *(unsigned *)arg;
	const struct link_msg m = {.kind = LINK_CLEAR_HALT, .a = endpoint};
	int iface = file_interface(f, endpoint);

	if (iface < 0)
		file_answer(f, -ENOENT);
	else if (!claimed_here(f, (unsigned)iface))
		file_answer(f, -EINVAL);
	else
		file_request(f, &m, NULL);
}

/* -------- kernel drivers: there are none -------- */

static void get_driver(struct file *f, void *arg)
{
	struct usbdevfs_getdriver *get = arg;

	if (!usbfs_claimed(f->usbfs, f->info.id, get->interface)) {
		file_answer(f, -ENODATA);
		return;
	}
	g_strlcpy(get->driver, "usbfs", sizeof(get->driver));
	file_answer(f, 0);
}

static void driver_ioctl(struct file *f, void *arg)
{
	const struct usbdevfs_ioctl *command = arg;
	unsigned long code = (unsigned long)command->ioctl_code;

	if (command->ifno < 0 || !interface_exists(f, (unsigned)command->ifno))
		file_answer(f, -EINVAL);
	else if (code == (unsigned long)USBDEVFS_DISCONNECT)
		file_answer(f, -ENODATA);
	else if (code == (unsigned long)USBDEVFS_CONNECT)
		file_answer(f, 0); /* no driver wants it */
	else
		file_answer(f, -ENOTTY);
}

/* -------- the table -------- */

static void get_capabilities(struct file *f, void *arg)
{
	*(uint32_t *)arg = CAPABILITIES;
	file_answer(f, 0);
}

static void get_connect_info(struct file *f, void *arg)
{
	struct usbdevfs_connectinfo *info = arg;

	info->devnum = f->info.address;
	info->slow = 0;
	file_answer(f, 0);
}

static void get_speed(struct file *f, void *arg)
{
	(void)arg;
	file_answer(f, SPEED_HIGH);
}

static void reset(struct file *f, void *arg)
{
	const struct link_msg m = {.kind = LINK_RESET};

	(void)arg;
	file_request(f, &m, NULL);
}

static void submit(struct file *f, void *arg)
{
	(void)arg;
	urb_submit(f);
}

static void discard(struct file *f, void *arg)
{
	(void)arg;
	urb_discard(f);
}

/* arg_len 0: the function looks at the argument itself. */
static const struct {
	unsigned long request;
	void (*fn)(struct file *f, void *arg);
	size_t arg_len;
} table[] = {
	{USBDEVFS_GET_CAPABILITIES, get_capabilities, sizeof(uint32_t)},
	{USBDEVFS_CLAIMINTERFACE, claim, sizeof(unsigned)},
	{USBDEVFS_DISCONNECT_CLAIM, claim,
	 sizeof(struct usbdevfs_disconnect_claim)}, /* .interface is first */
	{USBDEVFS_RELEASEINTERFACE, release, sizeof(unsigned)},
	{USBDEVFS_SETCONFIGURATION, set_configuration, sizeof(unsigned)},
	{USBDEVFS_SETINTERFACE, set_interface,
	 sizeof(struct usbdevfs_setinterface)},
	{USBDEVFS_CLEAR_HALT, clear_halt, sizeof(unsigned)},
	{USBDEVFS_RESETEP, clear_halt, sizeof(unsigned)},
	{USBDEVFS_GETDRIVER, get_driver, sizeof(struct usbdevfs_getdriver)},
	{USBDEVFS_IOCTL, driver_ioctl, sizeof(struct usbdevfs_ioctl)},
	{USBDEVFS_CONNECTINFO, get_connect_info,
	 sizeof(struct usbdevfs_connectinfo)},
	{USBDEVFS_GET_SPEED, get_speed, 0},
	{USBDEVFS_RESET, reset, 0},
	{USBDEVFS_SUBMITURB, submit, 0},
	{USBDEVFS_DISCARDURB, discard, 0},
};

void ioctl_handle(struct file *f, unsigned long request)
{
	if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY) {
		urb_reap(f, request == USBDEVFS_REAPURB);
		return;
	}
	if (f->gone) {
		file_answer(f, -ENODEV);
		return;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		void *arg = NULL;

		if (table[i].request != request)
			continue;
		if (table[i].arg_len > 0)
			arg = argument(f, table[i].arg_len);
		if (arg != NULL || table[i].arg_len == 0)
			table[i].fn(f, arg);
		return;
	}
	file_answer(f, -ENOTTY);
}
