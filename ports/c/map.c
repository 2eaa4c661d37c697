#include "covers.h"

/* While they are sorted, `moved` is where they begin in the new image. Offsets are below 2^31. */
static int comes_before(const stretch *a, const stretch *b) {
  if (a->start != b->start) return a->start < b->start;
  if (a->end != b->end) return a->end > b->end;
  return a->moved < b->moved;
}

static void sift(stretch *heap, uint32_t at, uint32_t count) {
  const stretch one = heap[at];
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && comes_before(&heap[child], &heap[child + 1])) child += 1;
    if (!comes_before(&one, &heap[child])) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = one;
}

/* A heap: in place, no deeper for any order that somebody may think of. */
static void sort(stretch *stretches, uint32_t count) {
  uint32_t k;
  for (k = count / 2; k-- > 0;) sift(stretches, k, count);
  for (k = count; k-- > 1;) {
    const stretch last = stretches[0];
    stretches[0] = stretches[k];
    stretches[k] = last;
    sift(stretches, 0, k);
  }
}

void map_begin(address_map *map, stretch *room, const cover *covers, uint32_t count) {
  uint32_t reached = 0;
  uint32_t at = 0;
  uint32_t k;
  map->stretches = room;
  map->count = 0;
  map->last = 0;
  for (k = 0; k < count; k += 1) {
    room[k].start = covers[k].old;
    room[k].end = covers[k].old + cover_length(&covers[k]);
    room[k].moved = (int32_t)covers[k].now;
  }
  sort(room, count);
  for (k = 0; k < count; k += 1) {
    const stretch one = room[k];
    /* Where two covers come from the same bytes, those belong to the one that begins before. */
    const uint32_t start = one.start > reached ? one.start : reached;
    stretch *next = &room[map->count];
    if (one.end <= start) continue;
    next->start = start;
    next->end = one.end;
    next->moved = one.moved - (int32_t)one.start;
    map->count += 1;
    reached = one.end;
  }
  map->shift = 0;
  while (reached >> map->shift >= PARTS) map->shift += 1;
  for (k = 0; k <= PARTS; k += 1) {
    while (at < map->count && (k == PARTS || room[at].start >> map->shift < k)) at += 1;
    map->parts[k] = at;
  }
}

/* The stretch that an offset is in, or that is nearest to it; of two that are as near, the one before. There is one. */
static const stretch *nearest(const address_map *map, uint32_t offset) {
  const uint32_t part = offset >> map->shift < PARTS ? offset >> map->shift : PARTS - 1;
  const uint32_t first = map->parts[part] > 0 ? map->parts[part] - 1 : 0;
  const stretch *one = map->stretches + first;
  uint32_t left = map->parts[part + 1] - first;
  /* The last one that begins before, or the first, in steps that no processor has to guess. */
  while (left > 1) {
    const uint32_t half = left >> 1;
    one += one[half].start <= offset ? half : 0;
    left -= half;
  }
  if (offset < one->end || one == map->stretches + map->count - 1) return one;
  return one[1].start - offset < offset - one->end ? one + 1 : one;
}

static const stretch *found(address_map *map, uint32_t offset) {
  const stretch *last = &map->stretches[map->last];
  if (offset >= last->start && offset < last->end) return last;
  last = nearest(map, offset);
  map->last = (uint32_t)(last - map->stretches);
  return last;
}

int64_t map_to(address_map *map, uint32_t offset) {
  return map->count == 0 ? offset : (int64_t)offset + found(map, offset)->moved;
}

int map_moves(address_map *map, uint32_t from, uint32_t until, int32_t by) {
  const stretch *in;
  if (map->count == 0) return 0;
  in = found(map, from);
  return in->moved == by && in->start <= from && from <= until && until <= in->end;
}
