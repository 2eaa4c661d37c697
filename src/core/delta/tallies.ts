import { logOddsOf } from './odds.ts'

/** The most that one side of a tally counts to, and both sides multiplied with each other. */
const MOST = 40

/** So many zeros and so many ones that were seen in a context: a byte, by its number. */
type Tally = readonly [zeros: number, ones: number]

const holds = ([zeros, ones]: Tally): boolean => Math.max(zeros, ones, zeros * ones) <= MOST

/** All of them, by how much was seen, and then by how many zeros: 0 is nothing, and a higher number has seen as much or more. */
const TALLIES: readonly Tally[] = Array.from({ length: 2 * MOST + 1 }, (_, seen) =>
  Array.from({ length: seen + 1 }, (__, zeros): Tally => [zeros, seen - zeros]),
)
  .flat()
  .filter(holds)

/**
 * What becomes of the side that a bit is of, and of the other one: one more, as far as it goes, and half, since what came lately says more (the
 * nonstationary counters of M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", Florida Tech TR CS-2005-16).
 */
function seen(same: number, other: number): Tally {
  const left = (other + 1) >> 1
  return [Math.min(same + 1, MOST, left === 0 ? MOST : Math.floor(MOST / left)), left]
}

const numberOf = ([zeros, ones]: Tally): number => TALLIES.findIndex(tally => tally[0] === zeros && tally[1] === ones)

/** The tally behind a bit: at twice its number, and the bit. */
export const NEXT = Uint8Array.from(
  TALLIES.flatMap(([zeros, ones]) => {
    const [more, less] = seen(ones, zeros)
    return [numberOf(seen(zeros, ones)), numberOf([less, more])]
  }),
)

/** What a tally says of the next bit, as log-odds in 1/256: as if two tenths of either had been seen before. */
export const ODDS = Int16Array.from(TALLIES, ([zeros, ones]) =>
  logOddsOf(Math.floor((4096 * (10 * ones + 2)) / (10 * (zeros + ones) + 4))),
)
