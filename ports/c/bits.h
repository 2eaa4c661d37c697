/* Range coding (docs/delta-format.md): single bits from a payload, each with a probability of a 1 in 1/4096. */
#ifndef VOLTSEAL_BITS_H
#define VOLTSEAL_BITS_H

#include <stdint.h>

/* Behind a payload come zeros, which its writer left out: never more than so many. */
#define BEYOND_MOST 8u

/* The least range that a bit is cut from. */
#define LEAST_RANGE 0x800000u

typedef struct {
  /* A range, of 31 bits at first, and how far in it what is read is: always less. */
  uint32_t range, within;
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
  bits->range = 0x80000000u;
  bits->within = 0;
  bits->at = payload;
  bits->end = payload + length;
  bits->beyond = 0;
  for (k = 0; k < 4; k += 1) bits->within = bits->within << 8 | bits_next(bits);
  bits->within &= 0x7fffffffu;
}

/* True when more was wanted than any writer would have left out: the bits that come are nobody's. */
static inline int bits_are_beyond(const bit_reader *bits) { return bits->beyond > BEYOND_MOST; }

static inline uint32_t bits_read(bit_reader *bits, uint32_t probability) {
  const uint32_t part = (bits->range >> 12) * probability;
  const uint32_t bit = bits->within < part;
  /* Without a jump: what is written are the bits that were hard to foresee. */
  const uint32_t mask = bit - 1u;
  bits->range = part + ((bits->range - 2 * part) & mask);
  bits->within -= part & mask;
  while (bits->range < LEAST_RANGE) {
    bits->range <<= 8;
    bits->within = bits->within << 8 | bits_next(bits);
  }
  return bit;
}

#endif
