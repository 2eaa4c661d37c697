/* A device in memory: two slots, of which nothing is read or written but what an applier may ask for. */
#ifndef VOLTSEAL_TEST_DEVICE_H
#define VOLTSEAL_TEST_DEVICE_H

#include "../voltseal_patch.h"
#include "sha256.h"

typedef struct {
  const uint8_t *old;
  uint32_t old_length;
  /* The new slot: so many bytes are room for it, and so many were written. */
  uint8_t *now;
  uint32_t room, written;
  sha256 hash;
  /* The places that were journaled. */
  voltseal_patch_place *places;
  uint32_t places_count, places_room;
} device;

/* A driver of the device, whose context it is. Whatever an applier may not ask for ends the process. */
voltseal_patch_driver device_driver(device *of);

/* Ends the process with a line. */
void give_up(const char *why);

/* Memory, or the end of the process. */
void *memory_for(size_t length);

#endif
