/* Covers: stretches of the new image that are like stretches of the old one, and the map of addresses that follows from them. */
#ifndef VOLTSEAL_COVERS_H
#define VOLTSEAL_COVERS_H

#include "bits.h"

typedef struct {
  uint32_t old, now;
  /* The highest bit says whether the cover is plain: its bytes are expected as they were. */
  uint32_t length_and_plain;
} cover;

#define PLAIN 0x80000000u

static inline uint32_t cover_length(const cover *one) { return one->length_and_plain & ~PLAIN; }

/* Slots by which numbers are read: three numbers of 256. */
#define COVER_SLOTS 768u

/* What is learned while covers are read. It takes the memory that the model has when they are. */
typedef struct {
  uint16_t likely[COVER_SLOTS];
  uint8_t seen[COVER_SLOTS];
} cover_slots;

/* The next cover is told from here. */
typedef struct {
  uint32_t old, now;
} cover_end;

typedef struct {
  uint32_t old, now;
} image_lengths;

void covers_begin(cover_slots *slots);

/* Reads the next cover. 0 when it is not within both images. */
int covers_read(cover_slots *slots, bit_reader *bits, cover_end *end, image_lengths within, cover *into);

/* A stretch of the old image, and by how much it moved. Stretches do not overlap, and are in order. */
typedef struct {
  uint32_t start, end;
  int32_t moved;
} stretch;

/* Parts of the old image that the stretches are looked for in: half as many as the header counts, for what else is kept has to fit there too. */
#define PART_BITS 7u
#define PARTS (1u << PART_BITS)

typedef struct {
  stretch *stretches;
  uint32_t count;
  /* How many stretches start before each part: those of a part are few. */
  uint32_t parts[PARTS + 1];
  uint32_t shift;
  /* The one that was found last: what is asked for next is mostly in it. */
  uint32_t last;
} address_map;

/* Makes the map in `room`, which holds as many stretches as there are covers. */
void map_begin(address_map *map, stretch *room, const cover *covers, uint32_t count);

/* Where what stood at an offset of the old image stands in the new one: as far from the beginning of its cover, or of the nearest one. */
int64_t map_to(address_map *map, uint32_t offset);

/* Whether all from one offset until another is in one stretch, which moved by so much. An offset before the image, as a number of 32 bits, is in none. */
int map_moves(address_map *map, uint32_t from, uint32_t until, int32_t by);

#endif
