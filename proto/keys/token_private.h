/* Between token.c and token_create.c. */
#ifndef PROTO_KEYS_TOKEN_PRIVATE_H
#define PROTO_KEYS_TOKEN_PRIVATE_H

#include "proto/keys/token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

struct token {
	P11KitUri *uri;
	CK_FUNCTION_LIST **modules; /* ends with NULL; initialised */
	CK_FUNCTION_LIST *module;   /* the one with the token */
	CK_SLOT_ID slot;
	CK_FLAGS flags;		   /* of the token */
	CK_SESSION_HANDLE session; /* 0: none */
	CK_OBJECT_HANDLE key;
};

/* Load modules, find the one token that the URI fits, open a session, log in.
 * *t is NULL after an error. */
enum err_code token_connect(struct token **t, const char *uri,
			    const char *pin_path, CK_FLAGS session_flags,
			    struct err *e);

enum err_code token_refused(struct err *e, const char *what, CK_RV rv);

/* How many objects fit, up to 2, and the first of them. */
enum err_code token_find(struct token *t, CK_ATTRIBUTE *like, CK_ULONG n,
			 CK_OBJECT_HANDLE *object, CK_ULONG *found,
			 struct err *e);

/* The P-256 public key of a public key object. */
bool token_take_point(struct token *t, CK_OBJECT_HANDLE object,
		      uint8_t public_key[KEY_PUBLIC_BYTES]);

#endif
