#include <string.h>

#include "walk.h"

struct voltseal_patch {
  const voltseal_patch_header *header;
  const voltseal_patch_driver *driver;
  /* The first refusal stays. */
  voltseal_patch_code code;
  voltseal_patch_place place;
  cover *covers;
  stretch *stretches;
  uint32_t covers_taken;
  cover_end end;
  /* The model's memory: while covers come, what is learned from those. */
  void *model;
  int is_begun;
  uint8_t *block;
  image_walk walk;
};

/* What a pointer, and the widest number, may be aligned to. */
#define ALIGNMENT 8u
#define STATE_BYTES ((sizeof(voltseal_patch) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)

/* All that is kept beside the model, the covers and a block, parts of the map with it, is in what the header counts for a step and for those. */
typedef char voltseal_state_is_within[STATE_BYTES + ALIGNMENT - 1 <= STEP_STATE_BYTES ? 1 : -1];
typedef char voltseal_covers_are_24[sizeof(cover) + sizeof(stretch) == 24 ? 1 : -1];
typedef char voltseal_slots_fit[sizeof(cover_slots) <= LEAST_MODEL_BYTES ? 1 : -1];

voltseal_patch_code voltseal_patch_begin(voltseal_patch **patch, const voltseal_patch_header *header,
                                         const voltseal_patch_driver *driver, void *memory, size_t length,
                                         uint32_t room) {
  uint8_t *at = memory;
  voltseal_patch *begun;
  *patch = NULL;
  if (voltseal_patch_memory(header) > length) return VOLTSEAL_PATCH_MEMORY_REFUSED;
  if (header->target_length > room) return VOLTSEAL_PATCH_NO_ROOM;
  at += (0u - (uintptr_t)memory) % ALIGNMENT;
  begun = (voltseal_patch *)(void *)at;
  memset(begun, 0, sizeof *begun);
  begun->header = header;
  begun->driver = driver;
  begun->place.offset = VOLTSEAL_PATCH_HEADER_BYTES;
  memcpy(begun->place.next, header->first, sizeof begun->place.next);
  at += STATE_BYTES;
  begun->covers = (cover *)(void *)at;
  at += header->covers * sizeof(cover);
  begun->stretches = (stretch *)(void *)at;
  at += header->covers * sizeof(stretch);
  begun->model = at;
  at += model_bytes(header->slot_bits);
  begun->block = at;
  covers_begin(begun->model);
  *patch = begun;
  return VOLTSEAL_PATCH_OK;
}

static voltseal_patch_code refuse(voltseal_patch *patch, voltseal_patch_code code) {
  patch->code = code;
  return code;
}

uint8_t *voltseal_patch_block_room(voltseal_patch *patch) { return patch->block; }

int voltseal_patch_wants_covers(const voltseal_patch *patch) { return patch->covers_taken < patch->header->covers; }

int voltseal_patch_is_whole(const voltseal_patch *patch) {
  return !voltseal_patch_wants_covers(patch) && patch->walk.at == patch->header->target_length;
}

void voltseal_patch_where(const voltseal_patch *patch, voltseal_patch_place *place) { *place = patch->place; }

/* All covers were taken: what is learned from here on is the model's. */
static void begin_walk(voltseal_patch *patch) {
  const voltseal_patch_header *header = patch->header;
  image_walk *walk = &patch->walk;
  if (patch->is_begun) return;
  patch->is_begun = 1;
  walk->architecture = header->architecture;
  walk->covers = patch->covers;
  walk->count = header->covers;
  walk->image.length = header->base_length;
  walk->image.load = header->load;
  walk->image.map = &walk->map;
  walk->driver = patch->driver;
  map_begin(&walk->map, patch->stretches, patch->covers, header->covers);
  model_begin(&walk->model, patch->model, header->slot_bits, header->architecture);
}

static voltseal_patch_code take_covers(voltseal_patch *patch, bit_reader *bits, uint32_t count) {
  const image_lengths within = {patch->header->base_length, patch->header->target_length};
  if (count > patch->header->covers - patch->covers_taken) return VOLTSEAL_PATCH_MALFORMED;
  for (; count > 0; count -= 1) {
    if (!covers_read(patch->model, bits, &patch->end, within, &patch->covers[patch->covers_taken])) {
      return VOLTSEAL_PATCH_MALFORMED;
    }
    patch->covers_taken += 1;
  }
  return VOLTSEAL_PATCH_OK;
}

static voltseal_patch_code take_bytes(voltseal_patch *patch, bit_reader *bits, uint32_t count) {
  const voltseal_patch_driver *driver = patch->driver;
  image_walk *walk = &patch->walk;
  begin_walk(patch);
  if (count > patch->header->target_length - walk->at) return VOLTSEAL_PATCH_MALFORMED;
  while (count > 0) {
    const uint32_t at = walk->at;
    const uint32_t length = walk_step(walk, bits, count);
    if (length == 0) return VOLTSEAL_PATCH_SLOT_FAILED;
    /* What nobody wrote into the patch is not written into the slot. */
    if (bits_are_beyond(bits)) return VOLTSEAL_PATCH_MALFORMED;
    if (!driver->write(driver->context, at, walk->bytes, length)) return VOLTSEAL_PATCH_SLOT_FAILED;
    count -= length;
  }
  return VOLTSEAL_PATCH_OK;
}

