/* Tallies (docs/delta-format.md): of so many zeros and so many ones that were seen in a context, as one byte. 0 is nothing; the more was seen, the higher. */
#ifndef VOLTSEAL_TALLIES_H
#define VOLTSEAL_TALLIES_H

#include <stdint.h>

#define TALLIES 239u

/* The tally behind a bit: at twice its number, and the bit. */
extern const uint8_t tally_next[2 * TALLIES];

/* What it says of the next bit: log-odds in 1/256. */
extern const int16_t tally_odds[TALLIES];

#endif
