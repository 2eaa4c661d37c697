import { refKey } from '../fleet/inventory.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import type { Turn } from './draft-site.ts'
import type { Take, Unit, WaveRequest } from './plan-request.ts'

/** A wave with those that it takes, in order of site and id. `brought`: how many came because others need them first. */
export type DrawnWave = Omit<WaveRequest, 'take'> & { readonly turns: readonly Turn[]; readonly brought: number }

/**
 * Divides the turns into waves; `turns` in order of site and id. A controller whose steps others must precede brings those
 * others into its wave, when no earlier wave has them: else it would wait there for a wave that waits for it. `joining`: the
 * wave of those who come later, which may begin with nobody.
 *
 * Refuses `plan-wave-empty`, `plan-waves-overlap`, `plan-controllers-left`, `plan-controller-not-selected`.
 */
export function drawWaves(
  id: string,
  requests: readonly WaveRequest[],
  turns: readonly Turn[],
  joining: string | null = null,
): readonly DrawnWave[] | Refusal {
  let left = turns
  const names = new Set<string>()
  const waves: DrawnWave[] = []
  const needs = neededFirst(turns)
  for (const [index, { take, ...wave }] of requests.entries()) {
    const at = `waves[${index}]`
    if (names.has(wave.name)) {
      return refuse('plan-malformed', `plan ${id}`, 'each wave name once', `"${wave.name}" again at ${at}.name`)
    }
    names.add(wave.name)
    const taken = share(take, left, turns, `${at}.take`)
    if (isRefusal(taken)) return taken
    // A rest of nobody is no mistake: the waves before it were enough.
    if (taken.length === 0 && take.by === 'rest' && wave.name !== joining) continue
    if (taken.length === 0 && wave.name !== joining) {
      return refuse('plan-wave-empty', `wave ${wave.name}`, 'at least one controller', `none at ${at}`)
    }
    const gone = needs.size === 0 ? new Set(taken) : withNeeded(taken, left, needs)
    waves.push({ ...wave, turns: left.filter(turn => gone.has(turn)), brought: gone.size - taken.length })
    left = left.filter(turn => !gone.has(turn))
  }
  if (left.length === 0) return waves
  const some = left.slice(0, 3).map(refKey)
  const actual = `${left.length} left: ${some.join(', ')}${left.length > some.length ? ', …' : ''} at waves`
  return refuse('plan-controllers-left', `plan ${id}`, 'a wave for every selected controller', actual)
}

function share(take: Take, left: readonly Turn[], all: readonly Turn[], at: string): readonly Turn[] | Refusal {
  switch (take.by) {
    case 'rest':
      return left
    case 'count':
      return left.slice(0, Math.max(0, take.count))
    case 'percent':
      return left.slice(0, Math.ceil((all.length * Math.max(0, take.percent)) / 100))
    case 'class':
      return ofEachClass(left, take.count)
    case 'labels': {
      const labels = new Set(take.labels)
      return left.filter(turn => turn.labels.some(label => labels.has(label)))
    }
    case 'sites': {
      const sites = new Set(take.sites)
      return left.filter(turn => sites.has(turn.site))
    }
    case 'unit':
      return take.unit === 'site' ? nextSites(left, take.count) : nextUnits(left, take.unit, take.count)
    case 'controllers':
      return named(take.controllers, left, all, at)
  }
}

function ofEachClass(left: readonly Turn[], most: number): readonly Turn[] {
  const counts = new Map<string, number>()
  return left.filter(turn => {
    const count = (counts.get(turn.class) ?? 0) + 1
    counts.set(turn.class, count)
    return count <= most
  })
}

function nextSites(left: readonly Turn[], count: number): readonly Turn[] {
  const sites = new Set([...new Set(left.map(({ site }) => site))].slice(0, Math.max(0, count)))
  return left.filter(({ site }) => sites.has(site))
}

/** At each site the first so many units that somebody is left in, in order of their names. */
function nextUnits(left: readonly Turn[], unit: Exclude<Unit, 'site'>, count: number): readonly Turn[] {
  const bySite = new Map<string, Set<string>>()
  for (const turn of left) {
    const of = turn[unit]
    if (of === null) continue
    const units = bySite.get(turn.site) ?? new Set()
    bySite.set(turn.site, units.add(of))
  }
  for (const [site, units] of bySite) bySite.set(site, new Set([...units].sort().slice(0, Math.max(0, count))))
  return left.filter(turn => turn[unit] !== null && bySite.get(turn.site)?.has(turn[unit] as string) === true)
}

function named(
  keys: readonly string[],
  left: readonly Turn[],
  all: readonly Turn[],
  at: string,
): readonly Turn[] | Refusal {
  const wanted = new Set(keys)
  const taken = left.filter(turn => wanted.has(refKey(turn)))
  if (taken.length === wanted.size) return taken
  const found = new Set(taken.map(refKey))
  const index = keys.findIndex(key => !found.has(key))
  const missing = keys[index] as string
  const place = `${at}.controllers[${index}]`
  if (all.some(turn => refKey(turn) === missing)) {
    const expected = 'a controller that no earlier wave takes'
    return refuse('plan-waves-overlap', missing, expected, `one that has its wave at ${place}`)
  }
  const expected = 'a selected controller that can be planned'
  return refuse('plan-controller-not-selected', missing, expected, `one that is not at ${place}`)
}

// --- Who must come first ---

/** The turns of each site that has an order to keep; sites where everybody may go at once are not in it. */
function neededFirst(turns: readonly Turn[]): ReadonlyMap<string, readonly Turn[]> {
  const ordered = new Set(turns.filter(({ steps }) => last(steps).order > 0).map(({ site }) => site))
  const bySite = new Map<string, Turn[]>()
  for (const turn of turns) {
    if (!ordered.has(turn.site)) continue
    const at = bySite.get(turn.site) ?? []
    at.push(turn)
    bySite.set(turn.site, at)
  }
  return bySite
}

/** Those that are taken, and all that have a step before the last one of somebody who is. */
function withNeeded(
  taken: readonly Turn[],
  left: readonly Turn[],
  needs: ReadonlyMap<string, readonly Turn[]>,
): ReadonlySet<Turn> {
  const free = new Set(left)
  const all = new Set(taken)
  // The set grows while it is read: whoever is brought brings others.
  for (const turn of all) {
    if (last(turn.steps).order === 0) continue
    for (const other of needs.get(turn.site) ?? []) {
      if (free.has(other) && talk(turn, other) && first(other.steps).order < last(turn.steps).order) all.add(other)
    }
  }
  return all
}

const talk = (a: Turn, b: Turn): boolean => a.circle === null || b.circle === null || a.circle === b.circle
const first = (steps: Turn['steps']) => steps[0] as Turn['steps'][number]
const last = (steps: Turn['steps']) => steps.at(-1) as Turn['steps'][number]
