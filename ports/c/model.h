/* What is known of the next byte of the new image, by what came before it (docs/delta-format.md). */
#ifndef VOLTSEAL_MODEL_H
#define VOLTSEAL_MODEL_H

#include "evidence.h"

#define LEAST_SLOT_BITS 8u
#define MOST_SLOT_BITS 22u

/* Kinds of bytes: any other, and four each of three kinds of references. */
#define KINDS 13u

/*
 * Rows of weights: for whether a row is as expected, by the references in it; whether a halfword is, and a byte, by what they belong to; whether a byte is as foretold;
 * for each bit of a covered byte, and of one that no cover is about.
 */
#define OF_ROW 0u
#define OF_HALFWORD (OF_ROW + 8u)
#define OF_BYTE (OF_HALFWORD + KINDS)
#define OF_TOLD (OF_BYTE + KINDS)
#define OF_COVERED (OF_TOLD + 4u * 2u * 4u)
#define OF_OTHERS (OF_COVERED + 8u * 3u)
#define WEIGHT_ROWS (OF_OTHERS + 8u * 4u)

/* Halfwords that are told apart: by the class of what they belong to, of four, and by a byte. */
#define CLASSES 1024u
#define SHIFTS_BYTES (2u * 2u * CLASSES)

#define LEAST_MODEL_BYTES (EVIDENCE_BYTES(LEAST_SLOT_BITS, WEIGHT_ROWS) + SHIFTS_BYTES)

/* What it takes of memory beside itself, in bytes. */
static inline uint32_t model_bytes(uint32_t slot_bits) { return EVIDENCE_BYTES(slot_bits, WEIGHT_ROWS) + SHIFTS_BYTES; }

typedef struct {
  evidence evidence;
  /* By how much a halfword was otherwise than expected: the last like this one, and the last behind one like the one before it. */
  int16_t *of_old, *of_earlier;
  /* The last four bytes, the newest lowest; how many bytes in a row were as expected. */
  uint32_t last, right;
  /* Of the last ones, the newest lowest: a 1 for a row, or a byte, that was not as expected; for a byte that was not as foretold. */
  uint32_t wrong_rows, wrong, untold;
  uint32_t architecture;
  /* Where the byte behind the last one that no cover is about stands, and whether that one was in a second halfword. */
  uint32_t next_other, is_second;
} byte_model;

/* What is known of a byte that a cover is about. */
typedef struct {
  /* Where it stands in the new image; what it belongs to; which byte of its halfword it is. */
  uint32_t at, kind, odd;
  /* The halfword of the old image that it comes from, and the one before it; what it is expected to be. */
  uint32_t old, earlier, expected;
} covered_byte;

static inline uint32_t expected_of(const covered_byte *of) { return of->expected >> (8 * of->odd) & 255u; }

/* Begins in memory that is aligned to 2. */
void model_begin(byte_model *model, void *memory, uint32_t slot_bits, uint32_t architecture);

/* Of all that follow: from the bits, or, without them, by what is known. */

/* Whether a row is as expected; if so, it is gone through. `kinds`: a bit for each of three kinds of references that is in it. */
int model_is_row(byte_model *model, bit_reader *bits, const uint8_t *expected, uint32_t length, uint32_t kinds, int known);

/* Whether a halfword is as expected, by its first byte; if so, it is gone through. */
int model_is_halfword(byte_model *model, bit_reader *bits, const covered_byte *of, int known);

/* `differs`: it is not the expected one, since its halfword is not and its other byte is. */
uint32_t model_covered(byte_model *model, bit_reader *bits, const covered_byte *of, int differs, uint32_t known);

/* A byte that no cover is about. */
uint32_t model_other(byte_model *model, bit_reader *bits, uint32_t at, uint32_t known);

#endif
