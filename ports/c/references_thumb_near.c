#include "references.h"

#ifndef VOLTSEAL_PATCH_WITHOUT_CORTEX_M

/*
 * What Thumb code has near by: branches within a function (B in encodings T1 to T3, CBZ and CBNZ), and what is loaded from behind it (LDR, VLDR)
 * or found there (ADR); Arm v7-M Architecture Reference Manual (DDI 0403), A7.7. One that would not reach stays as it is.
 */

/*
 * What an instruction is, as far as its distance goes. Up to LOAD it is of one halfword; LONG: both must be looked at. From LOAD until COND_WIDE, the distance is from
 * a multiple of 4.
 */
enum { NO_FORM, COND, PLAIN_BRANCH, ZERO, LOAD, LOAD_WIDE, LOAD_VECTOR, COND_WIDE, LONG };

/* How a form says a distance: as a number of so many bits, in units of 2^shift bytes. `back`: the highest bit, where that is a sign. */
static const struct {
  uint32_t bits, back, shift;
} SAID[] = {{0, 0, 0}, {8, 0x80, 1}, {11, 0x400, 1}, {6, 0, 1}, {8, 0, 2}, {12, 0, 0}, {8, 0, 2}, {20, 0x80000, 1}};

/* A bit for each form, but for NO_FORM. */
#define ALL (~1u)

#define EIGHT(from, form)                                                                                       \
  [from] = form, [from + 1] = form, [from + 2] = form, [from + 3] = form, [from + 4] = form, [from + 5] = form, \
  [from + 6] = form, [from + 7] = form

/* The form by the upper byte of the first halfword. Loads are LDR, and ADR. */
static const uint8_t FORMS[256] = {EIGHT(0x48, LOAD), EIGHT(0xa0, LOAD), [0xb1] = ZERO, [0xb3] = ZERO, [0xb9] = ZERO,
                                   [0xbb] = ZERO, EIGHT(0xd0, COND), [0xd8] = COND, [0xd9] = COND, [0xda] = COND,
                                   [0xdb] = COND, [0xdc] = COND, [0xdd] = COND, EIGHT(0xe0, PLAIN_BRANCH),
                                   [0xed] = LONG, EIGHT(0xf0, LONG), [0xf8] = LONG};

static int long_form(uint32_t first, uint32_t second) {
  if (first >> 11 == 30) return (second & 0xd000u) == 0x8000u && (first & 0x380u) != 0x380u ? COND_WIDE : NO_FORM;
  /* LDR, and VLDR, forwards. */
  if (first == 0xf8dfu) return LOAD_WIDE;
  return (first & 0xffbfu) == 0xed9fu && (second & 0x0e00u) == 0x0a00u ? LOAD_VECTOR : NO_FORM;
}

/* The number that an instruction says; one of two halfwords has its first one above. */
static uint32_t number_in(int form, uint32_t code) {
  if (form == ZERO) return (code >> 4 & 32u) | (code >> 3 & 31u);
  if (form == COND_WIDE) {
    return (code >> 26 & 1u) << 19 | (code >> 11 & 1u) << 18 | (code >> 13 & 1u) << 17 | (code >> 16 & 63u) << 11 |
           (code & 0x7ffu);
  }
  return code & ((1u << SAID[form].bits) - 1);
}

/* An instruction with another number. */
static uint32_t with_number(int form, uint32_t code, uint32_t number) {
  const uint32_t others = ~0u << SAID[form].bits;
  if (form == ZERO) return (code & 0xfd07u) | (number & 32u) << 4 | (number & 31u) << 3;
  if (form == COND_WIDE) {
    return (code & 0xfbc0d000u) | (number >> 19 & 1u) << 26 | (number >> 11 & 63u) << 16 | (number >> 17 & 1u) << 13 |
           (number >> 18 & 1u) << 11 | (number & 0x7ffu);
  }
  return (code & others) | number;
}

/* True for the second halfword of an instruction of two. */
static int is_second(const uint8_t *before, uint32_t k) {
  return k >= 2 && before[k - 1] >= 0xe8u && !(k >= 4 && before[k - 3] >= 0xe8u);
}

/*
 * Forms, a bit each, that may change among these bytes: LONG, and those that reach further than what moves together with them. Of the others, the distance stays; or, where
 * loads move by no multiple of 4, there is no place for it.
 */
static uint32_t changing_forms(const moved_bytes *moved, const addressed *image) {
  const uint32_t first = moved->at - MARGIN;
  uint32_t forms = 1u << LONG;
  int form;
  for (form = COND; form <= LOAD; form += 1) {
    const uint32_t back = SAID[form].back << SAID[form].shift;
    const uint32_t ahead = (1u << SAID[form].bits << SAID[form].shift) - back;
    if (!map_moves(image->map, first - back, first + moved->length + 4 + ahead, moved->by)) forms |= 1u << form;
  }
  return forms;
}

void foresee_thumb_near(const moved_bytes *moved, const addressed *image) {
  const uint8_t *before = moved->before;
  const uint8_t *kinds = moved->kinds;
  const uint32_t length = moved->length;
  uint32_t forms = changing_forms(moved, image);
  uint32_t k = moved->at & 1u;
  for (; k + 2 <= length; k += 2) {
    int form = FORMS[before[k + 1]];
    int64_t from, to, target, distance, number;
    uint32_t code, now, back, shift;
    /* Both in one test: branches that a processor cannot foretell cost more than what is computed in vain. */
    if ((forms >> form & (kinds[k] == 0)) == 0 || is_second(before, k)) continue;
    code = half_at(before + k);
    if (form == LONG) {
      if (k + 4 > length) continue;
      form = long_form(code, half_at(before + k + 2));
      if (form == NO_FORM) continue;
      code = code << 16 | half_at(before + k + 2);
    }
    back = SAID[form].back;
    shift = SAID[form].shift;
    /* From the instruction and 4, or from the multiple of 4 that is not behind that. */
    from = begin_of(moved) + k + 4;
    to = from + moved->by;
    if (form >= LOAD && form < COND_WIDE) {
      from &= ~(int64_t)3;
      to &= ~(int64_t)3;
    }
    target = from + (int32_t)(((number_in(form, code) ^ back) - back) << shift);
    if (!is_within(image, target)) continue;
    distance = map_to(image->map, (uint32_t)target) - to;
    if (((uint32_t)distance & ((1u << shift) - 1)) != 0) continue;
    number = (distance >> shift) + back;
    if (number < 0 || number >> SAID[form].bits != 0) continue;
    now = with_number(form, code, (uint32_t)number ^ back);
    if (form > LOAD) {
      put_half(moved->bytes + k, now >> 16);
      put_half(moved->bytes + k + 2, now);
      /* What seems to begin in an instruction that changed puts its own bytes back, though they do not change. */
      if (now != code) forms = ALL;
    } else {
      put_half(moved->bytes + k, now);
    }
  }
}

#endif
