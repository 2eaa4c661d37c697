import type { Millis } from '../encoding/units.ts'
import type { FleetController } from '../fleet/inventory.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { keyOf, type PublishedRelease } from './draft-fit.ts'
import type { Gate } from './gate.ts'

/**
 * How many of the selected controllers that have no wave yet a wave takes, in order of site and id: so many of each
 * class, so many, so many percent of all that are selected (rounded up), the ones that are named, or the rest.
 */
export type Share =
  | { readonly by: 'class'; readonly count: number }
  | { readonly by: 'count'; readonly count: number }
  | { readonly by: 'percent'; readonly percent: number }
  | { readonly by: 'controllers'; readonly controllers: readonly string[] }
  | { readonly by: 'rest' }

export type WaveRequest = {
  readonly name: string
  readonly soakMillis: Millis
  readonly gate: Gate
  readonly take: Share
}

/** A controller with the release that it gets. */
export type Turn = { readonly controller: FleetController; readonly release: PublishedRelease }

/** A wave with those that it takes. */
export type DrawnWave = Omit<WaveRequest, 'take'> & { readonly turns: readonly Turn[] }

/**
 * Divides the turns into waves; `turns` in order of site and id. Refuses `plan-wave-empty`, `plan-controllers-left`,
 * `plan-controller-not-selected`.
 */
export function drawWaves(
  id: string,
  requests: readonly WaveRequest[],
  turns: readonly Turn[],
): readonly DrawnWave[] | Refusal {
  let left = turns
  const waves: DrawnWave[] = []
  for (const [index, { take, ...wave }] of requests.entries()) {
    const taken = share(take, left, turns)
    if (isRefusal(taken)) return taken
    // A rest of nobody is no mistake: the waves before it were enough.
    if (taken.length === 0 && take.by === 'rest') continue
    if (taken.length === 0) {
      return refuse('plan-wave-empty', `wave ${wave.name}`, 'at least one controller', `none at waves[${index}]`)
    }
    const gone = new Set(taken)
    left = left.filter(turn => !gone.has(turn))
    waves.push({ ...wave, turns: taken })
  }
  if (left.length === 0) return waves
  const some = left.slice(0, 3).map(({ controller }) => keyOf(controller))
  const actual = `${left.length} left: ${some.join(', ')}${left.length > some.length ? ', …' : ''}`
  return refuse('plan-controllers-left', `plan ${id}`, 'a wave for every selected controller', actual)
}

function share(take: Share, left: readonly Turn[], all: readonly Turn[]): readonly Turn[] | Refusal {
  if (take.by === 'rest') return left
  if (take.by === 'count') return left.slice(0, Math.max(0, take.count))
  if (take.by === 'percent') return left.slice(0, Math.ceil((all.length * Math.max(0, take.percent)) / 100))
  if (take.by === 'class') {
    const counts = new Map<string, number>()
    return left.filter(({ controller }) => {
      const count = (counts.get(controller.class) ?? 0) + 1
      counts.set(controller.class, count)
      return count <= take.count
    })
  }
  const keys = new Set(take.controllers)
  const taken = left.filter(({ controller }) => keys.has(keyOf(controller)))
  if (taken.length === keys.size) return taken
  const found = new Set(taken.map(({ controller }) => keyOf(controller)))
  const missing = [...keys].find(key => !found.has(key)) ?? ''
  const expected = 'a selected controller that has no wave yet'
  return refuse('plan-controller-not-selected', missing, expected, 'one that is not selected, or has its wave')
}
