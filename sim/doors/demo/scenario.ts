import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CampaignControllerView, CampaignView } from '../../../src/wire/fleet-views.ts'
import type { StampedEvent } from '../site/events.ts'
import { type DemoImage, FACTORY, UPDATE } from './firmware.ts'

export const SCENARIO_NAMES = ['happy', 'bad-canary', 'power-cut', 'tampered'] as const
export type ScenarioName = (typeof SCENARIO_NAMES)[number]

/** What a scenario's events and end are judged by. */
export type Seen = {
  readonly folder: string
  readonly images: readonly DemoImage[]
  readonly events: readonly StampedEvent[]
  readonly view: CampaignView
  /** The audit log as it was exported, one entry per line. */
  readonly audit: string
}

/**
 * A scenario: what it shows, what is wrong at the site, what happens meanwhile and after the campaign, and how to tell
 * that it ended as described. `check` answers the first thing that did not, or null.
 */
export type Scenario = {
  readonly title: string
  readonly ending: string
  /** The classes that the campaign updates: both, unless the scenario says otherwise. */
  readonly classes?: readonly string[]
  readonly faults: (images: readonly DemoImage[]) => object | null
  /** Called for each event of the site; answers a line to show when it did something. */
  readonly meanwhile?: (event: StampedEvent, folder: string, images: readonly DemoImage[]) => string | null
  /** The controller that somebody with a debug probe is let at when the campaign is over. */
  readonly attackAfter?: string
  readonly check: (seen: Seen) => string | null
}

const PROBED = 'bms-3'
const CUT = 'bms-2'

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  happy: {
    title: 'Everything works',
    ending: 'every controller confirmed 7.28.0',
    faults: () => null,
    check: ({ view }) => allConfirmed(view),
  },
  'bad-canary': {
    title: 'The new bms image fails its health check on the canary',
    ending: 'the canary reverted, the campaign halted, the others were not touched',
    classes: ['bms'],
    faults: images => ({
      unhealthy: { [update(images, 'bms').sha256]: { is: 'unhealthy', probe: 'cell-voltages' } },
    }),
    check: checkBadCanary,
  },
  'power-cut': {
    title: `${CUT} loses its power in the middle of writing the image, and again in the middle of the trial boot`,
    ending: `${CUT} lost its power twice, and every controller confirmed 7.28.0`,
    faults: () => ({
      cuts: [
        { controller: CUT, during: 'write', darkMillis: 500 },
        { controller: CUT, during: 'boot', darkMillis: 500 },
      ],
    }),
    check: ({ view, events }) => {
      const cuts = events.filter(event => event.event === 'power-lost' && event.controller === CUT).length
      return cuts === 2 ? allConfirmed(view) : `${CUT} lost its power ${cuts} times`
    },
  },
  tampered: {
    title: `A byte of the gateway's cache is flipped; later somebody has a debug probe at ${PROBED}`,
    ending: 'the gateway quarantined the blob and fetched it again; the boot chain refused the probe’s slot',
    faults: () => null,
    meanwhile: flipCachedByte(),
    attackAfter: PROBED,
    check: checkTampered,
  },
}

function allConfirmed(view: CampaignView): string | null {
  const open = view.controllers.find(one => one.state !== 'confirmed')
  return open === undefined ? null : `${open.controller} is ${open.state}`
}

function checkBadCanary({ view, events }: Seen): string | null {
  if (view.state !== 'halted') return `the campaign is ${view.state}`
  const canary = view.controllers.find(one => one.wave === 1 && one.class === 'bms')
  if (canary === undefined) return 'the first wave holds no bms'
  if (!events.some(event => event.event === 'reverted' && event.controller === canary.controller)) {
    return `${canary.controller} did not revert`
  }
  const touched = view.controllers.find(one => one !== canary && wasTouched(one, events))
  return touched === undefined ? null : `${touched.controller} was touched`
}

const wasTouched = (one: CampaignControllerView, events: readonly StampedEvent[]): boolean =>
  events.some(event => event.controller === one.controller && ['assigned', 'activating'].includes(event.event))

function checkTampered(seen: Seen): string | null {
  const { view, events, audit, images, folder } = seen
  const { sha256 } = update(images, 'bms')
  if (!existsSync(join(folder, 'gateway', 'cache', 'quarantine', sha256))) return 'nothing is in quarantine'
  if (!audit.includes('blob-quarantined')) return 'the audit log knows of no quarantined blob'
  const open = allConfirmed(view)
  if (open !== null) return open
  const attack = events.find(event => event.event === 'attack')
  if (attack?.event !== 'attack') return 'nobody was let at a controller'
  if (attack.outcome !== 'refused') return `the attack ended otherwise: ${attack.outcome}, ${attack.detail}`
  return attack.running.endsWith(UPDATE) ? null : `${attack.controller} runs ${attack.running}`
}

/** Flips one byte of the bms image in the gateway's cache, when the canary has it and nobody else does. */
function flipCachedByte(): NonNullable<Scenario['meanwhile']> {
  let done = false
  return (event, folder, images) => {
    const { sha256, version } = update(images, 'bms')
    if (done || event.event !== 'staged' || !event.controller.startsWith('bms') || event.version !== version)
      return null
    const path = join(folder, 'gateway', 'cache', sha256.slice(0, 2), sha256)
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0x01
    writeFileSync(path, bytes)
    done = true
    return `A byte of ${join('gateway', 'cache', sha256.slice(0, 2), `${sha256.slice(0, 12)}…`)} is flipped.`
  }
}

export function update(images: readonly DemoImage[], className: string): DemoImage {
  const image = images.find(one => one.class === className && one.version !== FACTORY)
  if (image === undefined) throw new Error(`no update for ${className}`)
  return image
}
