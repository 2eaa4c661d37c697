/* References: what a moved stretch of the old image is expected to be, since what it points to moved as well (docs/delta-format.md). */
#ifndef VOLTSEAL_REFERENCES_H
#define VOLTSEAL_REFERENCES_H

#include "bytes.h"
#include "covers.h"

/* Bytes to either side of a stretch that are looked at to know what a byte in it belongs to. */
#define MARGIN 16u

/* The kinds of the bytes of a reference, from its first: of a branch, of an address in data, and of a third that each architecture has for itself. */
#define BRANCH 1u
#define POINTER 5u
#define THIRD 9u

typedef struct {
  /* Where the stretch begins in the old image, behind the first margin; how far it moves. */
  uint32_t at;
  int32_t by;
  /* The bytes as they were, and as they are expected; the kind of each. So many, with the margins. */
  const uint8_t *before;
  uint8_t *bytes, *kinds;
  uint32_t length;
} moved_bytes;

/* The old image: its length, where it is run from, and where what is in it stands now. */
typedef struct {
  uint32_t length, load;
  address_map *map;
} addressed;

/* Where the first byte that is looked at stands in the old image. Offsets are of 64 bits, for they may lie outside of it to either side. */
static inline int64_t begin_of(const moved_bytes *moved) { return (int64_t)moved->at - MARGIN; }

static inline int is_within(const addressed *image, int64_t offset) { return offset >= 0 && offset < image->length; }

static inline void mark(uint8_t *kinds, uint32_t kind) {
  kinds[0] = (uint8_t)kind;
  kinds[1] = (uint8_t)(kind + 1);
  kinds[2] = (uint8_t)(kind + 2);
  kinds[3] = (uint8_t)(kind + 3);
}

/* Whether an architecture is known here, and was not left out. */
int is_known_architecture(uint32_t architecture);

/* Rewrites the references of one architecture. `kinds` are zeros, and `bytes` those before, when it begins. */
void foresee(uint32_t architecture, const moved_bytes *moved, const addressed *image);

void foresee_thumb(const moved_bytes *moved, const addressed *image);
void foresee_thumb_near(const moved_bytes *moved, const addressed *image);
void foresee_words(const moved_bytes *moved, const addressed *image);
void foresee_arm(const moved_bytes *moved, const addressed *image);
void foresee_aarch64(const moved_bytes *moved, const addressed *image);
void foresee_riscv(const moved_bytes *moved, const addressed *image);

#endif
