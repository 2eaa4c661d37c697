import type { ChangeReport } from '../../../src/core/ledger/change-report.ts'
import type { CampaignView } from '../../../src/wire/fleet-views.ts'
import type { StampedEvent } from '../site/events.ts'
import type { DemoImage } from './firmware.ts'
import type { Setting } from './setting.ts'
import type { Stage } from './stage.ts'
import type { PlantBill } from './surroundings.ts'

/** What a scenario's events and end are judged by. */
export type Seen = {
  readonly folder: string
  readonly images: readonly DemoImage[]
  readonly events: readonly StampedEvent[]
  readonly view: CampaignView
  /** The audit log as it was exported, one entry per line. */
  readonly audit: string
  /** What each controller runs at the end, as it attested. */
  readonly versions: ReadonlyMap<string, string>
  /** The first instant of the demo, by its clock. */
  readonly began: number
  /** What the plant paid; null where there is none. */
  readonly bill: PlantBill | null
  /** What happened at the site while the link was taken away. */
  readonly offline: readonly StampedEvent[]
  /** What the log says of the campaign, and the controllers whose own records were kept. */
  readonly changes: ChangeReport | null
  readonly records: readonly string[]
}

/**
 * A scenario: what it shows, what is wrong at the site, what happens meanwhile and after the campaign, and how to tell
 * that it ended as described. `check` answers the first thing that did not, or null.
 */
export type Scenario = {
  readonly setting: Setting
  readonly title: string
  readonly ending: string
  /** The classes that the campaign updates: both, unless the scenario says otherwise. */
  readonly classes?: readonly string[]
  readonly faults: (images: readonly DemoImage[]) => object | null
  /** Called for each event of the site; answers a line to show when it did something. */
  readonly meanwhile?: (event: StampedEvent, stage: Stage) => string | null
  /** The controller that somebody with a debug probe is let at when the campaign is over. */
  readonly attackAfter?: string
  /** The exit code of a demo that ended as described; without it, that of `campaign watch`. */
  readonly exit?: number
  readonly check: (seen: Seen) => string | null
}
