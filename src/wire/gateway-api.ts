/**
 * What passes through the gateway's door on the site's network. A controller's certificate names the controller, and
 * each answer is for that controller alone.
 */

/**
 * GET /v1/offer (204 when there is nothing to do). Ask with `?patches=65536` to be offered patches as well: the bytes of memory that there
 * are for one. Ask with `?wait=25000` (milliseconds for which the answer is held back until
 * there is news), or more often than every two minutes: a turn that is not taken up in that time is over.
 */
export type Offer = {
  /** Names this piece of work in every report about it. */
  readonly assignment: string
  /** Base64 of the SUIT envelope. */
  readonly envelope: string
  readonly payload: { readonly sha256: string; readonly length: number }
  /** False: download and stage. True: the site can spare this controller now; restart into the staged image. */
  readonly activate: boolean
  /**
   * With `activate`: within so many milliseconds from its question on the controller has to have begun its restart, by a
   * counter of its own that nobody sets. Later it does not restart, and asks again: its turn is over.
   */
  readonly within?: number
  /** Base64 of the content key, wrapped for the asking controller; only of an encrypted payload. */
  readonly wrap?: string
  /**
   * A smaller way to the same payload: a patch (docs/delta-format.md) from the images whose SHA-256 is `base`, those that the asking
   * controller runs. It has the blob's address, and fits the memory that the question names. A controller that refuses it says so
   * (`POST /v1/patch-refused`), and asks again. The payload then may have to wait for a person.
   */
  readonly patch?: { readonly base: string; readonly sha256: string; readonly length: number; readonly memory: number }
}

/** POST /v1/patch-refused (204): the controller could not use the patch it was offered, and why, by its code (docs/refusals.md). */
export type PatchRefused = { readonly assignment: string; readonly sha256: string; readonly code: string }

/** The largest word about a refused patch that a gateway takes, in bytes. */
export const MAX_PATCH_REFUSED = 2048

/** The largest signed report that a gateway takes from a controller, in bytes. */
export const MAX_REPORT = 16 * 1024

/** GET /v1/wait: why the asking controller does not get its turn to restart (204 when it has no reason to wait). */
export type WaitAnswer = {
  readonly rule: string
  /** One sentence for people. */
  readonly sentence: string
  readonly value: string | null
  readonly threshold: string | null
  /** How old the value was when it was judged, in milliseconds. */
  readonly ageMillis: number | null
  /** The earliest instant at which the rule can say yes; null when that depends on the plant. */
  readonly nextPossible: number | null
}

/**
 * GET /v1/history: the next decision of its history that the asking controller is to tell. POST /v1/history: the stretch from
 * there on, signed (core/trust/device-history.ts); answers the next.
 */
export type HistoryAnswer = { readonly next: number }
