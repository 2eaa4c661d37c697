import { decideBoot } from '../../src/core/slot/boot-machine.ts'
import type { Configuration } from './device.ts'
import { type Exploration, explore, type Violation } from './explore.ts'
import type { Wrong } from './wrong-tables.ts'

/**
 * What became of something wrong: the law that it breaks; `alike`, when no device of any configuration behaves otherwise
 * (only an answer differs, or nobody ever asks); or `missed`.
 */
export type Verdict =
  | { readonly is: 'caught'; readonly by: Violation }
  | { readonly is: 'alike' }
  | { readonly is: 'missed' }

/** From the smallest to those in which lost records and two harms tell. */
export const LADDER: readonly Configuration[] = [
  { tries: 2, losses: 1, rots: 0, records: 1 },
  { tries: 2, losses: 1, rots: 1, records: 1 },
  { tries: 1, losses: 1, rots: 2, records: 2 },
]

const sound = new Map<Configuration, Exploration>()

/** Explores something wrong on one configuration after the other, until a law breaks. */
export function judge(wrong: Wrong, ladder: readonly Configuration[]): Verdict {
  let alike = true
  for (const configuration of ladder) {
    const { violation, states, transitions } = explore({ configuration, ...wrong })
    if (violation !== null) return { is: 'caught', by: violation }
    const right = sound.get(configuration) ?? explore({ configuration, decide: decideBoot })
    sound.set(configuration, right)
    alike &&= states === right.states && transitions === right.transitions
  }
  return { is: alike ? 'alike' : 'missed' }
}
