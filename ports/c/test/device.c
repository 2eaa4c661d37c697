#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void give_up(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(70);
}

void *memory_for(size_t length) {
  void *memory = malloc(length > 0 ? length : 1);
  if (memory == NULL) give_up("no memory");
  return memory;
}

static int read_old(void *context, uint32_t at, uint8_t *bytes, uint32_t length) {
  const device *of = context;
  if (length > VOLTSEAL_PATCH_STEP_BYTES + 32 || length > of->old_length || at > of->old_length - length) {
    give_up("read outside of the base");
  }
  if (length > 0) memcpy(bytes, of->old + at, length);
  return 1;
}

static int read_new(void *context, uint32_t at, uint8_t *bytes, uint32_t length) {
  const device *of = context;
  if (length > VOLTSEAL_PATCH_STEP_BYTES || length > of->written || at > of->written - length) {
    give_up("read what was not written");
  }
  if (length > 0) memcpy(bytes, of->now + at, length);
  return 1;
}

static int write_new(void *context, uint32_t at, const uint8_t *bytes, uint32_t length) {
  device *of = context;
  if (length > VOLTSEAL_PATCH_STEP_BYTES || at != of->written || length > of->room - at) give_up("written elsewhere");
  memcpy(of->now + at, bytes, length);
  of->written += length;
  return 1;
}

static void hash_begin(void *context) { sha256_begin(&((device *)context)->hash); }
static void hash_add(void *context, const uint8_t *bytes, size_t length) {
  sha256_add(&((device *)context)->hash, bytes, length);
}
static void hash_end(void *context, uint8_t digest[32]) { sha256_end(&((device *)context)->hash, digest); }

static int journal(void *context, const voltseal_patch_place *place) {
  device *of = context;
  if (place->written != of->written) give_up("journaled before it was written");
  if (of->places_count < of->places_room) of->places[of->places_count++] = *place;
  return 1;
}

voltseal_patch_driver device_driver(device *of) {
  const voltseal_patch_driver driver = {of, read_old, read_new, write_new, hash_begin, hash_add, hash_end, journal};
  return driver;
}
