import { FROM_NOTHING } from '../fleet/patch-rows.ts'
import type { PatchRef } from '../trust/image-target.ts'
import type { Assignment } from '../trust/mapping.ts'

/** How an image comes to a controller: made by a patch, perhaps by one that is still being made, or whole. */
export type Way =
  | { readonly at: 'patch'; readonly patch: PatchRef }
  | { readonly at: 'coming' }
  | { readonly at: 'full' }

/**
 * What is known of the controller: SHA-256 of the images that it attests to run (empty: it attested nothing), and the bytes of memory that it
 * has for a patch (null: it applies none). `isOut` says of a patch that it was refused.
 */
export type Taker = {
  readonly running: string
  readonly memory: number | null
  readonly isOut: (sha256: string) => boolean
}

/**
 * The smallest of the patches that fit a controller and its payload. Those of the publisher are in the release; the director's is for the
 * controller, and never for an encrypted release: what it made it from is not known to anybody but the publisher.
 */
export function wayFor(
  { release, payload, patch }: Pick<Assignment, 'release' | 'payload' | 'patch'>,
  taker: Taker,
): Way {
  const { running, memory, isOut } = taker
  if (memory === null) return { at: 'full' }
  const fits = ({ base }: { readonly base: string }): boolean => base === FROM_NOTHING || base === running
  const made: readonly PatchRef[] = release.patches ?? []
  const isOrdered = patch !== undefined && release.encrypted === undefined
  const all = isOrdered && !('coming' in patch) ? [...made, patch] : made
  const best = all
    .filter(one => fits(one) && one.memory <= memory && one.length < payload.length && !isOut(one.sha256))
    .reduce<PatchRef | null>((least, one) => (least !== null && least.length <= one.length ? least : one), null)
  if (best !== null) {
    const { base, sha256, length, memory: needed } = best
    return { at: 'patch', patch: { base, sha256, length, memory: needed } }
  }
  return isOrdered && 'coming' in patch && fits(patch) ? { at: 'coming' } : { at: 'full' }
}
