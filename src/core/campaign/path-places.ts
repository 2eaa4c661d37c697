import { acceptFor, type Device } from '../firmware/acceptance.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import { compareVersions } from '../firmware/version.ts'
import { type FleetController, refKey } from '../fleet/inventory.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { keysAfter } from '../slot/key-change.ts'

/** A published release, as far as ways go: its facts, and the ids of the keys whose signatures on it hold. */
export type SignedRelease = {
  readonly path: string
  readonly facts: ReleaseFacts
  readonly signers: readonly string[]
}

/** A controller that has attested what it runs. */
export type AttestedController = FleetController & { readonly attested: NonNullable<FleetController['attested']> }

/**
 * A place on a controller's ways to its goal: what it runs there (null at the start, where it runs what it attested), the
 * places that a single step leads to (by index, the newer release first), and the fewest steps that are left from there.
 */
export type Place<Release> = {
  readonly release: Release | null
  readonly next: readonly number[]
  readonly left: number
}

/** A place while ways are looked for: the keys that the controller accepts there, in order of their ids. */
type Reached<Release> = { readonly keys: readonly string[]; readonly device: Device; readonly release: Release | null }

/**
 * All ways of one controller to a release, alone, as if it talked to nobody: the start first, the goal last, and in between
 * the places that lead on, older releases first. Every step is one that the controller takes: it fits as any release must
 * (`acceptFor`), it can be decrypted, and a key that is accepted by then has signed it. Keys change on the way: a controller
 * that accepts none of the goal's signers gets there over transition releases. One that its own key signed adds the next key,
 * one of the next key retires its own, and so on, for as many rotations as it slept through. `stones` are the published
 * releases that may be passed on the way.
 *
 * Refuses what `acceptFor` refuses of the goal itself, `controller-without-decryption-key`, and `plan-key-path-missing`, which
 * names the keys that the controller comes to and those that the goal asks for.
 */
export function placesOf<Release extends SignedRelease>(
  controller: AttestedController,
  goal: Release,
  stones: readonly Release[],
): readonly Place<Release>[] | Refusal {
  const { attested, vendor, class: className, hardware, slot: slotBytes, bootloader, decrypts } = controller
  const { running: installed, counter } = attested
  const device: Device = { vendor, class: className, hardware, slotBytes, bootloader, counter, installed }
  const unfit = acceptFor(device, goal.facts)
  if (unfit !== null) return unfit
  if (goal.facts.encryption !== null && !decrypts) {
    return refuse('controller-without-decryption-key', keyOf(controller), 'a decryption key', 'none')
  }
  const passable = stones.filter(({ facts }) => decrypts || facts.encryption === null)
  const start: Reached<Release> = { keys: attested.anchors.toSorted(), device, release: null }
  const found = [start]
  const numbers = new Map([[nameOf(start), 0]])
  const steps: [from: number, to: number][] = []
  const ends: number[] = []
  // The list grows while it is read: every place is looked at once.
  for (let at = 0; at < found.length; at += 1) {
    const here = found[at]!
    if (pass(here, goal) !== null) ends.push(at)
    for (const stone of passable) {
      const behind = stone === goal ? null : pass(here, stone)
      if (behind === null) continue
      const number = numbers.get(nameOf(behind)) ?? found.length
      if (number === found.length) {
        numbers.set(nameOf(behind), number)
        found.push(behind)
      }
      steps.push([at, number])
    }
  }
  if (ends.length === 0) return missing(controller, goal, found)
  return leadingTo(goal, found, steps, ends)
}

/** The places from which the goal can be reached, older releases first, so that a step always leads to a later one. */
function leadingTo<Release extends SignedRelease>(
  goal: Release,
  found: readonly Reached<Release>[],
  steps: readonly (readonly [from: number, to: number])[],
  ends: readonly number[],
): readonly Place<Release>[] {
  const next = found.map((): number[] => [])
  for (const [from, to] of steps) next[from]!.push(to)
  const order = found.map((_, at) => at).toSorted((a, b) => older(found[a]!, found[b]!))
  const left = found.map(() => Number.POSITIVE_INFINITY)
  for (const at of ends) left[at] = 1
  for (const at of order.toReversed()) for (const to of next[at]!) left[at] = Math.min(left[at]!, 1 + left[to]!)
  const kept = order.filter(at => Number.isFinite(left[at]!))
  const renumbered = new Map(kept.map((at, index) => [at, index]))
  const places = kept.map((at): Place<Release> => {
    const on = next[at]!.map(to => renumbered.get(to)).filter(to => to !== undefined)
    const all = ends.includes(at) ? [...on, kept.length] : on
    return { release: found[at]!.release, next: all.toSorted((a, b) => b - a), left: left[at]! }
  })
  return [...places, { release: goal, next: [], left: 0 }]
}

/** The start first; then by version, which every step raises. */
function older(a: Reached<SignedRelease>, b: Reached<SignedRelease>): number {
  if (a.release === null || b.release === null) return a.release === null ? (b.release === null ? 0 : -1) : 1
  return (
    compareVersions(a.release.facts.version, b.release.facts.version) ||
    a.release.facts.sequence - b.release.facts.sequence ||
    (nameOf(a) < nameOf(b) ? -1 : 1)
  )
}

/** The releases of the shortest way, the goal as the last; of two of the same length, the one over the newer releases. */
export function shortestWay<Release>(places: readonly Place<Release>[]): readonly Release[] {
  const way: Release[] = []
  let here = places[0]!
  while (here.left > 0) {
    const on = here.next.map(to => places[to]!).find(place => place.left === here.left - 1)!
    way.push(on.release!)
    here = on
  }
  return way
}

/** The place behind a release; null when a controller there would not take it. */
function pass<Release extends SignedRelease>(place: Reached<Release>, release: Release): Reached<Release> | null {
  const { facts, signers } = release
  if (acceptFor(place.device, facts) !== null) return null
  const floors = { counter: facts.counter, floor: place.device.counter }
  const keys = keysAfter({ transition: facts.transition, signers }, place.keys, floors)
  if (keys === null) return null
  const installed = { version: facts.version, sequence: facts.sequence }
  const device = { ...place.device, counter: Math.max(place.device.counter, facts.counter), installed }
  return { keys: keys.toSorted(), device, release }
}

/** Two places are the same when the same releases can follow: their keys, what runs, and the floor. */
const nameOf = ({ keys, device: { counter, installed } }: Reached<SignedRelease>): string =>
  [keys.join('+'), installed?.version, installed?.sequence, counter].join(' ')

const keyOf = ({ site, id }: FleetController): string => refKey({ site, controller: id })
const short = (kids: Iterable<string>): string => [...kids].map(kid => kid.slice(0, 16)).join(', ') || 'none'

function missing(
  controller: AttestedController,
  goal: SignedRelease,
  found: readonly Reached<SignedRelease>[],
): Refusal {
  const reached = new Set(found.flatMap(({ keys }) => keys))
  const expected = `a published release by one of the keys ${short(reached)} that leads on to ${short(goal.signers)}`
  const actual = `none; the controller accepts ${short(controller.attested.anchors)}`
  return refuse('plan-key-path-missing', `${keyOf(controller)}, ${goal.path}`, expected, actual)
}
