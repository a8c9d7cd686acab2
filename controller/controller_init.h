/* What `provline init` does: a new controller's folder, whole or not at all.
 *
 *   DIR/               0700
 *     ca.pem           the station CA's certificate
 *     station-ca.key   its key (0600, as all keys)
 *     server.pem       certificate of the agent link and of HTTPS
 *     server.key
 *     checkpoint.key   signs the record's checkpoints
 *     checkpoint.pem   its public key: what an auditor needs
 *     provline.db      the database, with the schema and the first token
 *     admin.token      the first administrator's bearer token (0600)
 *     images/          imported images, by SHA-256
 *     release-keys/    PEM files of public keys: who may sign images. Nobody
 *                      can change it through the network
 */
#ifndef CONTROLLER_CONTROLLER_INIT_H
#define CONTROLLER_CONTROLLER_INIT_H

#include "proto/base/err.h"

#define CONTROLLER_FILE_CA	       "ca.pem"
#define CONTROLLER_FILE_CA_KEY	       "station-ca.key"
#define CONTROLLER_FILE_SERVER	       "server.pem"
#define CONTROLLER_FILE_SERVER_KEY     "server.key"
#define CONTROLLER_FILE_CHECKPOINT     "checkpoint.pem"
#define CONTROLLER_FILE_CHECKPOINT_KEY "checkpoint.key"
#define CONTROLLER_FILE_DB	       "provline.db"
#define CONTROLLER_FILE_TOKEN	       "admin.token"
#define CONTROLLER_DIR_IMAGES	       "images"
#define CONTROLLER_DIR_KEYS	       "release-keys"
#define CONTROLLER_NAMES_MAX	       16

struct controller_init_options {
	const char *dir;
	/* Names and addresses under which agents and browsers reach it, besides
	 * localhost and 127.0.0.1: at most CONTROLLER_NAMES_MAX,
	 * NULL-terminated; NULL: the host's name. */
	const char *const *names;
};

/* Blocks (seconds at most). Everything is made in a folder beside dir, synced,
 * and renamed. ERR_EXISTS: dir is there and not empty. ERR_INPUT: a name that
 * is neither a DNS name nor an IP address. ERR_IO, ERR_DISK_FULL. */
enum err_code controller_init(const struct controller_init_options *options,
			      struct err *e);

#endif
