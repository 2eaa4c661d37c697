import type { Instant, Millis } from '../encoding/units.ts'
import type { RefusalCode } from '../refusal/registry.ts'

/** What a patch is between: SHA-256 of the images as they lie in flash, in lower-case hex. */
export type PatchPair = { readonly base: string; readonly target: string }

/** SHA-256 of nothing: the base of a patch that fits every controller, the compressed image. */
export const FROM_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/**
 * A patch as the fleet knows it, one for each pair and each version of the algorithm.
 * - `wanted`: it is in the queue, since when. Whoever was ordered its target may wait for it.
 * - `made`: its bytes are a blob; `memory` is what applying it takes, `took` what making it took; a publisher's took nothing here.
 * - `none`: there will be none, and why, until somebody asks for it again.
 */
export type PatchRow = PatchPair & { readonly since: Instant } & (
    | { readonly at: 'wanted' }
    | {
        readonly at: 'made'
        readonly by: 'fleet' | 'publisher'
        readonly sha256: string
        readonly length: number
        readonly memory: number
        readonly took: Millis
      }
    | { readonly at: 'none'; readonly code: RefusalCode; readonly expected: string; readonly actual: string }
  )

/** A row with its place in the list: rows that are written anew come last. */
export type NumberedPatch = PatchRow & { readonly number: number }

/** A site whose orders say that a patch is coming: they are written anew when it has come, or will not. */
export type PatchWait = PatchPair & { readonly site: string }

/** Of a store's change what is about patches. */
export type PatchChange = {
  readonly patches?: readonly PatchRow[]
  readonly patchWaits?: readonly PatchWait[]
  /** Sites whose orders were written anew: they wait no longer, or for what `patchWaits` says. */
  readonly patchServed?: readonly string[]
  /** Images that nobody is given any more: nothing is made for them, and nothing of before is offered. */
  readonly unpatched?: readonly string[]
}

/** How many patches the queue holds, and what of them the fleet made or could not make. */
export type PatchCounts = { readonly wanted: number; readonly made: number; readonly none: number }

/** An image that controllers of a class attest to run. */
export type RunningImage = { readonly version: string; readonly digest: string; readonly controllers: number }
