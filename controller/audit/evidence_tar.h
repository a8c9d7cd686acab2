/* The canonical tar of evidence: ustar, fixed owner, mode and time. */
#ifndef CONTROLLER_AUDIT_EVIDENCE_TAR_H
#define CONTROLLER_AUDIT_EVIDENCE_TAR_H

#include "proto/base/err.h"

#include <archive.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum err_code evidence_sink(void *arg, const void *data, size_t len,
				    struct err *e);

struct evidence_tar {
	struct archive *a;
	evidence_sink *sink;
	void *arg;
	struct err err; /* of the sink */
	bool muted;	/* given up: what the library still writes is dropped */
};

enum err_code evidence_tar_open(struct evidence_tar *t, evidence_sink *sink,
				void *arg, struct err *e);
/* A part of exactly len bytes, whose data follows. */
enum err_code evidence_tar_part(struct evidence_tar *t, const char *name,
				uint64_t len, struct err *e);
enum err_code evidence_tar_data(struct evidence_tar *t, const void *data,
				size_t len, struct err *e);
/* finish: write the end; either way frees. */
enum err_code evidence_tar_close(struct evidence_tar *t, bool finish,
				 struct err *e);

#endif
