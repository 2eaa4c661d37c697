/* Probabilities of log-odds (docs/delta-format.md). */
#ifndef VOLTSEAL_ODDS_H
#define VOLTSEAL_ODDS_H

#include <stdint.h>

/* Probabilities in 1/4096, of log-odds in 1/16 from -128 on: from 1 to 4095. */
extern const uint16_t odds_probabilities[256];

/* The probability in 1/4096 of log-odds in 1/16. */
static inline uint32_t probability_of(int32_t odds) {
  const uint32_t step = (uint32_t)odds + 128u;
  if (step < 256u) return odds_probabilities[step];
  return odds_probabilities[odds < 0 ? 0 : 255];
}

#endif