static voltseal_patch_code look_at(const voltseal_patch *patch, const uint8_t *block, size_t length) {
  const voltseal_patch_driver *driver = patch->driver;
  uint8_t digest[32];
  if (length < VOLTSEAL_PATCH_BLOCK_HEAD_BYTES || length != voltseal_patch_block_length(block)) return VOLTSEAL_PATCH_MALFORMED;
  driver->sha256_begin(driver->context);
  driver->sha256_add(driver->context, block, length);
  driver->sha256_end(driver->context, digest);
  if (memcmp(digest, patch->place.next, VOLTSEAL_PATCH_CHAIN_BYTES) != 0) return VOLTSEAL_PATCH_ALTERED;
  if (word_at(block) > patch->header->longest || word_at(block + 4) == 0) return VOLTSEAL_PATCH_MALFORMED;
  return VOLTSEAL_PATCH_OK;
}

voltseal_patch_code voltseal_patch_take(voltseal_patch *patch, const uint8_t *block, size_t length) {
  const voltseal_patch_driver *driver = patch->driver;
  const int is_covers = voltseal_patch_wants_covers(patch);
  bit_reader bits;
  voltseal_patch_code code;
  if (patch->code != VOLTSEAL_PATCH_OK) return patch->code;
  if (voltseal_patch_is_whole(patch)) return refuse(patch, VOLTSEAL_PATCH_MALFORMED);
  code = look_at(patch, block, length);
  if (code != VOLTSEAL_PATCH_OK) return refuse(patch, code);
  bits_begin(&bits, block + VOLTSEAL_PATCH_BLOCK_HEAD_BYTES, word_at(block));
  code = is_covers ? take_covers(patch, &bits, word_at(block + 4)) : take_bytes(patch, &bits, word_at(block + 4));
  if (code == VOLTSEAL_PATCH_OK && bits_are_beyond(&bits)) code = VOLTSEAL_PATCH_MALFORMED;
  if (code != VOLTSEAL_PATCH_OK) return refuse(patch, code);
  patch->place.written = patch->walk.at;
  patch->place.offset += (uint32_t)length;
  memcpy(patch->place.next, block + 8, VOLTSEAL_PATCH_CHAIN_BYTES);
  if (is_covers || driver->journal == NULL || driver->journal(driver->context, &patch->place)) return VOLTSEAL_PATCH_OK;
  return refuse(patch, VOLTSEAL_PATCH_SLOT_FAILED);
}

voltseal_patch_code voltseal_patch_resume(voltseal_patch *patch, const voltseal_patch_place *place) {
  if (patch->code != VOLTSEAL_PATCH_OK) return patch->code;
  if (voltseal_patch_wants_covers(patch) || patch->walk.at != 0) return refuse(patch, VOLTSEAL_PATCH_MALFORMED);
  if (place->written > patch->header->target_length) return refuse(patch, VOLTSEAL_PATCH_MALFORMED);
  begin_walk(patch);
  while (patch->walk.at < place->written) {
    if (walk_step(&patch->walk, NULL, place->written - patch->walk.at) == 0) return refuse(patch, VOLTSEAL_PATCH_SLOT_FAILED);
  }
  patch->place = *place;
  return VOLTSEAL_PATCH_OK;
}

/* The digest of a slot's first bytes, read piece by piece: 1 when it is this one, 0 when not, -1 when bytes could not be read. */
static int has_digest(voltseal_patch *patch, int (*read)(void *, uint32_t, uint8_t *, uint32_t), uint32_t length,
                      const uint8_t *digest) {
  const voltseal_patch_driver *driver = patch->driver;
  uint8_t found[32];
  uint32_t at, most;
  driver->sha256_begin(driver->context);
  for (at = 0; at < length; at += most) {
    most = length - at < VOLTSEAL_PATCH_STEP_BYTES ? length - at : VOLTSEAL_PATCH_STEP_BYTES;
    if (!read(driver->context, at, patch->walk.before, most)) return -1;
    driver->sha256_add(driver->context, patch->walk.before, most);
  }
  driver->sha256_end(driver->context, found);
  return memcmp(found, digest, sizeof found) == 0;
}

voltseal_patch_code voltseal_patch_check_base(voltseal_patch *patch) {
  const voltseal_patch_header *header = patch->header;
  int is;
  if (patch->code != VOLTSEAL_PATCH_OK) return patch->code;
  is = has_digest(patch, patch->driver->read_old, header->base_length, header->base_sha256);
  if (is > 0) return VOLTSEAL_PATCH_OK;
  return refuse(patch, is < 0 ? VOLTSEAL_PATCH_SLOT_FAILED : VOLTSEAL_PATCH_BASE_DIFFERS);
}

voltseal_patch_code voltseal_patch_check_target(voltseal_patch *patch) {
  const voltseal_patch_header *header = patch->header;
  int is;
  if (patch->code != VOLTSEAL_PATCH_OK) return patch->code;
  if (!voltseal_patch_is_whole(patch)) return refuse(patch, VOLTSEAL_PATCH_TARGET_DIFFERS);
  is = has_digest(patch, patch->driver->read_new, header->target_length, header->target_sha256);
  if (is > 0) return VOLTSEAL_PATCH_OK;
  return refuse(patch, is < 0 ? VOLTSEAL_PATCH_SLOT_FAILED : VOLTSEAL_PATCH_TARGET_DIFFERS);
}
