/* Goes through a new image from its beginning, by what the model foresees of the bytes that its covers come from. */
#ifndef VOLTSEAL_WALK_H
#define VOLTSEAL_WALK_H

#include "model.h"
#include "references.h"
#include "voltseal_patch.h"

/* Bytes that may be told to be as expected at once. */
#define ROW 64u

/* What the header counts beside the model, the covers and a block: four times the bytes of a step with its margins, and a map's 256 parts. */
#define STEP_STATE_BYTES (4 * (VOLTSEAL_PATCH_STEP_BYTES + 2 * MARGIN) + 4 * 257)

#define AROUND_BYTES (VOLTSEAL_PATCH_STEP_BYTES + 2 * MARGIN)

typedef struct {
  uint32_t architecture;
  const cover *covers;
  uint32_t count;
  addressed image;
  address_map map;
  const voltseal_patch_driver *driver;
  /* The cover that the next byte is in, or comes before; the offset of that byte. */
  uint32_t cover, at;
  byte_model model;
  /* Bytes of the old image, with their margins: as they were; as they are expected; what they belong to. */
  uint8_t before[AROUND_BYTES], around[AROUND_BYTES], kinds[AROUND_BYTES];
  /* The new bytes of a step; where they are gone through anew, those that were written before a power cut. */
  uint8_t bytes[VOLTSEAL_PATCH_STEP_BYTES];
} image_walk;

/*
 * The next bytes, at most `most` of them, into `bytes`: from the bits, or, when those are NULL, from what is written. Answers how many, fewer where a
 * cover begins or ends, or a step does; 0 when bytes could not be read.
 */
uint32_t walk_step(image_walk *walk, bit_reader *bits, uint32_t most);

#endif
