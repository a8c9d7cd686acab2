/* Identities of the FTDI Hi-Speed chips: USB descriptors as on the wire (USB
 * 2.0, 9.6). Vendor, product and release numbers, endpoints and FIFO sizes
 * from FTDI's data sheets DS_FT2232H 2.6, DS_FT232H 2.0, DS_FT4232H 2.2. */
#ifndef BENCH_PROBE_DESCRIPTORS_H
#define BENCH_PROBE_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum probe_type { PROBE_FT2232H, PROBE_FT232H, PROBE_FT4232H };

#define PROBE_CHANNELS_MAX 4u
#define PROBE_CONFIG_MAX   128u
#define PROBE_STRING_MAX   126u /* characters of a string descriptor */

bool probe_type_parse(const char *name, enum probe_type *type);
unsigned probe_type_channels(enum probe_type type);
size_t probe_type_fifo_bytes(enum probe_type type);
/* A and, but for the FT232H, B. */
bool probe_type_has_mpsse(enum probe_type type, unsigned channel);

void descriptors_device(enum probe_type type, uint8_t out[18]);
size_t descriptors_config(enum probe_type type, uint8_t out[PROBE_CONFIG_MAX]);
/* ASCII text as a string descriptor; returns its length. */
size_t descriptors_string(const char *text, uint8_t out[256]);

#endif
