#include "references.h"

#ifndef VOLTSEAL_PATCH_WITHOUT_AARCH64

/*
 * AArch64 (Arm Architecture Reference Manual, DDI 0487, C6.2): B and BL; ADRP, and the ADD, load or store beside it that brings the lower twelve bits; and aligned words
 * of 64 bits that are an address. Those out of the image stay as they are.
 */

/* Instructions to either side of one that are looked at for the other half of an address: whole, for any byte of a stretch. */
#define NEAR (MARGIN / 4 - 1)
#define PAGE 4096

/* B and BL: 26 bits with a sign, in words. */
static int is_branch(uint32_t word) { return (word & 0x7c000000u) == 0x14000000u; }

/* ADRP: 21 bits with a sign, in pages, the lowest two of them apart. */
static int is_page(uint32_t word) { return (word & 0x9f000000u) == 0x90000000u; }
static int32_t pages_of(uint32_t word) { return with_sign((word >> 5 & 0x7ffffu) << 2 | (word >> 29 & 3u), 21); }
static uint32_t with_pages(uint32_t word, uint32_t pages) {
  return (word & 0x9f00001fu) | (pages & 3u) << 29 | (pages >> 2 & 0x7ffffu) << 5;
}

/* ADD of twelve bits to a register of 64, and loads and stores so far from one. */
static int is_add(uint32_t word) { return (word & 0xffc00000u) == 0x91000000u; }
static int is_low(uint32_t word) { return is_add(word) || (word & 0x3b000000u) == 0x39000000u; }
static uint32_t base_of(uint32_t word) { return word >> 5 & 31u; }

/* Of an access, twelve bits count what is accessed: 2 to the power of so many bytes. Of a vector of 128 bits, the size is 0. */
static uint32_t scale_of(uint32_t word) {
  if (is_add(word)) return 0;
  return (word & 0x04800000u) == 0x04800000u ? 4 : word >> 30;
}
static uint32_t low_of(uint32_t word) { return (word >> 10 & 0xfffu) << scale_of(word); }

/* At the upper end of the addresses, where kernels are, or at the lower, where only small numbers are none. */
static int is_address(uint32_t lower, uint32_t upper) {
  return upper >> 16 == 0xffffu || (upper == 0 && lower >= 0x400u);
}

/* Pages from the beginning of the image's first one; of what lies before it, too. */
static int64_t page_at(int64_t offset) { return offset >> 12; }

/* The twelve bits that stand behind an ADRP for its register; 0 where none do. */
static uint32_t low_behind(const moved_bytes *moved, uint32_t k, uint32_t word) {
  uint32_t other;
  for (other = k + 4; other <= k + 4 * NEAR && other + 4 <= moved->length; other += 4) {
    const uint32_t candidate = word_at(moved->before + other);
    if (is_low(candidate) && base_of(candidate) == (word & 31u)) return low_of(candidate);
  }
  return 0;
}

/* Where the ADRP before what brings twelve bits stands among the bytes; `k` itself where there is none. */
static uint32_t page_before(const moved_bytes *moved, uint32_t k, uint32_t word) {
  uint32_t back;
  for (back = 4; back <= 4 * NEAR && back <= k; back += 4) {
    const uint32_t candidate = word_at(moved->before + k - back);
    if (is_page(candidate) && (candidate & 31u) == base_of(word)) return k - back;
  }
  return k;
}

void foresee_aarch64(const moved_bytes *moved, const addressed *image) {
  const int64_t begin = begin_of(moved);
  const uint32_t within = image->load % PAGE;
  /* Instructions are aligned in the image, whose load address is. */
  uint32_t k = (0u - (moved->at - MARGIN)) & 3u;
  for (; k + 4 <= moved->length; k += 4) {
    const uint32_t word = word_at(moved->before + k);
    const int64_t here = begin + k;
    if (is_branch(word)) {
      const int64_t target = here + with_sign((word & 0x3ffffffu) << 2, 28);
      uint32_t distance;
      if (!is_within(image, target)) continue;
      distance = (uint32_t)(map_to(image->map, (uint32_t)target) - (here + moved->by));
      put_word(moved->bytes + k, (word & 0xfc000000u) | (distance >> 2 & 0x3ffffffu));
      mark(moved->kinds + k, BRANCH);
    } else if (is_page(word)) {
      const int64_t target = (page_at(here + within) + pages_of(word)) * PAGE - within + low_behind(moved, k, word);
      int64_t now;
      if (!is_within(image, target)) continue;
      now = map_to(image->map, (uint32_t)target) + within;
      put_word(moved->bytes + k,
               with_pages(word, (uint32_t)(page_at(now) - page_at(here + moved->by + within))));
      mark(moved->kinds + k, THIRD);
    } else if (is_low(word)) {
      const uint32_t other = page_before(moved, k, word);
      const uint32_t scale = scale_of(word);
      int64_t target;
      uint32_t now;
      if (other == k) continue;
      target = (page_at(begin + other + within) + pages_of(word_at(moved->before + other))) * PAGE - within + low_of(word);
      if (!is_within(image, target)) continue;
      now = (uint32_t)(map_to(image->map, (uint32_t)target) + within);
      if ((now & ((1u << scale) - 1)) != 0) continue;
      put_word(moved->bytes + k, (word & 0xffc003ffu) | (now % PAGE >> scale) << 10);
      mark(moved->kinds + k, THIRD);
    } else if ((here & 7) == 0 && k + 8 <= moved->length && is_address(word, word_at(moved->before + k + 4))) {
      const uint32_t offset = word - image->load;
      if (offset >= image->length) continue;
      put_word(moved->bytes + k, image->load + (uint32_t)map_to(image->map, offset));
      mark(moved->kinds + k, POINTER);
    }
  }
}

#endif
