/* OpenSSL's headers have a type ERR_STATE, which is one of our error codes.
 * Include this before anything that may include OpenSSL (libwebsockets does),
 * and before err.h; the library's type then has another name here. Code that
 * uses OpenSSL is C files only, never a header of ours. */
#ifndef PROTO_BASE_OPENSSL_NAMES_H
#define PROTO_BASE_OPENSSL_NAMES_H

#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#undef ERR_STATE

#endif
