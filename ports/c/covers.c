#include "covers.h"

#include <string.h>

/* Slots of a number: how many bits it has, the two behind its first one for each such count, its last two, its sign. */
#define OF_NUMBER 256u
#define LEADING 64u
#define LAST 192u
#define SIGN 255u
#define MOST_BITS 31u
#define MOST_SEEN 60u

/* How far a probability goes towards a bit, by how many it has seen before: 65536 / (2 seen + 3). */
static const uint16_t STEPS[MOST_SEEN + 1] = {
  21845, 13107, 9362, 7281, 5957, 5041, 4369, 3855, 3449, 3120, 2849, 2621, 2427, 2259, 2114, 1985,
  1872, 1771, 1680, 1598, 1524, 1456, 1394, 1337, 1285, 1236, 1191, 1149, 1110, 1074, 1040, 1008,
  978, 949, 923, 897, 873, 851, 829, 809, 789, 771, 753, 736, 720, 704, 689, 675,
  661, 648, 636, 624, 612, 601, 590, 579, 569, 560, 550, 541, 532
};

void covers_begin(cover_slots *slots) {
  unsigned k;
  memset(slots->seen, 0, sizeof slots->seen);
  for (k = 0; k < COVER_SLOTS; k += 1) slots->likely[k] = 0x8000;
}

static uint32_t learned_bit(cover_slots *slots, bit_reader *bits, uint32_t slot) {
  const int32_t likely = slots->likely[slot];
  const uint32_t seen = slots->seen[slot];
  const int32_t step = STEPS[seen];
  uint32_t within = (uint32_t)likely >> 4;
  uint32_t bit;
  if (within < 2) within = 2;
  if (within > 4094) within = 4094;
  bit = bits_read(bits, within);
  /* At most 65535 times a third of 65536. */
  slots->likely[slot] = (uint16_t)(likely + (((bit ? 65535 : 0) - likely) * step >> 15));
  if (seen < MOST_SEEN) slots->seen[slot] = (uint8_t)(seen + 1);
  return bit;
}

/* A number of at most 32 bits, less one. `odd`: where it begins, in the target. */
static uint32_t number(cover_slots *slots, bit_reader *bits, uint32_t of, uint32_t odd) {
  const uint32_t at = of * OF_NUMBER;
  uint32_t count = 0;
  uint32_t read = 1;
  uint32_t place;
  while (count < MOST_BITS && learned_bit(slots, bits, at + count)) count += 1;
  for (place = count; place-- > 0;) {
    const uint32_t behind = count - 1 - place;
    uint32_t slot;
    if (behind == 0) slot = LEADING + count * 4;
    else if (behind == 1) slot = LEADING + count * 4 + 1 + (read & 1);
    else if (place == 1) slot = LAST + odd;
    else if (place == 0) slot = LAST + 2 + odd * 2 + (read & 1);
    else {
      read = read << 1 | bits_read(bits, 0x800);
      continue;
    }
    read = read << 1 | learned_bit(slots, bits, at + slot);
  }
  return read - 1;
}

int covers_read(cover_slots *slots, bit_reader *bits, cover_end *end, image_lengths within, cover *into) {
  const uint32_t gap = number(slots, bits, 0, end->now & 1);
  const uint32_t less = number(slots, bits, 1, (end->now + gap) & 1);
  const uint32_t size = number(slots, bits, 2, 0);
  const uint32_t back = size > 0 && learned_bit(slots, bits, 2 * OF_NUMBER + SIGN);
  /* The first number has no sign: its place is for whether the cover is plain. */
  const uint32_t plain = learned_bit(slots, bits, SIGN);
  const int64_t length = (int64_t)less + 1;
  const int64_t now = (int64_t)end->now + gap;
  const int64_t old = (int64_t)end->old + gap + (back ? -(int64_t)size : (int64_t)size);
  if (old < 0 || old + length > within.old || now + length > within.now) return 0;
  into->old = (uint32_t)old;
  into->now = (uint32_t)now;
  into->length_and_plain = (uint32_t)length | (plain ? PLAIN : 0);
  end->old = (uint32_t)(old + length);
  end->now = (uint32_t)(now + length);
  return 1;
}
