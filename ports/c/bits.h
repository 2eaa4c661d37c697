/* Arithmetic coding (docs/delta-format.md): single bits from a payload, each with a probability of a 1 in 1/4096. */
#ifndef VOLTSEAL_BITS_H
#define VOLTSEAL_BITS_H

#include <stdint.h>

/* Behind a payload come zeros, which its writer left out: never more than so many. */
#define BEYOND_MOST 8u

typedef struct {
  uint32_t low, high, value;
  const uint8_t *at, *end;
  /* Zeros that were taken from behind the payload. */
  uint32_t beyond;
} bit_reader;

static inline uint32_t bits_next(bit_reader *bits) {
  if (bits->at < bits->end) return *bits->at++;
  if (bits->beyond <= BEYOND_MOST) bits->beyond += 1;
  return 0;
}

static inline void bits_begin(bit_reader *bits, const uint8_t *payload, uint32_t length) {
  int k;
  bits->low = 0;
  bits->high = 0xffffffffu;
  bits->value = 0;
  bits->at = payload;
  bits->end = payload + length;
  bits->beyond = 0;
  for (k = 0; k < 4; k += 1) bits->value = bits->value << 8 | bits_next(bits);
}

/* True when more was wanted than any writer would have left out: the bits that come are nobody's. */
static inline int bits_are_beyond(const bit_reader *bits) { return bits->beyond > BEYOND_MOST; }

static inline uint32_t bits_read(bit_reader *bits, uint32_t probability) {
  const uint32_t middle = bits->low + ((bits->high - bits->low) >> 12) * probability;
  const uint32_t bit = bits->value <= middle;
  /* Without a jump: what is written are the bits that were hard to foresee. */
  const uint32_t mask = 0u - bit;
  bits->high = (middle & mask) | (bits->high & ~mask);
  bits->low = (bits->low & mask) | ((middle + 1) & ~mask);
  while ((bits->low ^ bits->high) >> 24 == 0) {
    bits->low <<= 8;
    bits->high = bits->high << 8 | 0xffu;
    bits->value = bits->value << 8 | bits_next(bits);
  }
  return bit;
}

#endif
