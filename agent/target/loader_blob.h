/* The RAM loader's code, made from agent/target/loader when building. */
#ifndef AGENT_TARGET_LOADER_BLOB_H
#define AGENT_TARGET_LOADER_BLOB_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t loader_blob[]; /* to be put at LOADER_BASE */
extern const size_t loader_blob_bytes;

#endif
