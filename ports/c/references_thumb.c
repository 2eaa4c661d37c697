#include "references.h"

#ifndef VOLTSEAL_PATCH_WITHOUT_CORTEX_M

/*
 * Long branches of Thumb-2: BL (encoding T1) and B.W (T4), Arm v7-M Architecture Reference Manual (DDI 0403), A7.7.12 and A7.7.18. What may be one begins with
 * 11110 and has 1xx1 in its second halfword; it is none where it begins in another one.
 */
static int is_branch(uint32_t code) { return (code & 0x9000f800u) == 0x9000f000u; }

/* Bytes from behind the branch to its target: 25 bits with a sign, of which the last is 0. */
static int32_t distance_of(uint32_t code) {
  const uint32_t sign = code >> 10 & 1;
  const uint32_t i1 = (code >> 29 & 1) ^ sign ^ 1;
  const uint32_t i2 = (code >> 27 & 1) ^ sign ^ 1;
  return with_sign(sign << 24 | i1 << 23 | i2 << 22 | (code & 0x3ffu) << 12 | (code >> 16 & 0x7ffu) << 1, 25);
}

static uint32_t with_distance(uint32_t code, uint32_t distance) {
  const uint32_t sign = distance >> 24 & 1;
  const uint32_t j1 = (distance >> 23 & 1) ^ sign ^ 1;
  const uint32_t j2 = (distance >> 22 & 1) ^ sign ^ 1;
  const uint32_t first = 0xf000u | sign << 10 | (distance >> 12 & 0x3ffu);
  return first | ((code >> 16 & 0xd000u) | j1 << 13 | j2 << 11 | (distance >> 1 & 0x7ffu)) << 16;
}

void foresee_thumb(const moved_bytes *moved, const addressed *image) {
  const uint8_t *before = moved->before;
  const int64_t begin = begin_of(moved);
  /* Halfwords are aligned in the image, whose load address is. */
  uint32_t k = moved->at & 1u;
  for (; k + 4 <= moved->length; k += 2) {
    const uint32_t code = word_at(before + k);
    int64_t from, target;
    if (!is_branch(code) || (k >= 2 && is_branch(word_at(before + k - 2)))) continue;
    from = begin + k + 4;
    target = from + distance_of(code);
    if (!is_within(image, target)) continue;
    put_word(moved->bytes + k,
             with_distance(code, (uint32_t)(map_to(image->map, (uint32_t)target) - (from + moved->by))));
    mark(moved->kinds + k, BRANCH);
  }
}

#endif
