import { logOddsOf } from './odds.ts'

/** A tally: of so many zeros and so many ones that were seen in a context, as one byte. The more it says of, the higher its number. */

/** The most that one side counts to, and both sides multiplied with each other. */
const MOST = 40

type Tally = readonly [zeros: number, ones: number]

const holds = ([zeros, ones]: Tally): boolean => Math.max(zeros, ones, zeros * ones) <= MOST

/** All of them: by how much was seen, and then by how many zeros. 0 is nothing. */
const TALLIES: readonly Tally[] = Array.from({ length: 2 * MOST + 1 }, (_, seen) =>
  Array.from({ length: seen + 1 }, (__, zeros): Tally => [zeros, seen - zeros]),
)
  .flat()
  .filter(holds)

/**
 * What becomes of the side that a bit is of, and of the other one: one more, as far as it goes, and half of it, since what was seen lately says more
 * (M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", Florida Tech TR CS-2005-16, 2.1).
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

/** What a tally says of the next bit, as log-odds in 1/256: three tenths of either are thought to have been seen before. */
export const ODDS = Int16Array.from(TALLIES, ([zeros, ones]) =>
  logOddsOf(Math.floor((4096 * (10 * ones + 3)) / (10 * (zeros + ones) + 6))),
)
