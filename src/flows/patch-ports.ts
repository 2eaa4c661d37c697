import type { NumberedPatch, PatchCounts, PatchPair, PatchRow, RunningImage } from '../core/fleet/patch-rows.ts'
import type { Refusal } from '../core/refusal/refusal.ts'

/** What a fleet does about patches. */
export type PatchPolicy = {
  /** How many of the images that a class runs most are bases of a release that is published. */
  readonly bases: number
  /** How many patches wait to be made at most. */
  readonly queue: number
  /** How long one may take, in seconds. */
  readonly seconds: number
  /** How much memory one may take beside the images, in bytes. */
  readonly bytes: number
}

export const USUAL_PATCHES: PatchPolicy = { bases: 4, queue: 64, seconds: 600, bytes: 1 << 30 }

/** The fleet's patches, of this version of the algorithm. */
export interface PatchStore {
  patch(pair: PatchPair): Promise<PatchRow | null>
  /** The one that is made next; null: nothing is in the queue. */
  next(): Promise<PatchRow | null>
  counts(): Promise<PatchCounts>
  /** How many are made before one that is in the queue; null: it is not in it. */
  ahead(pair: PatchPair): Promise<number | null>
  /** At most `limit` rows of a target, the newest first. */
  to(target: string, limit: number): Promise<PatchRow[]>
  /** At most `limit` rows before a number, the newest first. */
  page(before: number | null, limit: number): Promise<NumberedPatch[]>
  /** At most `limit` sites whose orders name a patch as coming that is not in the queue any more. */
  awaiting(limit: number): Promise<string[]>
  /**
   * The images that most controllers of a class attest to run, at most `limit`, the most-run first. Of each version the image that most of its
   * controllers at one of its sites run: a version has one image, as a rule. Reads roll-ups and `limit` sites.
   */
  running(of: string, limit: number): Promise<RunningImage[]>
}

/** Makes a patch off the path of every request. Refuses what `makePatch` (apps/process/patch-making.ts) refuses. */
export type PatchMaker = (
  old: Uint8Array,
  now: Uint8Array,
  limits: Pick<PatchPolicy, 'seconds' | 'bytes'>,
) => Promise<Uint8Array | Refusal>
