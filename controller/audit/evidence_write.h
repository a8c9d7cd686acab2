/* Writes a closed lot's evidence (evidence.h) from the database. */
#ifndef CONTROLLER_AUDIT_EVIDENCE_WRITE_H
#define CONTROLLER_AUDIT_EVIDENCE_WRITE_H

#include "controller/audit/evidence_tar.h"
#include "controller/store/store.h"

/* Inside a reading job; streams. key_pem: the checkpoint key's public half.
 * ERR_NOT_FOUND; ERR_STATE: the lot is not closed, or its closing is not
 * signed yet; whatever the sink returned. */
enum err_code evidence_write(struct store_db *db, const char *lot,
			     const char *key_pem, evidence_sink *sink,
			     void *arg, struct err *e);

#endif
