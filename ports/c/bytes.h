/* Numbers in bytes, the lowest first, wherever they lie. Products and sums of 32 bits are those of uint32_t; what has a sign is taken from them. */
#ifndef VOLTSEAL_BYTES_H
#define VOLTSEAL_BYTES_H

#include <stdint.h>

/* Shifts of negative numbers to the right keep the sign, and numbers wrap when they are converted: as with every compiler that there is for these machines. */
typedef char voltseal_shifts_keep_the_sign[(-5 >> 1) == -3 && (int32_t)0xffffffffu == -1 ? 1 : -1];

static inline uint32_t half_at(const uint8_t *bytes) { return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8; }

static inline uint32_t word_at(const uint8_t *bytes) { return half_at(bytes) | half_at(bytes + 2) << 16; }

static inline void put_half(uint8_t *bytes, uint32_t half) {
  bytes[0] = (uint8_t)half;
  bytes[1] = (uint8_t)(half >> 8);
}

static inline void put_word(uint8_t *bytes, uint32_t word) {
  put_half(bytes, word);
  put_half(bytes + 2, word >> 16);
}

/* The lowest bits of a number, of which the highest is its sign. */
static inline int32_t with_sign(uint32_t number, unsigned bits) {
  return (int32_t)(number << (32u - bits)) >> (32u - bits);
}

#endif
