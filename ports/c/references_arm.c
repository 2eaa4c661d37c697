#include "references.h"

#ifndef VOLTSEAL_PATCH_WITHOUT_ARM

/* Set where a distance is added and not taken away. */
#define UP 0x800000u

/*
 * 32-bit Arm code (Armv7-A and Armv7-R Architecture Reference Manual, DDI 0406, A8.8): B, BL and BLX, LDR of what stands near by, and aligned words. Those out of the
 * image, and what would not reach, stay as they are.
 */
void foresee_arm(const moved_bytes *moved, const addressed *image) {
  const int64_t begin = begin_of(moved);
  /* Instructions are aligned in the image, whose load address is. */
  uint32_t k = (0u - (moved->at - MARGIN)) & 3u;
  for (; k + 4 <= moved->length; k += 4) {
    const uint32_t word = word_at(moved->before + k);
    const int64_t from = begin + k + 8;
    if ((word & 0x0e000000u) == 0x0a000000u) {
      /* Of BLX a bit more says whether it reaches to the second halfword. */
      const uint32_t half = word >> 28 == 15 ? word >> 23 & 2u : 0;
      const int64_t target = from + with_sign((word & 0xffffffu) << 2, 26) + half;
      uint32_t distance;
      if (!is_within(image, target)) continue;
      distance = (uint32_t)(map_to(image->map, (uint32_t)target) - (from + moved->by));
      if ((distance & 3u) != half) continue;
      put_word(moved->bytes + k, (word & 0xff000000u) | (distance >> 2 & 0xffffffu));
      mark(moved->kinds + k, BRANCH);
    } else if ((word & 0x0f7f0000u) == 0x051f0000u && word >> 28 != 15) {
      const int64_t said = (int64_t)(word & 0xfffu);
      const int64_t target = (word & UP) != 0 ? from + said : from - said;
      int64_t distance;
      if (!is_within(image, target)) continue;
      distance = map_to(image->map, (uint32_t)target) - (from + moved->by);
      if (distance > 0xfff || distance < -0xfff) continue;
      put_word(moved->bytes + k,
               (word & 0xff7ff000u) | (distance < 0 ? (uint32_t)-distance : UP | (uint32_t)distance));
    }
  }
  foresee_words(moved, image);
}

#endif
