/* How likely a bit is by the contexts that it stands in (docs/delta-format.md, "What a bit is judged by"). */
#ifndef VOLTSEAL_EVIDENCE_H
#define VOLTSEAL_EVIDENCE_H

#include "bits.h"

/* Contexts that a bit is judged by, and one weight more by which a place leans to a side. */
#define CONTEXTS 3u
#define ROW_WEIGHTS (CONTEXTS + 1u)

/* Bytes of a group: its tag, the tally of a bit, and those of the bit behind it, by what that one was. */
#define GROUP 4u

typedef struct {
  /* What the next bit, or the next two, stand in, as numbers that look like chance. */
  uint32_t contexts[CONTEXTS];
  uint32_t shift;
  int16_t *weights;
  uint8_t *groups;
} evidence;

/* What it takes of memory, in bytes: 3 * 2^(slots - 2) groups, `rows` of weights. */
#define EVIDENCE_BYTES(slots, rows) ((3u << (slots)) + 2u * ROW_WEIGHTS * (rows))

/* Begins in memory that is aligned to 2. */
void evidence_begin(evidence *of, void *memory, uint32_t slots, uint32_t rows);

/* A bit that stands in `contexts`, in a case from 1 to 3: from the coder; without one, the bit that is known. */
uint32_t evidence_one(evidence *of, bit_reader *bits, uint32_t row, uint32_t which, uint32_t known);

/* Two bits, the upper one first, by a row of weights and the one behind it. */
uint32_t evidence_two(evidence *of, bit_reader *bits, uint32_t row, uint32_t known);

#endif
