#include "evidence.h"

#include <stddef.h>

#include "odds.h"

#define WEIGHT 20000
/* What the leaning says: 1 in log-odds. */
#define LEANING 256
/* How fast weights learn. */
#define RATE 12
/* A weight is 1 at 65536, and at most 8: products stay within 32 bits. */
#define MOST (8 << 16)

#define UNKNOWN 0x8000u
/* The tag of a group that no context has yet: those of contexts are odd. */
#define NOBODY 0u
#define SEEN 15u
#define MOST_SEEN 10u

/* How far a probability goes towards a bit, by how many it has seen before: 2 / (2 seen + 3), in 1/65536. */
static const uint16_t STEPS[16] = {43690, 26214, 18724, 14563, 11915, 10082, 8738, 7710,
                                   6898,  6241,  5698,  5242,  4854,  4519,  4228, 3971};

static void clear(uint16_t *group, uint32_t tag) {
  group[0] = (uint16_t)tag;
  group[1] = UNKNOWN;
  group[2] = UNKNOWN;
  group[3] = UNKNOWN;
}

void evidence_begin(evidence *of, void *memory, uint32_t slots, uint32_t rows) {
  const uint32_t groups = 3u << (slots - 3);
  uint32_t k;
  of->shift = 30 - slots;
  of->weights = memory;
  of->values = (uint16_t *)(void *)(of->weights + ROW_WEIGHTS * rows);
  for (k = 0; k < ROW_WEIGHTS * rows; k += 1) of->weights[k] = WEIGHT;
  for (k = 0; k < groups; k += 1) clear(of->values + GROUP * k, NOBODY);
}

static inline uint16_t *group_of(uint16_t *values, uint32_t shift, uint32_t context) {
  const uint32_t hash = context * 0x9e3779b1u;
  const uint32_t mixed = (hash ^ hash >> 15) * 0x2c1b3c6du;
  const uint32_t tag = (mixed & 0xffffu) | 1u;
  const uint32_t place = ((mixed >> shift) * 3 >> 5) * GROUP;
  uint16_t *group = values + place;
  uint16_t *other = values + (place ^ GROUP);
  if (group[0] == tag) return group;
  if (other[0] == tag) return other;
  if ((group[1] & SEEN) > (other[1] & SEEN)) group = other;
  clear(group, tag);
  return group;
}

/* One after the other: a later context may take the group that an earlier one found. */
static inline void find(const evidence *of, uint16_t **groups) {
  groups[0] = group_of(of->values, of->shift, of->contexts[0]);
  groups[1] = group_of(of->values, of->shift, of->contexts[1]);
  groups[2] = group_of(of->values, of->shift, of->contexts[2]);
  groups[3] = group_of(of->values, of->shift, of->contexts[3]);
}

static inline void learn_weight(int32_t *weight, int32_t input, int32_t error) {
  const int32_t moved = *weight + ((input * error + 0x2000) >> 14);
  *weight = moved > MOST ? MOST : moved < -MOST ? -MOST : moved;
}

/*
 * Two contexts may have the same group: what the first one learned is there when the second one does. A probability stays from 1 to 4095 by itself: one that was
 * never asked is 2048, and each step behind the first is rounded, and less than half of the way.
 */
static inline void learn(uint16_t *value, int32_t aim) {
  const uint32_t was = *value;
  const uint32_t seen = was & SEEN;
  const int32_t by = ((aim - (int32_t)(was >> 4)) * (int32_t)STEPS[seen] + 0x8000) >> 16;
  *value = (uint16_t)(was + (uint32_t)by * 16 + (seen < MOST_SEEN));
}

/* The loops over the contexts are written out: what this takes is what a patch takes. */
static inline uint32_t decide(int32_t *weights, uint16_t *const *groups, uint32_t which, bit_reader *bits, uint32_t known) {
  const int32_t a = log_odds_of((uint32_t)groups[0][which] >> 4);
  const int32_t b = log_odds_of((uint32_t)groups[1][which] >> 4);
  const int32_t c = log_odds_of((uint32_t)groups[2][which] >> 4);
  const int32_t d = log_odds_of((uint32_t)groups[3][which] >> 4);
  /* Each product is at most 2^11 times 2^19. */
  const int32_t sum =
      weights[4] + (a * weights[0] >> 8) + (b * weights[1] >> 8) + (c * weights[2] >> 8) + (d * weights[3] >> 8);
  const int32_t likely = probability_of(sum >> 8);
  const uint32_t bit = bits == NULL ? known : bits_read(bits, (uint32_t)likely);
  const int32_t aim = (int32_t)(bit << 12);
  const int32_t error = (aim - likely) * RATE;
  learn(&groups[0][which], aim);
  learn(&groups[1][which], aim);
  learn(&groups[2][which], aim);
  learn(&groups[3][which], aim);
  learn_weight(&weights[0], a, error);
  learn_weight(&weights[1], b, error);
  learn_weight(&weights[2], c, error);
  learn_weight(&weights[3], d, error);
  learn_weight(&weights[4], LEANING, error);
  return bit;
}

uint32_t evidence_one(evidence *of, bit_reader *bits, uint32_t row, uint32_t which, uint32_t known) {
  uint16_t *groups[CONTEXTS];
  find(of, groups);
  return decide(of->weights + row * ROW_WEIGHTS, groups, which, bits, known);
}

uint32_t evidence_two(evidence *of, bit_reader *bits, uint32_t row, uint32_t known) {
  int32_t *weights = of->weights + row * ROW_WEIGHTS;
  uint16_t *groups[CONTEXTS];
  uint32_t upper;
  find(of, groups);
  upper = decide(weights, groups, 1, bits, known >> 1);
  return upper << 1 | decide(weights + ROW_WEIGHTS, groups, 2 + upper, bits, known & 1u);
}
