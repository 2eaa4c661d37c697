#include "walk.h"

#include <string.h>

/* The bytes of the old image that a covered stretch comes from, as they were and as they are expected. 0 when they could not be read. */
static int look_around(image_walk *walk, const cover *in, uint32_t at, uint32_t length) {
  const uint32_t whole = length + 2 * MARGIN;
  const uint32_t first = at > MARGIN ? at - MARGIN : 0;
  const uint32_t ahead = walk->image.length - (at + length);
  const uint32_t last = at + length + (ahead < MARGIN ? ahead : MARGIN);
  moved_bytes moved;
  memset(walk->before, 0, MARGIN);
  memset(walk->before + whole - MARGIN, 0, MARGIN);
  memset(walk->kinds, 0, whole);
  if (!walk->driver->read_old(walk->driver->context, first, walk->before + MARGIN - (at - first), last - first)) return 0;
  memcpy(walk->around, walk->before, whole);
  moved.at = at;
  moved.by = (int32_t)walk->at - (int32_t)at;
  moved.before = walk->before;
  moved.bytes = walk->around;
  moved.kinds = walk->kinds;
  moved.length = whole;
  if (!(in->length_and_plain & PLAIN)) foresee(walk->architecture, &moved, &walk->image);
  return 1;
}

/* A bit for branches, one for pointers, one for the third kind, where there is one. */
static uint32_t kinds_among(const uint8_t *kinds, uint32_t length) {
  uint32_t fours[ROW / 4] = {0};
  uint32_t branches = 0;
  uint32_t pointers = 0;
  uint32_t thirds = 0;
  uint32_t k;
  memcpy(fours, kinds, length);
  for (k = 0; k < ROW / 4; k += 1) {
    /* Three more than the kinds, four at once: bits 2 and 3 of each count the kinds of references from 1. */
    const uint32_t four = fours[k] + 0x03030303u;
    branches |= four & ~(four >> 1);
    pointers |= four >> 1 & ~four;
    thirds |= four & four >> 1;
  }
  return (uint32_t)((branches & 0x04040404u) != 0) | (uint32_t)((pointers & 0x04040404u) != 0) << 1 |
         (uint32_t)((thirds & 0x04040404u) != 0) << 2;
}

static covered_byte byte_at(const image_walk *walk, uint32_t at, uint32_t k) {
  const uint32_t odd = (at + k) & 1u;
  const uint32_t even = MARGIN + k - odd;
  covered_byte byte;
  byte.at = walk->at + k;
  byte.kind = walk->kinds[MARGIN + k];
  byte.odd = odd;
  byte.earlier = half_at(walk->before + even - 2);
  byte.old = half_at(walk->before + even);
  byte.expected = half_at(walk->around + even);
  return byte;
}

/* A row that is not as expected: halfword by halfword of the old image, and byte by byte where one is not. `at`: of the step in the old image. */
static void spell_row(image_walk *walk, bit_reader *bits, uint32_t at, uint32_t row, uint32_t end) {
  byte_model *model = &walk->model;
  uint8_t *bytes = walk->bytes;
  uint32_t k = row;
  while (k < end) {
    const uint8_t *expected = walk->around + MARGIN + k;
    covered_byte byte = byte_at(walk, at, k);
    if (byte.odd || k + 1 == end) {
      bytes[k] = (uint8_t)model_covered(model, bits, &byte, 0, bytes[k]);
      k += 1;
      continue;
    }
    if (model_is_halfword(model, bits, &byte, memcmp(bytes + k, expected, 2) == 0)) {
      memcpy(bytes + k, expected, 2);
    } else {
      bytes[k] = (uint8_t)model_covered(model, bits, &byte, 0, bytes[k]);
      byte = byte_at(walk, at, k + 1);
      bytes[k + 1] = (uint8_t)model_covered(model, bits, &byte, bytes[k] == expected[0], bytes[k + 1]);
    }
    k += 2;
  }
}

static int take_covered(image_walk *walk, bit_reader *bits, const cover *in, uint32_t length) {
  const uint32_t at = in->old + (walk->at - in->now);
  uint32_t row;
  if (!look_around(walk, in, at, length)) return 0;
  for (row = 0; row < length; row += ROW) {
    const uint32_t many = length - row < ROW ? length - row : ROW;
    const uint8_t *expected = walk->around + MARGIN + row;
    const int are = memcmp(walk->bytes + row, expected, many) == 0;
    if (model_is_row(&walk->model, bits, expected, many, kinds_among(walk->kinds + MARGIN + row, many), are)) {
      memcpy(walk->bytes + row, expected, many);
    } else {
      spell_row(walk, bits, at, row, row + many);
    }
  }
  return 1;
}

static void take_others(image_walk *walk, bit_reader *bits, uint32_t length) {
  uint32_t k;
  for (k = 0; k < length; k += 1) {
    walk->bytes[k] = (uint8_t)model_other(&walk->model, bits, walk->at + k, walk->bytes[k]);
  }
}

uint32_t walk_step(image_walk *walk, bit_reader *bits, uint32_t most) {
  uint32_t length = most < VOLTSEAL_PATCH_STEP_BYTES ? most : VOLTSEAL_PATCH_STEP_BYTES;
  const cover *in = NULL;
  int is_covered = 0;
  if (walk->cover < walk->count) {
    in = &walk->covers[walk->cover];
    if (in->now + cover_length(in) == walk->at) {
      walk->cover += 1;
      in = walk->cover < walk->count ? in + 1 : NULL;
    }
  }
  if (in != NULL) {
    uint32_t until = in->now;
    is_covered = in->now <= walk->at;
    if (is_covered) until += cover_length(in);
    if (until - walk->at < length) length = until - walk->at;
  }
  if (bits == NULL && !walk->driver->read_new(walk->driver->context, walk->at, walk->bytes, length)) return 0;
  if (!is_covered) take_others(walk, bits, length);
  else if (!take_covered(walk, bits, in, length)) return 0;
  walk->at += length;
  return length;
}
