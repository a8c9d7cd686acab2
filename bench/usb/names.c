/* Names of errors, version, options. */
#include "bench/usb/internal.h"

#include <string.h>

static const struct {
	int code;
	const char *name;
	const char *text;
} errors[] = {
	{LIBUSB_SUCCESS, "LIBUSB_SUCCESS", "Success"},
	{LIBUSB_ERROR_IO, "LIBUSB_ERROR_IO", "Input/Output Error"},
	{LIBUSB_ERROR_INVALID_PARAM, "LIBUSB_ERROR_INVALID_PARAM",
	 "Invalid parameter"},
	{LIBUSB_ERROR_ACCESS, "LIBUSB_ERROR_ACCESS", "Access denied"},
	{LIBUSB_ERROR_NO_DEVICE, "LIBUSB_ERROR_NO_DEVICE", "No such device"},
	{LIBUSB_ERROR_NOT_FOUND, "LIBUSB_ERROR_NOT_FOUND", "Entity not found"},
	{LIBUSB_ERROR_BUSY, "LIBUSB_ERROR_BUSY", "Resource busy"},
	{LIBUSB_ERROR_TIMEOUT, "LIBUSB_ERROR_TIMEOUT", "Operation timed out"},
	{LIBUSB_ERROR_OVERFLOW, "LIBUSB_ERROR_OVERFLOW", "Overflow"},
	{LIBUSB_ERROR_PIPE, "LIBUSB_ERROR_PIPE", "Pipe error"},
	{LIBUSB_ERROR_INTERRUPTED, "LIBUSB_ERROR_INTERRUPTED",
	 "System call interrupted"},
	{LIBUSB_ERROR_NO_MEM, "LIBUSB_ERROR_NO_MEM", "Insufficient memory"},
	{LIBUSB_ERROR_NOT_SUPPORTED, "LIBUSB_ERROR_NOT_SUPPORTED",
	 "Operation not supported"},
	{LIBUSB_ERROR_OTHER, "LIBUSB_ERROR_OTHER", "Other error"},
};

USB_EXPORT const char *LIBUSB_CALL libusb_error_name(int code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].code == code)
			return errors[i].name;
	}
	return "**UNKNOWN**";
}

USB_EXPORT const char *LIBUSB_CALL libusb_strerror(int code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].code == code)
			return errors[i].text;
	}
	return "Unknown error";
}

USB_EXPORT int LIBUSB_CALL libusb_setlocale(const char *locale)
{
	return strncmp(locale, "en", 2) == 0 ? LIBUSB_SUCCESS
					     : LIBUSB_ERROR_NOT_FOUND;
}

USB_EXPORT const struct libusb_version *LIBUSB_CALL libusb_get_version(void)
{
	static const struct libusb_version version = {1, 0,  26,
						      0, "", "provline-bench"};

	return &version;
}

/* Neither hotplug nor HID access nor kernel driver detaching. */
USB_EXPORT int LIBUSB_CALL libusb_has_capability(uint32_t capability)
{
	return capability == LIBUSB_CAP_HAS_CAPABILITY;
}

USB_EXPORT void LIBUSB_CALL libusb_set_debug(libusb_context *ctx, int level)
{
	(void)ctx;
	(void)level;
}

USB_EXPORT int libusb_set_option(libusb_context *ctx, enum libusb_option option,
				 ...)
{
	(void)ctx;
	return option == LIBUSB_OPTION_LOG_LEVEL ? LIBUSB_SUCCESS
						 : LIBUSB_ERROR_NOT_SUPPORTED;
}
