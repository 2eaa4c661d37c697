/* SHA-256 (FIPS 180-4), for the test program: a boot loader has one of its own. */
#ifndef VOLTSEAL_TEST_SHA256_H
#define VOLTSEAL_TEST_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t state[8];
  uint64_t length;
  uint8_t block[64];
} sha256;

void sha256_begin(sha256 *of);
void sha256_add(sha256 *of, const uint8_t *bytes, size_t length);
void sha256_end(sha256 *of, uint8_t digest[32]);

#endif
