#include "bench/usbfs/usbfs.h"

#include "bench/usb/socket.h"
#include "bench/usbfs/device_text.h"
#include "bench/usbfs/private.h"
#include "proto/base/log.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_KEY "provline-file"

struct device {
	struct usbfs *usbfs;
	struct link_device info;
	UMockdevIoctlBase *handler; /* NULL: free */
};

struct usbfs {
	GMutex mutex;
	UMockdevTestbed *testbed;
	int list_fd; /* -1: none */
	struct device device[USBFS_DEVICES_MAX];
	struct file *files;
};

/* umockdev's thread may be in a callback, with the mutex, until the very end
 * of the process: this is never freed. */
static struct usbfs only;

void usbfs_lock(struct usbfs *u)
{
	g_mutex_lock(&u->mutex);
}

void usbfs_unlock(struct usbfs *u)
{
	g_mutex_unlock(&u->mutex);
}

bool usbfs_claimed(struct usbfs *u, uint32_t device_id, unsigned iface)
{
	for (const struct file *f = u->files; f != NULL; f = f->next) {
		if (f->info.id == device_id && iface < 32 &&
		    (f->claims >> iface & 1) != 0)
			return true;
	}
	return false;
}

/* -------- open files -------- */

/* The client's last reference is gone: its program has closed the node. */
static void on_closed(gpointer arg)
{
	struct file *f = arg;
	struct usbfs *u = f->usbfs;
	struct file **at = &u->files;

	usbfs_lock(u);
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	file_close(f);
	usbfs_unlock(u);
}

static void on_opened(UMockdevIoctlBase *handler, UMockdevIoctlClient *client,
		      gpointer arg)
{
	struct device *d = arg;
	struct usbfs *u = d->usbfs;
	struct file *f;

	(void)handler;
	usbfs_lock(u);
	f = file_open(u, &d->info, client);
	f->next = u->files;
	u->files = f;
	g_object_set_data_full(G_OBJECT(client), FILE_KEY, f, on_closed);
	usbfs_unlock(u);
}

static gboolean on_ioctl(UMockdevIoctlBase *handler,
			 UMockdevIoctlClient *client, gpointer arg)
{
	struct device *d = arg;
	struct file *f = g_object_get_data(G_OBJECT(client), FILE_KEY);

	(void)handler;
	if (f == NULL)
		return FALSE;
	usbfs_lock(d->usbfs);
	ioctl_handle(f, umockdev_ioctl_client_get_request(client));
	usbfs_unlock(d->usbfs);
	return TRUE;
}

/* -------- devices -------- */

static void device_add(struct device *d)
{
	UMockdevTestbed *testbed = d->usbfs->testbed;
	char *node = device_node_path(&d->info), *text = device_text(&d->info);
	GError *error = NULL;

	d->handler = umockdev_ioctl_base_new();
	g_signal_connect(d->handler, "client-connected", G_CALLBACK(on_opened),
			 d);
	g_signal_connect(d->handler, "handle-ioctl", G_CALLBACK(on_ioctl), d);
	/* First, so that whoever hears the uevent can open it. */
	if (!umockdev_testbed_attach_ioctl(testbed, node, d->handler, &error) ||
	    !umockdev_testbed_add_from_string(testbed, text, &error)) {
		log_error("USBFS_ADD", "node=%s error=\"%s\"", node,
			  error->message);
		abort();
	}
	log_debug("USBFS_ADDED", "node=%s", node);
	g_free(text);
	g_free(node);
}

static void device_remove(struct device *d)
{
	UMockdevTestbed *testbed = d->usbfs->testbed;
	char *node = device_node_path(&d->info),
	     *path = device_sys_path(&d->info);
	char *sys = g_strconcat("/sys", path, NULL);

	umockdev_testbed_uevent(testbed, sys, "remove");
	umockdev_testbed_detach_ioctl(testbed, node, NULL);
	umockdev_testbed_remove_device(testbed, sys);
	for (struct file *f = d->usbfs->files; f != NULL; f = f->next) {
		if (f->info.id == d->info.id)
			file_lose(f);
	}
	log_debug("USBFS_REMOVED", "node=%s", node);
	g_clear_object(&d->handler);
	g_free(sys);
	g_free(path);
	g_free(node);
}

/* -------- the daemon's list -------- */

static bool ask(struct usbfs *u, struct link_device *list, size_t *n)
{
	struct link_msg m = {.kind = LINK_LIST};

	if (u->list_fd < 0 && !usb_connect(&u->list_fd)) {
		u->list_fd = -1;
		return false;
	}
	if (!usb_send(u->list_fd, &m, NULL) ||
	    !usb_recv(u->list_fd, &m, sizeof(m)) || m.kind != LINK_DONE ||
	    m.len % sizeof(*list) != 0 ||
	    m.len > USBFS_DEVICES_MAX * sizeof(*list) ||
	    !usb_recv(u->list_fd, list, m.len)) {
		close(u->list_fd);
		u->list_fd = -1;
		return false;
	}
	*n = m.len / sizeof(*list);
	for (size_t i = 0; i < *n; i++) {
		if (list[i].config_len < 9 ||
		    list[i].config_len > LINK_CONFIG_MAX)
			return false;
	}
	return true;
}

static bool listed(const struct link_device *list, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].id == id)
			return true;
	}
	return false;
}

static void add_new(struct usbfs *u, const struct link_device *info)
{
	struct device *room = NULL;

	for (size_t i = 0; i < USBFS_DEVICES_MAX; i++) {
		struct device *d = &u->device[i];

		if (d->handler == NULL)
			room = room == NULL ? d : room;
		else if (d->info.id == info->id)
			return;
	}
	if (room == NULL) {
		log_warn("USBFS_FULL", "limit=%u", USBFS_DEVICES_MAX);
		return;
	}
	*room = (struct device){.usbfs = u, .info = *info};
	device_add(room);
}

/* A daemon that is gone has no devices. */
void usbfs_refresh_locked(struct usbfs *u)
{
	struct link_device list[USBFS_DEVICES_MAX];
	size_t n = 0;

	if (!ask(u, list, &n))
		n = 0;
	for (size_t i = 0; i < USBFS_DEVICES_MAX; i++) {
		struct device *d = &u->device[i];

		if (d->handler != NULL && !listed(list, n, d->info.id))
			device_remove(d);
	}
	for (size_t i = 0; i < n; i++)
		add_new(u, &list[i]);
}

void usbfs_refresh(struct usbfs *u)
{
	usbfs_lock(u);
	usbfs_refresh_locked(u);
	usbfs_unlock(u);
}

/* -------- life -------- */

enum err_code usbfs_new(struct usbfs **out, struct err *e)
{
	struct usbfs *u = &only;

	if (!usb_connect(&u->list_fd))
		return err_set(e, ERR_UNREACHABLE, "no bench at \"%s\"",
			       getenv(LINK_ENV));
	u->testbed = umockdev_testbed_new();
	if (!umockdev_in_mock_environment()) {
		close(u->list_fd);
		g_object_unref(u->testbed);
		return err_set(e, ERR_CONFIG,
			       "umockdev's library is not preloaded");
	}
	usbfs_refresh(u);
	*out = u;
	return ERR_OK;
}

void usbfs_free(struct usbfs *u)
{
	usbfs_lock(u);
	for (size_t i = 0; i < USBFS_DEVICES_MAX; i++) {
		if (u->device[i].handler != NULL)
			device_remove(&u->device[i]);
	}
	if (u->list_fd >= 0)
		close(u->list_fd);
	usbfs_unlock(u);
	g_object_unref(u->testbed);
}
