#include "frames.h"

#include <stdlib.h>
#include <string.h>

#include "../bytes.h"
#include "device.h"

#define NUMBERS 8
#define NO_CUT 0xffffffffu
/* Bytes beside the memory, whose values nobody may change. */
#define GUARD 64u
#define GUARDED 0xa5

typedef struct {
  uint32_t memory, room, askew, is_checked, old_length, length, written, cut;
  uint8_t next[VOLTSEAL_PATCH_CHAIN_BYTES];
  uint8_t *old, *patch, *now;
} frame;

static int take(FILE *in, uint8_t *bytes, size_t length) { return length == 0 || fread(bytes, 1, length, in) == length; }

/* Each part in memory of exactly its length, so that a sanitizer sees what is beside it. */
static uint8_t *part(FILE *in, uint32_t length) {
  uint8_t *bytes = memory_for(length);
  if (!take(in, bytes, length)) give_up("a frame is cut");
  return bytes;
}

static int take_frame(FILE *in, frame *into) {
  uint8_t head[4 * NUMBERS + VOLTSEAL_PATCH_CHAIN_BYTES];
  if (!take(in, head, sizeof head)) return 0;
  into->memory = word_at(head);
  into->room = word_at(head + 4);
  into->askew = word_at(head + 8);
  into->is_checked = word_at(head + 12);
  into->old_length = word_at(head + 16);
  into->length = word_at(head + 20);
  into->written = word_at(head + 24);
  into->cut = word_at(head + 28);
  memcpy(into->next, head + 32, sizeof into->next);
  into->old = part(in, into->old_length);
  into->patch = part(in, into->length);
  into->now = part(in, into->written);
  return 1;
}

/* Block after block; behind a cut, those before it are covers or are passed over. */
static voltseal_patch_code take_blocks(voltseal_patch *patch, const frame *of) {
  uint32_t offset = VOLTSEAL_PATCH_HEADER_BYTES;
  uint32_t index = 0;
  voltseal_patch_code code = VOLTSEAL_PATCH_OK;
  while (code == VOLTSEAL_PATCH_OK && offset < of->length) {
    const uint8_t *block = of->patch + offset;
    const uint32_t left = of->length - offset;
    const uint64_t whole = left < 4 ? left : voltseal_patch_block_length(block);
    const uint32_t taken = whole < left ? (uint32_t)whole : left;
    offset += taken;
    if (of->cut == NO_CUT || index > of->cut || voltseal_patch_wants_covers(patch)) {
      code = voltseal_patch_take(patch, block, taken);
    } else if (index == of->cut) {
      voltseal_patch_place place;
      place.written = of->written;
      place.offset = offset;
      memcpy(place.next, of->next, sizeof place.next);
      code = voltseal_patch_resume(patch, &place);
    }
    index += 1;
  }
  return code;
}

static voltseal_patch_code apply(device *at, const frame *of) {
  const voltseal_patch_driver driver = device_driver(at);
  voltseal_patch_header header;
  voltseal_patch *patch;
  uint8_t *room;
  size_t k, stated;
  voltseal_patch_code code = voltseal_patch_read_header(of->patch, of->length, &header);
  if (code != VOLTSEAL_PATCH_OK) return code;
  /* What it takes is what the header states, wherever that is less than there is. */
  stated = voltseal_patch_memory(&header) < of->memory ? (size_t)voltseal_patch_memory(&header) : of->memory;
  room = memory_for(stated + 2 * GUARD + 8);
  memset(room, GUARDED, stated + 2 * GUARD + 8);
  code = voltseal_patch_begin(&patch, &header, &driver, room + GUARD + of->askew % 8, stated, of->room);
  if (code == VOLTSEAL_PATCH_OK) {
    at->room = header.target_length;
    at->now = memory_for(at->room);
    if (of->written > at->room) give_up("a frame with more written than its target has");
    if (of->written > 0) memcpy(at->now, of->now, of->written);
    if (of->is_checked) code = voltseal_patch_check_base(patch);
    if (code == VOLTSEAL_PATCH_OK) code = take_blocks(patch, of);
    if (code == VOLTSEAL_PATCH_OK && of->is_checked) code = voltseal_patch_check_target(patch);
    if (code != VOLTSEAL_PATCH_OK && voltseal_patch_take(patch, of->patch, 0) != code) give_up("a refusal that does not stay");
    if (code == VOLTSEAL_PATCH_OK && !voltseal_patch_is_whole(patch)) code = VOLTSEAL_PATCH_TARGET_DIFFERS;
  }
  for (k = 0; k < stated + 2 * GUARD + 8; k += 1) {
    if (k >= GUARD + of->askew % 8 && k < GUARD + of->askew % 8 + stated) continue;
    if (room[k] != GUARDED) give_up("written beside the memory");
  }
  free(room);
  return code;
}

static void put(FILE *out, const uint8_t *bytes, size_t length) {
  if (length > 0 && fwrite(bytes, 1, length, out) != length) give_up("an answer cannot be written");
}

static void put_number(FILE *out, uint32_t number) {
  uint8_t bytes[4];
  put_word(bytes, number);
  put(out, bytes, sizeof bytes);
}

int answer_frames(FILE *in, FILE *out) {
  frame of;
  while (take_frame(in, &of)) {
    device at = {0};
    uint32_t k;
    at.old = of.old;
    at.old_length = of.old_length;
    at.written = of.written;
    at.places_room = of.length / VOLTSEAL_PATCH_BLOCK_HEAD_BYTES + 1;
    at.places = memory_for(at.places_room * sizeof *at.places);
    put_number(out, (uint32_t)apply(&at, &of));
    put_number(out, at.now == NULL ? 0 : at.written);
    put_number(out, at.places_count);
    for (k = 0; k < at.places_count; k += 1) {
      put_number(out, at.places[k].written);
      put_number(out, at.places[k].offset);
      put(out, at.places[k].next, sizeof at.places[k].next);
    }
    if (at.now != NULL) put(out, at.now, at.written);
    free(at.places);
    free(at.now);
    free(of.old);
    free(of.patch);
    free(of.now);
  }
  return fflush(out) == 0 ? 0 : 70;
}
