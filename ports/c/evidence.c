#include "evidence.h"

#include <stddef.h>
#include <string.h>

#include "odds.h"
#include "tallies.h"

/* In 1/8192. */
#define WEIGHT 2500
/* What the leaning says: 1 in log-odds. */
#define LEANING 256
/* How fast weights learn. */
#define RATE 12

void evidence_begin(evidence *of, void *memory, uint32_t slots, uint32_t rows) {
  uint32_t k;
  of->shift = 32 - slots;
  of->weights = memory;
  of->ones = (uint8_t *)(void *)(of->weights + ROW_WEIGHTS * rows);
  of->fours = of->ones + OF_ONE * GROUPS(slots);
  for (k = 0; k < ROW_WEIGHTS * rows; k += 1) of->weights[k] = WEIGHT;
  memset(of->ones, 0, (OF_ONE + OF_FOUR) * GROUPS(slots));
}

/* The groups of the contexts that a bit, or four, stand in. */
typedef struct {
  uint8_t *a, *b, *c;
} found;

/* Without a jump: where a context stands, and whether it stands anywhere, is not to be guessed. */
static inline uint8_t *group_of(uint8_t *groups, uint32_t size, uint32_t shift, uint32_t context) {
  const uint32_t hash = context * 0x9e3779b1u;
  const uint8_t tag = (uint8_t)(hash >> 4);
  const uint32_t place = ((hash >> shift) * 5 >> 5) * size;
  const uint8_t *first = groups + place;
  const uint8_t *other = groups + (place ^ size);
  const uint32_t is_first = first[0] == tag;
  const uint32_t is_other = other[0] == tag;
  const uint32_t has_seen_less = other[1] < first[1];
  const uint32_t is_kept = 0u - (is_first | is_other);
  uint8_t *group = groups + (place ^ (size & (0u - ((is_other | has_seen_less) & ~is_first & 1u))));
  uint32_t k;
  for (k = 0; k < size; k += 4) {
    uint32_t four;
    memcpy(&four, group + k, 4);
    four &= is_kept;
    memcpy(group + k, &four, 4);
  }
  group[0] = tag;
  return group;
}

/* One after the other: a later context may take the group that an earlier one found. */
static inline found find(const evidence *of, uint8_t *groups, uint32_t size) {
  found one;
  one.a = group_of(groups, size, of->shift, of->contexts[0]);
  one.b = group_of(groups, size, of->shift, of->contexts[1]);
  one.c = group_of(groups, size, of->shift, of->contexts[2]);
  return one;
}

/* How likely a 1 is, in 1/4096. Each product is at most 2^11 times 2^15. */
static inline uint32_t likely_at(const int16_t *weights, const found *in, uint32_t at) {
  const int32_t a = tally_odds[in->a[at]];
  const int32_t b = tally_odds[in->b[at]];
  const int32_t c = tally_odds[in->c[at]];
  return probability_of((a * weights[0] + b * weights[1] + (c * weights[2] + LEANING * weights[3])) >> 17);
}

/* The lowest 16 bits stay. */
static inline void learn_weight(int16_t *weight, int32_t input, int32_t error) {
  *weight = (int16_t)(uint16_t)(*weight + (input * error >> 16));
}

/* The loops over the contexts are written out: what this takes is what a patch takes. Two contexts may have the same group: it learns once. */
static inline void learn(int16_t *weights, const found *in, uint32_t at, uint32_t likely, uint32_t bit) {
  const uint32_t a = in->a[at], b = in->b[at], c = in->c[at];
  const int32_t error = ((int32_t)(bit << 12) - (int32_t)likely) * RATE;
  learn_weight(&weights[0], tally_odds[a], error);
  in->a[at] = tally_next[2 * a + bit];
  learn_weight(&weights[1], tally_odds[b], error);
  in->b[at] = tally_next[2 * b + bit];
  learn_weight(&weights[2], tally_odds[c], error);
  in->c[at] = tally_next[2 * c + bit];
  learn_weight(&weights[3], LEANING, error);
}

uint32_t evidence_one(evidence *of, bit_reader *bits, uint32_t row, uint32_t which, uint32_t known) {
  int16_t *weights = of->weights + row * ROW_WEIGHTS;
  const found in = find(of, of->ones, OF_ONE);
  const uint32_t likely = likely_at(weights, &in, which);
  const uint32_t bit = bits == NULL ? known : bits_read(bits, likely);
  learn(weights, &in, which, likely, bit);
  return bit;
}

/* How likely the next bit is, is looked up for both values of the one before while that is not there yet: where most time would go is waiting. */
uint32_t evidence_four(evidence *of, bit_reader *bits, uint32_t row, uint32_t known) {
  int16_t *weights = of->weights + row * ROW_WEIGHTS;
  const found in = find(of, of->fours, OF_FOUR);
  uint32_t likely = likely_at(weights, &in, 1);
  uint32_t among = 1;
  uint32_t k;
  for (k = 4; k-- > 0; weights += ROW_WEIGHTS) {
    uint32_t of_zero = 0;
    uint32_t of_one = 0;
    uint32_t bit;
    if (k > 0) {
      of_zero = likely_at(weights + ROW_WEIGHTS, &in, 2 * among);
      of_one = likely_at(weights + ROW_WEIGHTS, &in, 2 * among + 1);
    }
    bit = bits == NULL ? known >> k & 1u : bits_read(bits, likely);
    learn(weights, &in, among, likely, bit);
    among = 2 * among + bit;
    likely = bit ? of_one : of_zero;
  }
  return among & 15u;
}
