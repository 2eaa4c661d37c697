import { isWithin } from '../firmware/acceptance.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import { compareVersions } from '../firmware/version.ts'
import type { FleetController } from '../fleet/inventory.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { type AttestedController, type Place, placesOf, type SignedRelease } from './path-places.ts'
import type { Running } from './path-rules.ts'

/**
 * What is published, as paths look at it: all releases that may be stones, and all that may be running. What is worked out
 * once is kept, for all sites that are planned from it: a fleet of a million has few kinds of controllers.
 */
export type Shelf<Release> = {
  /** What a controller runs, with what it states when it is published. The same again is the same object. */
  readonly runningOf: (controller: FleetController) => Running
  /** What a controller runs behind a step. */
  readonly runsOf: (release: Release) => Running
  /** All ways of a controller to a release, alone (`placesOf`). */
  readonly waysOf: (controller: AttestedController, goal: Release) => readonly Place<Release>[] | Refusal
  /** Classes with a release that states something of its own class. */
  readonly ownRules: ReadonlySet<string>
}

/** All that a controller's ways depend on, and whether it runs what is published. */
export function kindOf(controller: AttestedController, goal: SignedRelease): string {
  const { vendor, class: name, hardware, slot, bootloader, decrypts, attested } = controller
  const { running, counter, anchors } = attested
  const { version, sequence, digest } = running
  const board = [vendor, name, hardware, slot, bootloader, decrypts]
  const keys = anchors.length > 1 ? anchors.toSorted().join('+') : anchors[0]
  return `${board.join(' ')} ${version} ${sequence} ${digest} ${counter} ${keys} ${goal.path}`
}

export function shelfOf<Release extends SignedRelease>(published: readonly Release[]): Shelf<Release> {
  const byNumber = new Map<string, Release>()
  const ofClass = new Map<string, Release[]>()
  for (const release of published) {
    const { vendor, class: name, version, sequence } = release.facts
    byNumber.set(`${vendor} ${name} ${version} ${sequence}`, release)
    const kind = `${vendor} ${name}`
    ofClass.set(kind, [...(ofClass.get(kind) ?? []), release])
  }
  const runsOf = kept(
    (release: Release) => release,
    ({ facts }): Running => ({ class: facts.class, version: facts.version, facts }),
  )
  const foreign = kept(
    (running: Running) => `${running.class} ${running.version}`,
    running => running,
  )
  const stonesFor = kept((goal: Release) => goal, stones)
  const ways = new Map<string, readonly Place<Release>[]>()
  return {
    runningOf({ vendor, class: name, attested }) {
      if (attested === null) return foreign({ class: name, version: null, facts: null })
      const { version, sequence, digest } = attested.running
      const release = byNumber.get(`${vendor} ${name} ${version} ${sequence}`)
      if (release !== undefined && isImage(release.facts, digest)) return runsOf(release)
      return foreign({ class: name, version, facts: null })
    },
    runsOf,
    waysOf(controller, goal) {
      const kind = kindOf(controller, goal)
      const known = ways.get(kind)
      if (known !== undefined) return known
      const places = placesOf(controller, goal, stonesFor(goal))
      // A refusal names the controller: it is not kept.
      if (!isRefusal(places)) ways.set(kind, places)
      return places
    },
    ownRules: new Set(
      published.flatMap(({ facts: { class: name, dependencies } }) => {
        return dependencies.some(dependency => dependency.class === name) ? [name] : []
      }),
    ),
  }

  /**
   * The stones for a goal: older releases of its class. Of releases in a row that change no keys, state the same and are
   * accepted by the same others, only the newest is looked at: it stands for each of them, as what leads to and past them
   * leads to and past it.
   */
  function stones(goal: Release): readonly Release[] {
    const { vendor, class: name, version, sequence } = goal.facts
    const older = (ofClass.get(`${vendor} ${name}`) ?? [])
      .filter(({ facts }) => compareVersions(facts.version, version) < 0 && facts.sequence < sequence)
      .toSorted((a, b) => compareVersions(a.facts.version, b.facts.version) || a.facts.sequence - b.facts.sequence)
    const bounds = published.flatMap(({ facts }) => facts.dependencies.filter(needs => needs.class === name))
    const likeness = older.map(({ facts, signers }) => {
      const { hardware, imageSize, bootloader, counter, encryption, dependencies } = facts
      const accepted = bounds.map(needs => (isWithin(facts.version, needs) ? 1 : 0)).join('')
      return JSON.stringify([
        hardware,
        imageSize,
        bootloader,
        counter,
        encryption !== null,
        signers,
        dependencies,
        accepted,
      ])
    })
    return older.filter(({ facts }, at) => {
      const after = older[at + 1]?.facts
      if (after === undefined || facts.transition !== null || after.transition !== null) return true
      return after.sequence <= facts.sequence || likeness[at] !== likeness[at + 1]
    })
  }
}

/** Whether a reported digest, which may be its first half, is that of a release's images. None says nothing. */
export const isImage = ({ imageDigest }: Pick<ReleaseFacts, 'imageDigest'>, digest: string): boolean =>
  digest.length >= 32 && imageDigest.startsWith(digest)

/** Works each thing out once. */
function kept<Key, Thing, Made>(keyOf: (thing: Thing) => Key, make: (thing: Thing) => Made): (thing: Thing) => Made {
  const known = new Map<Key, Made>()
  return thing => {
    const key = keyOf(thing)
    const before = known.get(key)
    if (before !== undefined) return before
    const made = make(thing)
    known.set(key, made)
    return made
  }
}
