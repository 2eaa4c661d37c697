import { acceptFor, type Device } from '../firmware/acceptance.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import { compareVersions } from '../firmware/version.ts'
import { type FleetController, refKey } from '../fleet/inventory.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { keysAfter } from '../slot/key-change.ts'

/** A published release, as far as keys go: its facts, and the ids of the keys whose signatures on it hold. */
export type SignedRelease = {
  readonly path: string
  readonly facts: ReleaseFacts
  readonly signers: readonly string[]
}

/** Where a controller stands on its way: the keys that it accepts, in order of their ids, and what it runs. */
type Place<Release> = {
  readonly keys: readonly string[]
  readonly device: Device
  readonly passed: readonly Release[]
}

/**
 * The releases that a controller must pass to come to `goal`, in order and with `goal` as the last: the fewest that lead
 * there, each signed by a key that it accepts by then. A controller that accepts none of the goal's signers gets there over
 * transition releases: one that its own key signed adds the next key, one of the next key retires its own, and so on, for
 * as many rotations as it slept through. Each of the `stones`, the published transition releases, must fit the controller as
 * any release must (`acceptFor`); of two ways of the same length, the one over the newer releases.
 *
 * Refuses what `acceptFor` refuses of the goal itself, and `plan-key-path-missing`, which names the keys that the
 * controller comes to and those that the goal asks for. `controller` has attested what it runs.
 */
export function keyPath<Release extends SignedRelease>(
  controller: FleetController & { readonly attested: NonNullable<FleetController['attested']> },
  goal: Release,
  stones: readonly Release[],
): readonly Release[] | Refusal {
  const { attested, vendor, class: className, hardware, slot: slotBytes, bootloader } = controller
  const { running: installed, counter } = attested
  const device: Device = { vendor, class: className, hardware, slotBytes, bootloader, counter, installed }
  const unfit = acceptFor(device, goal.facts)
  if (unfit !== null) return unfit
  const start: Place<Release> = { keys: attested.anchors.toSorted(), device, passed: [] }
  const seen = new Set([placeName(start)])
  // Breadth first: the first way that is found to the goal is one of the shortest.
  let places = [start]
  while (places.length > 0) {
    for (const place of places) {
      const there = pass(place, goal)
      if (there !== null) return there.passed
    }
    const next: Place<Release>[] = []
    for (const place of places) {
      for (const stone of stones) {
        const behind = pass(place, stone)
        if (behind === null || behind.keys.join() === place.keys.join() || seen.has(placeName(behind))) continue
        seen.add(placeName(behind))
        next.push(behind)
      }
    }
    places = next
  }
  return missing(controller, goal, attested.anchors, seen)
}

/** Releases in the order in which ways are looked for over them. */
export const newestFirst = <Release extends SignedRelease>(releases: readonly Release[]): readonly Release[] =>
  releases.toSorted((a, b) => compareVersions(b.facts.version, a.facts.version) || b.facts.sequence - a.facts.sequence)

/** A place behind a release; null when a controller there would not take it. */
function pass<Release extends SignedRelease>(place: Place<Release>, release: Release): Place<Release> | null {
  const { facts, signers } = release
  if (acceptFor(place.device, facts) !== null) return null
  const floors = { counter: facts.counter, floor: place.device.counter }
  const keys = keysAfter({ transition: facts.transition, signers }, place.keys, floors)
  if (keys === null) return null
  const installed = { version: facts.version, sequence: facts.sequence }
  const device = { ...place.device, counter: Math.max(place.device.counter, facts.counter), installed }
  return { keys: keys.toSorted(), device, passed: [...place.passed, release] }
}

/** Two places are the same when the same releases can follow: their keys, what runs, and the floor. */
const placeName = ({ keys, device: { counter, installed } }: Place<SignedRelease>): string =>
  [keys.join('+'), installed?.version, installed?.sequence, counter].join(' ')

const short = (kids: Iterable<string>): string => [...kids].map(kid => kid.slice(0, 16)).join(', ') || 'none'

function missing(
  controller: FleetController,
  goal: SignedRelease,
  accepted: readonly string[],
  seen: ReadonlySet<string>,
): Refusal {
  const reached = new Set([...seen].flatMap(name => (name.split(' ')[0] as string).split('+')))
  const subject = `${refKey({ site: controller.site, controller: controller.id })}, ${goal.path}`
  const expected = `a published release by one of the keys ${short(reached)} that leads on to ${short(goal.signers)}`
  return refuse('plan-key-path-missing', subject, expected, `none; the controller accepts ${short(accepted)}`)
}
