/* Probabilities as log-odds, in 1/256 (docs/delta-format.md): straight lines between 33 numbers. */
#ifndef VOLTSEAL_ODDS_H
#define VOLTSEAL_ODDS_H

#include <stdint.h>

#define MOST_ODDS 2047

/* Probabilities in 1/4096 of the log-odds -2048, -1920, ... 2048. */
extern const int16_t odds_knots[33];

/* The log-odds of a probability in 1/4096: the smallest whose probability is not below it. */
#ifdef VOLTSEAL_PATCH_SMALL
int32_t log_odds_of(uint32_t probability);
#else
extern const int16_t odds_table[4096];
static inline int32_t log_odds_of(uint32_t probability) { return odds_table[probability]; }
#endif

/* The probability in 1/4096 of a sum of log-odds, from 1 to 4095. */
static inline int32_t probability_of(int32_t odds) {
  int32_t within = odds < -MOST_ODDS ? -MOST_ODDS : odds;
  const int16_t *knot;
  within = within > MOST_ODDS ? MOST_ODDS : within;
  within += MOST_ODDS + 1;
  knot = &odds_knots[within >> 7];
  within &= 127;
  return (knot[0] * (128 - within) + knot[1] * within + 64) >> 7;
}

#endif
