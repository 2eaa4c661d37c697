#include "model.h"

#include <string.h>

#include "voltseal_patch.h"

/* What tells the bits of a byte apart: times those before it, behind a 1. */
#define SPREAD 0x3d4d51cbu

static inline uint32_t context(uint32_t of, uint32_t value) { return value * 0x2f0b4c47u + (of + 1) * 0x5bd1e995u; }

/* 2 when the newest was not as wanted, 3 when only the one before it was not, else 1. */
static inline uint32_t case_of(uint32_t wrong) {
  if (wrong & 1u) return 2;
  return wrong & 2u ? 3 : 1;
}

/* What a byte is foretold to be; and 256 where its halfword is foretold otherwise than it is expected. */
static inline uint32_t foretold(const covered_byte *of, int32_t shift) {
  return (shift == 0 ? 0 : 256u) | ((of->expected + (uint32_t)shift) >> (8 * of->odd) & 255u);
}

/* 0: the halfword is foretold as it is expected; 1: it is not, but this byte of it; 2: not this byte either. */
static inline uint32_t says_of(uint32_t told, uint32_t expected) {
  if (told < 256) return 0;
  return (told & 255u) == expected ? 1 : 2;
}

/* The next four bits of what is foretold, of so many sorts, as one number; 0 when the bits before them were others. */
static inline uint32_t bits_of(uint32_t told, uint32_t spelled, uint32_t at, uint32_t sort) {
  const uint32_t byte = told & 255u;
  if ((byte | 256u) >> (8 - at) != spelled) return 0;
  return ((16 + (byte >> (4 - at) & 15u)) * 2 + (told >> 8) + 64 * sort) * 8 + at;
}

/* A count of bytes in few numbers, up to 15: exactly while it is small. */
static uint32_t steps(uint32_t count) {
  uint32_t step = 7;
  if (count < 8) return count;
  for (count >>= 3; count > 0 && step < 15; count >>= 1) step += 1;
  return step;
}

void model_begin(byte_model *model, void *memory, uint32_t slot_bits, uint32_t architecture) {
  uint8_t *at = memory;
  memset(model, 0, sizeof *model);
  model->architecture = architecture;
  memset(at, 0, SHIFTS_BYTES);
  model->of_old = (int16_t *)(void *)at;
  model->of_earlier = model->of_old + CLASSES;
  evidence_begin(&model->evidence, at + SHIFTS_BYTES, slot_bits, WEIGHT_ROWS);
}

static inline uint32_t class_of(const covered_byte *of) { return (of->kind + 3) >> 2; }

static inline int16_t *shift_by_old(const byte_model *model, const covered_byte *of) {
  return &model->of_old[class_of(of) * 256 + (of->old >> 8)];
}

static inline int16_t *shift_by_earlier(const byte_model *model, const covered_byte *of) {
  return &model->of_earlier[class_of(of) * 256 + (of->earlier >> 8)];
}

/* A halfword of the new image is known. */
static inline void learn_shift(byte_model *model, const covered_byte *of, uint32_t halfword) {
  const int16_t shift = (int16_t)(uint16_t)(halfword - of->expected);
  *shift_by_old(model, of) = shift;
  /* Behind the same instruction some operands stay and others move: those that stayed say nothing of how far. */
  if (shift != 0) *shift_by_earlier(model, of) = shift;
}

int model_is_row(byte_model *model, bit_reader *bits, const uint8_t *expected, uint32_t length, uint32_t kinds, int known) {
  uint32_t *contexts = model->evidence.contexts;
  const uint32_t rows = model->wrong_rows;
  uint32_t bit, k;
  contexts[0] = context(0, rows & 255u);
  contexts[1] = context(1, kinds * 16 + steps(model->right >> 1));
  contexts[2] = context(2, kinds * 256 + (rows & 15u) * 16 + (model->wrong & 15u));
  bit = evidence_one(&model->evidence, bits, OF_ROW + kinds, 1, (uint32_t)known);
  model->wrong_rows = rows << 1 | (1 - bit);
  if (bit == 0) return 0;
  model->right += length;
  model->wrong = length < 16 ? model->wrong << length : 0;
  for (k = length < 4 ? 0 : length - 4; k < length; k += 1) model->last = model->last << 8 | expected[k];
  return 1;
}

int model_is_halfword(byte_model *model, bit_reader *bits, const covered_byte *of, int known) {
  uint32_t *contexts = model->evidence.contexts;
  const uint32_t wrong = model->wrong;
  const uint32_t moved = (*shift_by_old(model, of) != 0 ? 1u : 0u) + (*shift_by_earlier(model, of) != 0 ? 2u : 0u);
  contexts[0] = context(3, of->earlier >> 8);
  contexts[1] = context(4, of->old);
  contexts[2] = context(5, ((of->kind * 64 + (wrong & 12u) * 4 + (of->at & 2u)) * 4 + moved) * 8 + (of->old >> 13));
  if (!evidence_one(&model->evidence, bits, OF_HALFWORD + of->kind, case_of(wrong), (uint32_t)known)) return 0;
  model->wrong = wrong << 2;
  model->right += 2;
  model->last = model->last << 16 | (of->expected & 255u) << 8 | of->expected >> 8;
  learn_shift(model, of, of->expected);
  return 1;
}

static int is_byte(byte_model *model, bit_reader *bits, const covered_byte *of, uint32_t told, int known) {
  uint32_t *contexts = model->evidence.contexts;
  const uint32_t wrong = model->wrong;
  contexts[0] = context(6, expected_of(of));
  contexts[1] = context(7, (of->old >> 8) * 2 + of->odd);
  contexts[2] = context(8, (of->kind * 16 + (wrong & 3u) * 4 + (of->at & 3u)) * 9 + told);
  return evidence_one(&model->evidence, bits, OF_BYTE + of->kind, case_of(wrong), (uint32_t)known) != 0;
}

