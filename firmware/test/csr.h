/* The certificate request and its second signature (proto/board/sfi.h). */
#ifndef FIRMWARE_TEST_CSR_H
#define FIRMWARE_TEST_CSR_H

#include "firmware/test/identity.h"

#define CSR_MAX_BYTES 512u

/* RFC 2986, DER: subject CN = device ID, serialNumber = UID in hex; attribute
 * challengePassword = challenge in hex; signed by the device key. Returns its
 * length, 0 on failure. */
size_t csr_write(struct identity *id,
		 const uint8_t challenge[SFI_CHALLENGE_BYTES],
		 identity_rng_fn *rng, void *rng_arg,
		 uint8_t out[CSR_MAX_BYTES]);

/* The attestation over that CSR, by the 32-byte private key; DER. Returns its
 * length, 0 on failure. */
size_t csr_attest(struct identity *id, const uint8_t key[32],
		  const uint8_t challenge[SFI_CHALLENGE_BYTES],
		  const uint8_t *csr, size_t csr_len, identity_rng_fn *rng,
		  void *rng_arg, uint8_t out[72]);

#endif
