#include "evidence.h"

#include <stddef.h>
#include <string.h>

#include "odds.h"
#include "tallies.h"

/* In 1/8192. */
#define WEIGHT 2500
/* What the leaning says: 1 in log-odds. */
#define LEANING 256

void evidence_begin(evidence *of, void *memory, uint32_t slots, uint32_t rows) {
  uint32_t k;
  of->shift = 29 - slots;
  of->weights = memory;
  of->groups = (uint8_t *)(void *)(of->weights + ROW_WEIGHTS * rows);
  for (k = 0; k < ROW_WEIGHTS * rows; k += 1) of->weights[k] = WEIGHT;
  memset(of->groups, 0, 3u << slots);
}

static inline uint8_t *group_of(uint8_t *groups, uint32_t shift, uint32_t context) {
  const uint32_t hash = context * 0x9e3779b1u;
  const uint8_t tag = (uint8_t)(hash >> 8);
  const uint32_t place = ((hash >> shift) * 3 >> 5) * GROUP;
  uint8_t *group = groups + place;
  uint8_t *other = groups + (place ^ GROUP);
  if (group[0] == tag) return group;
  if (other[0] == tag) return other;
  if (group[1] > other[1]) group = other;
  group[0] = tag;
  group[1] = 0;
  group[2] = 0;
  group[3] = 0;
  return group;
}

/* One after the other: a later context may take the group that an earlier one found. */
static inline void find(const evidence *of, uint8_t **groups) {
  groups[0] = group_of(of->groups, of->shift, of->contexts[0]);
  groups[1] = group_of(of->groups, of->shift, of->contexts[1]);
  groups[2] = group_of(of->groups, of->shift, of->contexts[2]);
}

/* Two contexts may have the same group: what the first one learned is there when the second one does. */
static inline void learn(uint8_t *tally, uint32_t bit) { *tally = tally_next[*tally * 2u + bit]; }

/* The lowest 16 bits stay. */
static inline void learn_weight(int16_t *weight, int32_t input, int32_t error) {
  *weight = (int16_t)(uint16_t)(*weight + (input * error >> 13));
}

/* The loops over the contexts are written out: what this takes is what a patch takes. */
static inline uint32_t decide(int16_t *weights, uint8_t *const *groups, uint32_t which, bit_reader *bits, uint32_t known) {
  const int32_t a = tally_odds[groups[0][which]];
  const int32_t b = tally_odds[groups[1][which]];
  const int32_t c = tally_odds[groups[2][which]];
  /* Each product is at most 2^11 times 2^15. */
  const int32_t sum = a * weights[0] + b * weights[1] + c * weights[2] + LEANING * weights[3];
  const int32_t likely = probability_of(sum >> 17);
  const uint32_t bit = bits == NULL ? known : bits_read(bits, (uint32_t)likely);
  const int32_t error = (int32_t)(bit << 12) - likely;
  learn(&groups[0][which], bit);
  learn(&groups[1][which], bit);
  learn(&groups[2][which], bit);
  learn_weight(&weights[0], a, error);
  learn_weight(&weights[1], b, error);
  learn_weight(&weights[2], c, error);
  learn_weight(&weights[3], LEANING, error);
  return bit;
}

uint32_t evidence_one(evidence *of, bit_reader *bits, uint32_t row, uint32_t which, uint32_t known) {
  uint8_t *groups[CONTEXTS];
  find(of, groups);
  return decide(of->weights + row * ROW_WEIGHTS, groups, which, bits, known);
}

uint32_t evidence_two(evidence *of, bit_reader *bits, uint32_t row, uint32_t known) {
  int16_t *weights = of->weights + row * ROW_WEIGHTS;
  uint8_t *groups[CONTEXTS];
  uint32_t upper;
  find(of, groups);
  upper = decide(weights, groups, 1, bits, known >> 1);
  return upper << 1 | decide(weights + ROW_WEIGHTS, groups, 2 + upper, bits, known & 1u);
}
