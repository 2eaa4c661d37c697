/* Probabilities of log-odds (docs/delta-format.md). */
#ifndef VOLTSEAL_ODDS_H
#define VOLTSEAL_ODDS_H

#include <stdint.h>

/* Probabilities in 1/4096, of log-odds in 1/16 from -128 on: from 1 to 4095. */
extern const int16_t odds_probabilities[256];

/* The probability in 1/4096 of log-odds in 1/16. */
static inline int32_t probability_of(int32_t odds) {
  const int32_t within = odds < -128 ? -128 : odds;
  return odds_probabilities[(within > 127 ? 127 : within) + 128];
}

#endif
