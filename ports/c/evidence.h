/* How likely a bit is by the contexts that it stands in (docs/delta-format.md, "What a bit is judged by"). */
#ifndef VOLTSEAL_EVIDENCE_H
#define VOLTSEAL_EVIDENCE_H

#include "bits.h"

/* Contexts that a bit is judged by, and one weight more by which a place leans to a side. */
#define CONTEXTS 3u
#define ROW_WEIGHTS (CONTEXTS + 1u)

/* Bytes of a group, of which the first is its tag, and the others tallies: of one bit in three cases, or of four bits, each by those before it, behind a 1. */
#define OF_ONE 4u
#define OF_FOUR 16u

/* How many groups there are of either. */
#define GROUPS(slots) (5u << (slots) >> 5)

typedef struct {
  /* What the next bit, or the next four, stand in, as numbers that look like chance. */
  uint32_t contexts[CONTEXTS];
  uint32_t shift;
  int16_t *weights;
  uint8_t *ones, *fours;
} evidence;

/* What it takes of memory, in bytes, with `rows` of weights. */
#define EVIDENCE_BYTES(slots, rows) ((OF_ONE + OF_FOUR) * GROUPS(slots) + 2u * ROW_WEIGHTS * (rows))

/* Begins in memory that is aligned to 2. */
void evidence_begin(evidence *of, void *memory, uint32_t slots, uint32_t rows);

/* A bit that stands in `contexts`, in a case from 1 to 3: from the coder; without one, the bit that is known. */
uint32_t evidence_one(evidence *of, bit_reader *bits, uint32_t row, uint32_t which, uint32_t known);

/* Four bits, the upper ones first, by a row of weights and the three behind it. */
uint32_t evidence_four(evidence *of, bit_reader *bits, uint32_t row, uint32_t known);

#endif
