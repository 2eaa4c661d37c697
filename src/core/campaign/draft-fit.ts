import { dependenciesMet } from '../firmware/acceptance.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import type { Version } from '../firmware/version.ts'
import { type FleetController, type Inventory, refKey } from '../fleet/inventory.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { keyPath } from './key-path.ts'

/**
 * A release as the image repository has it: its envelope's target path, SHA-256 (hex) and length, its own facts, and the ids
 * of the keys whose signatures on it hold.
 */
export type PublishedRelease = {
  readonly path: string
  readonly sha256: string
  readonly length: number
  readonly facts: ReleaseFacts
  readonly signers: readonly string[]
}

/** The versions that run at a site, by class: what the controllers of it attested. */
type Neighbours = ReadonlyMap<string, readonly Version[]>

/** What decides about the controllers of a fleet, beside themselves. */
export type Around = {
  readonly inventory: Inventory
  readonly releases: readonly PublishedRelease[]
  /** Transition releases, newest first. */
  readonly stones: readonly PublishedRelease[]
  readonly stepping: boolean
}

/**
 * Which release each controller of a fleet gets, or why it gets none. What depends on the kind of board alone, and on what it
 * runs, is worked out once for all that are alike: a fleet of a million has few kinds.
 */
export function fitter({ inventory, releases, stones, stepping }: Around) {
  const bySite = neighboursBySite(inventory)
  const offered = releases.map(({ facts }) => `${facts.vendor} ${facts.class}`).join(', ')
  const kinds = new Map<string, PublishedRelease | Refusal>()
  const ways = new Map<string, readonly PublishedRelease[]>()

  /** The one release for a kind of board. */
  const ofKind = (controller: FleetController): PublishedRelease | Refusal => {
    const { vendor, class: of, hardware } = controller
    const kind = `${vendor} ${of} ${hardware}`
    const known = kinds.get(kind)
    if (known !== undefined) return known
    const ofClass = releases.filter(({ facts }) => facts.class === of && facts.vendor === vendor)
    const fitting = ofClass.filter(({ facts }) => facts.hardware.includes(hardware))
    const found = fitting[0] ?? ofClass[0]
    const one =
      fitting.length > 1
        ? refuse('plan-release-ambiguous', '', `one release for ${of}`, fitting.map(({ path }) => path).join(' and '))
        : (found ?? refuse('plan-class-mismatch', '', `a release for ${vendor} ${of}`, offered))
    kinds.set(kind, one)
    return one
  }

  const wayTo = (
    controller: FleetController & { readonly attested: NonNullable<FleetController['attested']> },
    goal: PublishedRelease,
  ): readonly PublishedRelease[] | Refusal => {
    const { vendor, class: of, hardware, slot, bootloader, attested } = controller
    const { version, sequence } = attested.running
    const board = [vendor, of, hardware, slot, bootloader].join(' ')
    const alike = [goal.path, board, version, sequence, attested.counter, ...attested.anchors].join(' ')
    const known = ways.get(alike)
    if (known !== undefined) return known
    const way = keyPath(controller, goal, stones)
    if (!isRefusal(way)) ways.set(alike, way)
    return way
  }

  return (controller: FleetController): PublishedRelease | Refusal => {
    const key = keyOf(controller)
    const release = ofKind(controller)
    if (isRefusal(release)) return { ...release, subject: key }
    const { attested } = controller
    if (attested === null) return refuse('plan-controller-not-attested', key, 'a signed report', 'none')
    const way = wayTo({ ...controller, attested }, release)
    if (isRefusal(way))
      return way.code === 'plan-key-path-missing' ? way : { ...way, subject: `${key}, ${way.subject}` }
    const first = way[0] as PublishedRelease
    if (first !== release && !stepping) {
      const names = way.slice(0, -1).map(({ path }) => path)
      return refuse(
        'plan-keys-not-accepted',
        `${key}, ${release.path}`,
        `${names.join(', then ')} before it`,
        'not yet',
      )
    }
    const unmet = dependenciesMet(first.facts, bySite.get(controller.site) ?? new Map())
    if (unmet !== null) return { ...unmet, subject: `${key}, ${unmet.subject}` }
    if (first.facts.encryption !== null && !controller.decrypts) {
      return refuse('controller-without-decryption-key', key, 'a decryption key', 'none')
    }
    return first
  }
}

/** What the controllers of each site attested that they run, each version once: what dependencies are held against. */
function neighboursBySite(inventory: Inventory): ReadonlyMap<string, Neighbours> {
  const sites = new Map<string, Map<string, Version[]>>()
  for (const { site, class: name, attested } of inventory.values()) {
    if (attested === null) continue
    const classes = sites.get(site) ?? new Map<string, Version[]>()
    sites.set(site, classes)
    const versions = classes.get(name) ?? []
    classes.set(name, versions)
    if (!versions.includes(attested.running.version)) versions.push(attested.running.version)
  }
  return sites
}

export const keyOf = (controller: FleetController): string =>
  refKey({ site: controller.site, controller: controller.id })