static int is_told(byte_model *model, bit_reader *bits, uint32_t told, uint32_t of, uint32_t known) {
  uint32_t *contexts = model->evidence.contexts;
  const uint32_t untold = model->untold;
  uint32_t bit;
  contexts[0] = context(9, of);
  contexts[1] = context(10, told * 32 + of);
  contexts[2] = context(11, (untold & 15u) * 32 + of);
  bit = evidence_one(&model->evidence, bits, OF_TOLD + of, case_of(untold), told == known);
  model->untold = untold << 1 | (1 - bit);
  return bit != 0;
}

/* The bits of a covered byte. */
static uint32_t spell(byte_model *model, bit_reader *bits, const covered_byte *of, uint32_t by_old, uint32_t known) {
  uint32_t *contexts = model->evidence.contexts;
  const uint32_t class = class_of(of);
  const uint32_t row = OF_COVERED + 8 * (class < 2 ? class : 2);
  const uint32_t own = context(12, expected_of(of));
  const uint32_t after = context(14, expected_of(of) | (model->last & 255u) << 8);
  uint32_t spelled = 1;
  uint32_t k;
  for (k = 0; k < 8; k += 4) {
    const uint32_t among = spelled * SPREAD;
    contexts[0] = own + among;
    contexts[1] = context(13, bits_of(by_old, spelled, k, class));
    contexts[2] = after + among;
    spelled = spelled << 4 | evidence_four(&model->evidence, bits, row + k, known >> (4 - k) & 15u);
  }
  return spelled & 255u;
}

/* A byte that is not the expected one: one of those that are foretold, or its bits. */
static uint32_t unexpected(byte_model *model, bit_reader *bits, const covered_byte *of, uint32_t by_old,
                           uint32_t by_earlier, uint32_t known) {
  const uint32_t expected = expected_of(of);
  const uint32_t first = by_earlier & 255u;
  const uint32_t second = by_old & 255u;
  const uint32_t asked = (class_of(of) * 2 + of->odd) * 4;
  const int is_first = first != expected;
  if (is_first && is_told(model, bits, first, asked + (first == second ? 3 : 1), known)) return first;
  if (second != expected && second != first) {
    if (is_told(model, bits, second, asked + (is_first ? 2 : 0), known)) return second;
  }
  return spell(model, bits, of, by_old, known);
}

uint32_t model_covered(byte_model *model, bit_reader *bits, const covered_byte *of, int differs, uint32_t known) {
  const uint32_t expected = expected_of(of);
  const uint32_t by_old = foretold(of, *shift_by_old(model, of));
  const uint32_t by_earlier = foretold(of, *shift_by_earlier(model, of));
  const uint32_t told = says_of(by_earlier, expected) * 3 + says_of(by_old, expected);
  const int is = !differs && is_byte(model, bits, of, told, known == expected);
  uint32_t byte = expected;
  model->wrong = model->wrong << 1 | (is ? 0u : 1u);
  model->right = is ? model->right + 1 : 0;
  if (!is) byte = unexpected(model, bits, of, by_old, by_earlier, known);
  if (of->odd) learn_shift(model, of, byte << 8 | (model->last & 255u));
  model->last = model->last << 8 | byte;
  return byte;
}

/*
 * Whether a halfword, its lower byte above the upper one, begins an instruction of two, when it begins one: in RISC-V by its two lowest bits
 * (Unprivileged ISA 20240411, 1.5), in Thumb, which also stands for whatever is not known, by its five highest (Arm DDI 0403, A5.1).
 */
static inline uint32_t is_long(const byte_model *model, uint32_t halfword) {
  return model->architecture == VOLTSEAL_PATCH_RISCV ? (halfword >> 8 & 3u) == 3u : (halfword & 255u) >= 0xe8u;
}

/*
 * Which part of an instruction the next byte is, of four: of code with instructions of one or two halfwords, which byte of a halfword, and whether that
 * is an instruction's second; of code with instructions of four bytes, which of these. A guess, by what came before.
 */
static uint32_t part_of(byte_model *model, uint32_t at) {
  const uint32_t odd = at & 1u;
  const int follows = at == model->next_other;
  if (model->architecture == VOLTSEAL_PATCH_AARCH64 || model->architecture == VOLTSEAL_PATCH_ARM) return at & 3u;
  model->next_other = at + 1;
  if (odd == 0) {
    const uint32_t was_second = follows ? model->is_second : is_long(model, model->last >> 16);
    model->is_second = is_long(model, model->last) & !was_second;
  } else if (!follows) {
    model->is_second = 0;
  }
  return 2 * model->is_second + odd;
}

uint32_t model_other(byte_model *model, bit_reader *bits, uint32_t at, uint32_t known) {
  uint32_t *contexts = model->evidence.contexts;
  const uint32_t odd = at & 1u;
  const uint32_t one = model->last & 255u;
  const uint32_t two = model->last >> 8 & 255u;
  const uint32_t part = part_of(model, at);
  const uint32_t row = OF_OTHERS + 8 * part;
  uint32_t spelled = 1;
  uint32_t k;
  model->right = 0;
  for (k = 0; k < 8; k += 4) {
    const uint32_t among = spelled * SPREAD;
    contexts[0] = context(15, part) + among;
    contexts[1] = context(16, one * 4 + part) + among;
    contexts[2] = context(17, two * 2 + odd) + among;
    spelled = spelled << 4 | evidence_four(&model->evidence, bits, row + k, known >> (4 - k) & 15u);
  }
  model->last = model->last << 8 | (spelled & 255u);
  return spelled & 255u;
}
