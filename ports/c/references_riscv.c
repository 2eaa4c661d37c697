#include "references.h"

#ifndef VOLTSEAL_PATCH_WITHOUT_RISCV

/*
 * RISC-V (Unprivileged ISA, 20240411, 2.5 and 2.6): JAL that calls or jumps; AUIPC and the instruction behind it that adds the lower twelve bits to its register; and
 * aligned words that are an address. An instruction stands at any even place: what looks like one in another one is none.
 */

#define JAL 0x6fu
#define AUIPC 0x17u
#define JALR 0x67u
#define ADDI 0x13u

/* JAL to the return address, or to nowhere. */
static int is_jump(const moved_bytes *moved, uint32_t k) {
  uint32_t low;
  if (k + 4 > moved->length) return 0;
  low = half_at(moved->before + k) & 0xfffu;
  return low == 0x0efu || low == 0x06fu;
}

/* What adds twelve bits to a register: JALR, ADDI, loads, stores; and of floating point. Of what has ADDI's code, only funct3 0 is one. */
static int is_lower(uint32_t word) {
  switch (word & 0x7fu) {
    case ADDI:
      return (word >> 12 & 7u) == 0;
    case JALR:
    case 0x03u:
    case 0x23u:
    case 0x07u:
    case 0x27u:
      return 1;
    default:
      return 0;
  }
}

/* AUIPC, and behind it what uses its register. */
static int is_pair(const moved_bytes *moved, uint32_t k) {
  uint32_t upper, lower, base;
  if (k + 8 > moved->length) return 0;
  upper = word_at(moved->before + k);
  lower = word_at(moved->before + k + 4);
  base = upper >> 7 & 31u;
  return (upper & 0x7fu) == AUIPC && base != 0 && (lower >> 15 & 31u) == base && is_lower(lower);
}

static int begins_before(const moved_bytes *moved, uint32_t k) {
  return k >= 2 && (is_jump(moved, k - 2) || is_pair(moved, k - 2));
}

/* Bytes that a JAL leads: 20 bits with a sign, in halfwords, in an order of their own. */
static int32_t jump_of(uint32_t word) {
  return with_sign((word >> 31) << 20 | (word & 0xff000u) | (word >> 9 & 0x800u) | (word >> 20 & 0x7feu), 21);
}
static uint32_t with_jump(uint32_t word, uint32_t distance) {
  return (word & 0xfffu) | (distance >> 20 & 1u) << 31 | (distance & 0xff000u) | (distance >> 11 & 1u) << 20 |
         (distance >> 1 & 0x3ffu) << 21;
}

/* The lower twelve bits, with a sign; in a store they stand in two places. */
static int is_store(uint32_t word) { return (word & 0x7bu) == 0x23u; }
static int32_t lower_of(uint32_t word) {
  return with_sign(is_store(word) ? (word >> 25) << 5 | (word >> 7 & 31u) : word >> 20, 12);
}
static uint32_t with_lower(uint32_t word, uint32_t distance) {
  if (is_store(word)) return (word & 0x01fff07fu) | (distance >> 5 & 0x7fu) << 25 | (distance & 31u) << 7;
  return (word & 0xfffffu) | distance << 20;
}

/* Of an image that is run from 0, a small number is hardly an address, and a word of 64 bits stands at a multiple of 8. */
static int is_long(const moved_bytes *moved, uint32_t k) {
  return ((moved->at - MARGIN + k) & 7u) == 0 && k + 8 <= moved->length && word_at(moved->before + k + 4) == 0 &&
         word_at(moved->before + k) >= 0x400u;
}

static void foresee_code(const moved_bytes *moved, const addressed *image) {
  const int64_t begin = begin_of(moved);
  uint32_t k = moved->at & 1u;
  for (; k + 4 <= moved->length; k += 2) {
    const uint32_t code = moved->before[k] & 0x7fu;
    const int64_t from = begin + k;
    if (code != JAL && code != AUIPC) continue;
    if (begins_before(moved, k)) continue;
    if (is_jump(moved, k)) {
      const uint32_t word = word_at(moved->before + k);
      const int64_t target = from + jump_of(word);
      if ((k >= 6 && is_pair(moved, k - 6)) || !is_within(image, target)) continue;
      put_word(moved->bytes + k,
               with_jump(word, (uint32_t)(map_to(image->map, (uint32_t)target) - (from + moved->by))));
      mark(moved->kinds + k, BRANCH);
    } else if (is_pair(moved, k)) {
      const uint32_t upper = word_at(moved->before + k);
      const uint32_t lower = word_at(moved->before + k + 4);
      const int64_t target = from + (int32_t)(upper & 0xfffff000u) + lower_of(lower);
      const uint32_t kind = (lower & 0x7fu) == JALR ? BRANCH : THIRD;
      uint32_t distance;
      if (!is_within(image, target)) continue;
      distance = (uint32_t)(map_to(image->map, (uint32_t)target) - (from + moved->by));
      put_word(moved->bytes + k, (upper & 0xfffu) | ((distance + 0x800u) & 0xfffff000u));
      mark(moved->kinds + k, kind);
      put_word(moved->bytes + k + 4, with_lower(lower, distance));
      mark(moved->kinds + k + 4, kind);
    }
  }
}

static void foresee_pointers(const moved_bytes *moved, const addressed *image) {
  uint32_t k = (0u - (image->load + moved->at - MARGIN)) & 3u;
  for (; k + 4 <= moved->length; k += 4) {
    const uint32_t word = word_at(moved->before + k);
    if (moved->kinds[k] != 0 || moved->kinds[k + 2] != 0) continue;
    if (word < image->load || word - image->load >= image->length) continue;
    if (image->load == 0 && !is_long(moved, k)) continue;
    put_word(moved->bytes + k, image->load + (uint32_t)map_to(image->map, word - image->load));
    mark(moved->kinds + k, POINTER);
  }
}

void foresee_riscv(const moved_bytes *moved, const addressed *image) {
  foresee_code(moved, image);
  foresee_pointers(moved, image);
}

#endif
