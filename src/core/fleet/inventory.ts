import type { Bytes, Instant } from '../encoding/units.ts'
import type { Version } from '../firmware/version.ts'
import { findController, type Site } from './topology.ts'

/** Names one controller of the fleet. */
export type ControllerRef = { readonly site: string; readonly controller: string }

/** The one spelling of a reference, `SITE/CONTROLLER`: the key of maps, and what people read and write. */
export function refKey(ref: ControllerRef): string {
  return `${ref.site}/${ref.controller}`
}

/** The reference in `SITE/CONTROLLER`, or null when the text is not exactly that. */
export function parseRefKey(text: string): ControllerRef | null {
  const [site, controller, more] = text.split('/')
  if (site === undefined || controller === undefined || more !== undefined) return null
  return site === '' || controller === '' ? null : { site, controller }
}

/**
 * What a controller said of itself in its last accepted signed report. `at` is the controller's own clock; `sequence`
 * is the report's. `counter` is the security counter in its secure element, `anchors` the ids of the keys whose releases it
 * accepts.
 */
export type Attested = {
  readonly sequence: number
  readonly at: Instant
  readonly state: 'stable' | 'trial' | 'golden'
  readonly running: { readonly version: Version; readonly sequence: number; readonly digest: string }
  readonly counter: number
  readonly anchors: readonly string[]
}

/** A registered controller: what its site claims of it, and what it attested; null before its first report. */
export type FleetController = {
  readonly site: string
  readonly id: string
  readonly region: string
  readonly vendor: string
  readonly class: string
  readonly hardware: string
  readonly slot: Bytes
  readonly bootloader: number
  readonly attested: Attested | null
  /** It has a key that content keys can be wrapped for. */
  readonly decrypts: boolean
}

/** A controller of a site as the fleet knows it; null when the site has none of that id. */
export function fleetController(
  site: Site,
  id: string,
  attested: Attested | null,
  decrypts = false,
): FleetController | null {
  const found = findController(site, id)
  if (found === null) return null
  const { vendor, slot, bootloader } = found.of
  const { class: className, hardware } = found
  const claimed = { site: site.site, id, region: site.region, vendor, class: className, hardware, slot, bootloader }
  return { ...claimed, attested, decrypts }
}
