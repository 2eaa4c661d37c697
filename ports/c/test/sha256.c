#include "sha256.h"

#include <string.h>

#ifdef VOLTSEAL_TEST_OPENSSL

void sha256_begin(sha256 *of) { SHA256_Init(of); }
void sha256_add(sha256 *of, const uint8_t *bytes, size_t length) { SHA256_Update(of, bytes, length); }
void sha256_end(sha256 *of, uint8_t digest[32]) { SHA256_Final(digest, of); }

#else

/* Of the first primes: the first bits behind the point of their square roots, and of their cube roots. */
static const uint32_t FIRST[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t turned(uint32_t word, unsigned by) { return word >> by | word << (32 - by); }

/* A round, of which two words come out new; the others only change their names. */
#define ONE(a, b, c, d, e, f, g, h, k)                                                                    \
  do {                                                                                                    \
    h += (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (g ^ (e & (f ^ g))) + ROUND[k] + w[k];          \
    d += h;                                                                                               \
    h += (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) | (c & (a | b)));                      \
  } while (0)

static void take_block(sha256 *of, const uint8_t *block) {
  uint32_t w[64];
  uint32_t *s = of->state;
  uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
  unsigned k;
  for (k = 0; k < 16; k += 1) {
    w[k] = (uint32_t)block[4 * k] << 24 | (uint32_t)block[4 * k + 1] << 16 | (uint32_t)block[4 * k + 2] << 8 | block[4 * k + 3];
  }
  for (; k < 64; k += 1) {
    const uint32_t x = w[k - 15];
    const uint32_t y = w[k - 2];
    w[k] = w[k - 16] + (turned(x, 7) ^ turned(x, 18) ^ x >> 3) + w[k - 7] + (turned(y, 17) ^ turned(y, 19) ^ y >> 10);
  }
  for (k = 0; k < 64; k += 8) {
    ONE(a, b, c, d, e, f, g, h, k);
    ONE(h, a, b, c, d, e, f, g, k + 1);
    ONE(g, h, a, b, c, d, e, f, k + 2);
    ONE(f, g, h, a, b, c, d, e, k + 3);
    ONE(e, f, g, h, a, b, c, d, k + 4);
    ONE(d, e, f, g, h, a, b, c, k + 5);
    ONE(c, d, e, f, g, h, a, b, k + 6);
    ONE(b, c, d, e, f, g, h, a, k + 7);
  }
  s[0] += a;
  s[1] += b;
  s[2] += c;
  s[3] += d;
  s[4] += e;
  s[5] += f;
  s[6] += g;
  s[7] += h;
}

void sha256_begin(sha256 *of) {
  memcpy(of->state, FIRST, sizeof FIRST);
  of->length = 0;
}

void sha256_add(sha256 *of, const uint8_t *bytes, size_t length) {
  size_t held = (size_t)(of->length % 64);
  of->length += length;
  if (held > 0) {
    const size_t most = 64 - held < length ? 64 - held : length;
    if (most > 0) memcpy(of->block + held, bytes, most);
    if (held + most < 64) return;
    take_block(of, of->block);
    bytes += most;
    length -= most;
  }
  for (; length >= 64; length -= 64, bytes += 64) take_block(of, bytes);
  if (length > 0) memcpy(of->block, bytes, length);
}

void sha256_end(sha256 *of, uint8_t digest[32]) {
  const uint64_t bits = of->length * 8;
  uint8_t last[72] = {0x80};
  const size_t held = (size_t)(of->length % 64);
  const size_t zeros = held < 56 ? 56 - held : 120 - held;
  unsigned k;
  for (k = 0; k < 8; k += 1) last[zeros + k] = (uint8_t)(bits >> (56 - 8 * k));
  sha256_add(of, last, zeros + 8);
  for (k = 0; k < 32; k += 1) digest[k] = (uint8_t)(of->state[k / 4] >> (24 - 8 * (k % 4)));
}

#endif
