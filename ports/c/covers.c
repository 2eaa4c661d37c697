#include "covers.h"

#include <string.h>

/* Slots of a number: how many bits it has, the two behind its first one for each such count, its last two, its sign. */
#define OF_NUMBER 256u
#define LEADING 64u
#define LAST 192u
#define SIGN 255u
#define MOST_BITS 31u
#define MOST_SEEN 60u

void covers_begin(cover_slots *slots) {
  unsigned k;
  memset(slots->seen, 0, sizeof slots->seen);
  for (k = 0; k < COVER_SLOTS; k += 1) slots->likely[k] = 0x8000;
}

static uint32_t learned_bit(cover_slots *slots, bit_reader *bits, uint32_t slot) {
  const int32_t likely = slots->likely[slot];
  const uint32_t seen = slots->seen[slot];
  const int32_t step = (int32_t)(65536u / (2u * seen + 3u));
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
