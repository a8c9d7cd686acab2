/* What an application knows of the kernel: a table, handed to its entry. Names
 * and meaning of the calls are those of Microvisor's factory system calls. */
#ifndef FIRMWARE_KERNEL_SYSCALLS_H
#define FIRMWARE_KERNEL_SYSCALLS_H

#include <stdint.h>

#define SYSCALLS_MAGIC 0x314b4c50u /* "PLK1" */

enum mv_status {
	MV_STATUS_OKAY = 0,
	MV_STATUS_PARAMETERFAULT = 1,
	MV_STATUS_LOGMESSAGETOOLONG = 2,
	MV_STATUS_UNAVAILABLE = 3, /* not in test mode */
};

#define MV_TEST_LOG_MAX_BYTES 200u

struct syscalls {
	uint32_t magic;
	uint32_t version; /* 1 */

	/* Ends the test. 0: the application replaces the test code and is
	 * started. Other values are shown to the operator as they are; the
	 * test runs again after a reset. Does not return in test mode. */
	enum mv_status (*mvTestingComplete)(uint32_t status);

	/* A line of text for the provisioning console. */
	enum mv_status (*mvTestLog)(const uint8_t *message,
				    uint16_t length_bytes);

	/* Since the kernel's start; wraps. */
	uint32_t (*mvMilliseconds)(void);
};

#endif
