import { logOddsOf } from './odds.ts'

/** The most that one side of a tally counts to, and both sides multiplied with each other. */
const MOST = 40

/** So many zeros and so many ones that were seen in a context: a byte, by its number. */
type Tally = readonly [zeros: number, ones: number]

/** The most that a side counts to beside so many of the other. */
const mostBeside = (other: number): number => (other === 0 ? MOST : Math.floor(MOST / other))

/** All of them, by how much was seen, and then by how many zeros: 0 is nothing, and a higher number has seen as much or more. */
const TALLIES: readonly Tally[] = Array.from({ length: MOST + 1 }, (_, zeros) =>
  Array.from({ length: mostBeside(zeros) + 1 }, (__, ones): Tally => [zeros, ones]),
)
  .flat()
  .toSorted((a, b) => a[0] + a[1] - (b[0] + b[1]) || a[0] - b[0])

/**
 * What becomes of the side that a bit is of, and of the other one: one more, as far as it goes, and half, since what came lately says more (the
 * nonstationary counters of M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", Florida Tech TR CS-2005-16).
 */
function seen(same: number, other: number): Tally {
  const left = (other + 1) >> 1
  return [Math.min(same + 1, mostBeside(left)), left]
}

const keyOf = ([zeros, ones]: Tally): number => zeros * (MOST + 1) + ones
const NUMBERS = new Map(TALLIES.map((tally, number) => [keyOf(tally), number]))
const numberOf = (tally: Tally): number => NUMBERS.get(keyOf(tally)) as number

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
