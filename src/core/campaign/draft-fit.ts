import type { ReleaseFacts } from '../firmware/release-facts.ts'
import { type FleetController, refKey } from '../fleet/inventory.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'

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

/** Which of the releases that are asked for a controller is to get, by the kind of board that it is. */
export type Goals = (controller: FleetController) => PublishedRelease | Refusal

/** Worked out once for each kind of board. Refuses `plan-release-ambiguous`, `plan-class-mismatch`. */
export function goalsOf(releases: readonly PublishedRelease[]): Goals {
  const offered = releases.map(({ facts }) => `${facts.vendor} ${facts.class}`).join(', ')
  const kinds = new Map<string, PublishedRelease | ((key: string) => Refusal)>()
  return controller => {
    const { vendor, class: of, hardware } = controller
    const kind = `${vendor} ${of} ${hardware}`
    const known = kinds.get(kind) ?? goalOf(vendor, of, hardware)
    kinds.set(kind, known)
    return typeof known === 'function' ? known(keyOf(controller)) : known
  }

  function goalOf(vendor: string, of: string, hardware: string): PublishedRelease | ((key: string) => Refusal) {
    const ofClass = releases.filter(({ facts }) => facts.class === of && facts.vendor === vendor)
    const fitting = ofClass.filter(({ facts }) => facts.hardware.includes(hardware))
    if (fitting.length > 1) {
      const actual = fitting.map(({ path }) => path).join(' and ')
      return key => refuse('plan-release-ambiguous', key, `one release for ${of}`, actual)
    }
    const found = fitting[0] ?? ofClass[0]
    return found ?? (key => refuse('plan-class-mismatch', key, `a release for ${vendor} ${of}`, offered))
  }
}

export const keyOf = (controller: FleetController): string =>
  refKey({ site: controller.site, controller: controller.id })
