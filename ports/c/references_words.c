#include "references.h"

/*
 * Aligned words of 32 bits that are an address in the image. The lowest bit, by which Thumb tells a function, stays. Words that point to where a Cortex-M has its
 * SRAM are only marked.
 */
void foresee_words(const moved_bytes *moved, const addressed *image) {
  const uint8_t *before = moved->before;
  uint8_t *kinds = moved->kinds;
  uint32_t k = (0u - (image->load + moved->at - MARGIN)) & 3u;
  for (; k + 4 <= moved->length; k += 4) {
    const uint32_t word = word_at(before + k);
    const uint32_t offset = (word & ~1u) - image->load;
    const int within = offset < image->length;
    if ((!within && word >> 28 != 2) || kinds[k] != 0 || kinds[k + 2] != 0) continue;
    if (within) {
      put_word(moved->bytes + k, image->load + (uint32_t)map_to(image->map, offset) + (word & 1u));
      mark(kinds + k, POINTER);
    } else {
      put_word(moved->bytes + k, word);
      mark(kinds + k, THIRD);
    }
  }
}
