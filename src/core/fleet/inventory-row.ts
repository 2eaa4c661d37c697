import type { Instant, Millis } from '../encoding/units.ts'
import type { Version } from '../firmware/version.ts'
import type { IncidentCounts } from './incidents.ts'
import type { Attested } from './inventory.ts'
import type { Said } from './query.ts'

/**
 * How a controller came to be in the inventory. `imported`: by a list, until its gateway is enrolled. `removed`: registered or
 * on a list once, and not in its site's description; no question finds it.
 */
export type Standing = 'imported' | 'enrolled' | 'removed'

/** What somebody's records say that a controller runs, and since when they say so. */
export type Claim = { readonly version: Version; readonly at: Instant }

/**
 * A controller as queries see it: a narrow row beside the registration, kept in step with it.
 *
 * `attested` is what the last accepted signed report said. Its signature was verified when it came in; whoever shows it or
 * acts on it for this controller verifies it again, and `fleet check-store` verifies all. `claim` is what the records say:
 * it goes when the controller attests a change of its version. `seenAt` is when the fleet last took a report in.
 */
export type InventoryRow = {
  readonly site: string
  readonly id: string
  readonly region: string
  readonly class: string
  readonly hardware: string
  readonly cabinet: string | null
  readonly rack: string | null
  readonly labels: readonly string[]
  readonly standing: Standing
  readonly claim: Claim | null
  readonly attested: Attested | null
  readonly seenAt: Instant | null
  /** It has a key that content keys can be wrapped for. */
  readonly decrypts: boolean
}

/** What an import claims of one controller. `claim` null: the list knows no version. */
export type ImportedRow = Pick<
  InventoryRow,
  'site' | 'id' | 'region' | 'class' | 'hardware' | 'cabinet' | 'rack' | 'labels' | 'claim'
>

/** How many controllers of a place run a version, by what that rests on. `place` is empty for the whole fleet. */
export type VersionCount = {
  readonly place: string
  readonly class: string
  /** Empty when nobody knows. */
  readonly version: string
  readonly said: Said
  readonly controllers: number
}

/** A site, and how many of its controllers match. */
export type SiteCount = { readonly site: string; readonly region: string; readonly controllers: number }

/** A version that a controller was said to run, oldest first; `said` tells by whom. */
export type VersionSaid = {
  readonly at: Instant
  readonly said: Exclude<Said, 'nothing'>
  readonly version: string
  /** SHA-256 of the image in hex; null in a claim. */
  readonly digest: string | null
}

/** How long controllers of a class ran a version, as their reports bear out, and what happened meanwhile. */
export type Experience = {
  readonly class: string
  readonly version: string
  readonly watched: Millis
  readonly counts: IncidentCounts
}
