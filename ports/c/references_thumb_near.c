#include "references.h"

#ifndef VOLTSEAL_PATCH_WITHOUT_CORTEX_M

/*
 * What Thumb code has near by: branches within a function (B in encodings T1 to T3, CBZ and CBNZ), and what is loaded from behind it (LDR, VLDR)
 * or found there (ADR); Arm v7-M Architecture Reference Manual (DDI 0403), A7.7. One that would not reach stays as it is.
 */

/* What an instruction is, as far as its distance goes. From LOAD on, the distance is from a multiple of 4. LONG: both halfwords must be looked at. */
enum { NO_FORM, COND, PLAIN_BRANCH, ZERO, COND_WIDE, LOAD, LOAD_WIDE, LOAD_VECTOR, LONG };

/* How far each form reaches, backwards and forwards, in bytes, and by which steps. */
static const struct {
  int32_t least, most;
  uint32_t step;
} REACH[] = {{0, 0, 1},   {-256, 254, 2},  {-2048, 2046, 2}, {0, 126, 2}, {-(1 << 20), (1 << 20) - 2, 2},
             {0, 1020, 4}, {0, 4095, 1}, {0, 1020, 4}};

/* The form by the upper byte of the first halfword. */
static int form_of(uint32_t upper) {
  switch (upper >> 3) {
    case 9:
    case 20: /* LDR, and ADR */
      return LOAD;
    case 22:
    case 23:
      return (upper & 0xf5u) == 0xb1u ? ZERO : NO_FORM;
    case 26:
    case 27:
      return (upper & 15u) < 14 ? COND : NO_FORM;
    case 28:
      return PLAIN_BRANCH;
    case 30:
      return LONG;
    default:
      return upper == 0xf8u || upper == 0xedu ? LONG : NO_FORM;
  }
}

static int long_form(uint32_t first, uint32_t second) {
  if (first >> 11 == 30) return (second & 0xd000u) == 0x8000u && (first & 0x380u) != 0x380u ? COND_WIDE : NO_FORM;
  /* LDR, and VLDR, forwards. */
  if (first == 0xf8dfu) return LOAD_WIDE;
  return (first & 0xffbfu) == 0xed9fu && (second & 0x0e00u) == 0x0a00u ? LOAD_VECTOR : NO_FORM;
}

/* The distance that an instruction says, in bytes; one of two halfwords has its first one above. */
static int32_t distance_in(int form, uint32_t code) {
  switch (form) {
    case COND:
      return with_sign((code & 0xffu) << 1, 9);
    case PLAIN_BRANCH:
      return with_sign((code & 0x7ffu) << 1, 12);
    case ZERO:
      return (int32_t)((code >> 3 & 64u) | (code >> 2 & 62u));
    case COND_WIDE:
      return with_sign((code >> 26 & 1u) << 20 | (code >> 11 & 1u) << 19 | (code >> 13 & 1u) << 18 |
                           (code >> 16 & 63u) << 12 | (code & 0x7ffu) << 1,
                       21);
    case LOAD_WIDE:
      return (int32_t)(code & 0xfffu);
    default:
      return (int32_t)((code & 0xffu) * 4);
  }
}

/* An instruction by another distance, which it reaches. */
static uint32_t with_distance(int form, uint32_t code, uint32_t distance) {
  switch (form) {
    case COND:
      return (code & 0xff00u) | (distance >> 1 & 0xffu);
    case PLAIN_BRANCH:
      return (code & 0xf800u) | (distance >> 1 & 0x7ffu);
    case ZERO:
      return (code & 0xfd07u) | (distance & 64u) << 3 | (distance & 62u) << 2;
    case COND_WIDE:
      return (code & 0xfbc0d000u) | (distance >> 20 & 1u) << 26 | (distance >> 12 & 63u) << 16 |
             (distance >> 18 & 1u) << 13 | (distance >> 19 & 1u) << 11 | (distance >> 1 & 0x7ffu);
    case LOAD_WIDE:
      return (code & 0xfffff000u) | distance;
    default:
      return (code & 0xffffff00u) | distance >> 2;
  }
}

/* True for the second halfword of an instruction of two. */
static int is_second(const uint8_t *before, uint32_t k) {
  return k >= 2 && before[k - 1] >= 0xe8u && !(k >= 4 && before[k - 3] >= 0xe8u);
}

void foresee_thumb_near(const moved_bytes *moved, const addressed *image) {
  const uint8_t *before = moved->before;
  uint32_t k = moved->at & 1u;
  for (; k + 2 <= moved->length; k += 2) {
    int form = form_of(before[k + 1]);
    int64_t from, to, target, distance;
    uint32_t code;
    if (form == NO_FORM || moved->kinds[k] != 0 || is_second(before, k)) continue;
    code = half_at(before + k);
    if (form == LONG) {
      if (k + 4 > moved->length) continue;
      form = long_form(code, half_at(before + k + 2));
      if (form == NO_FORM) continue;
      code = code << 16 | half_at(before + k + 2);
    }
    /* From the instruction and 4, or from the multiple of 4 that is not behind that. */
    from = begin_of(moved) + k + 4;
    to = from + moved->by;
    if (form >= LOAD) {
      from &= ~(int64_t)3;
      to &= ~(int64_t)3;
    }
    target = from + distance_in(form, code);
    if (!is_within(image, target)) continue;
    distance = map_to(image->map, (uint32_t)target) - to;
    if (distance < REACH[form].least || distance > REACH[form].most) continue;
    if (((uint32_t)distance & (REACH[form].step - 1)) != 0) continue;
    code = with_distance(form, code, (uint32_t)distance);
    if (form == COND_WIDE || form > LOAD) {
      put_half(moved->bytes + k, code >> 16);
      put_half(moved->bytes + k + 2, code);
    } else {
      put_half(moved->bytes + k, code);
    }
  }
}

#endif
