/*
 * SHA-256 (FIPS 180-4), for the test program: a boot loader has one of its own. With -DVOLTSEAL_TEST_OPENSSL it is that of OpenSSL, which uses what the processor has
 * for it; with -l:libcrypto.a behind the sources.
 */
#ifndef VOLTSEAL_TEST_SHA256_H
#define VOLTSEAL_TEST_SHA256_H

#include <stddef.h>
#include <stdint.h>

#ifdef VOLTSEAL_TEST_OPENSSL
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

typedef SHA256_CTX sha256;
#else
typedef struct {
  uint32_t state[8];
  uint64_t length;
  uint8_t block[64];
} sha256;
#endif

void sha256_begin(sha256 *of);
void sha256_add(sha256 *of, const uint8_t *bytes, size_t length);
void sha256_end(sha256 *of, uint8_t digest[32]);

#endif
