import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HEADER_BYTES, parseHeader } from '../../../src/core/delta/patch.ts'
import { toHex } from '../../../src/core/encoding/bytes.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import type { CampaignControllerView, CampaignView } from '../../../src/wire/fleet-views.ts'
import type { StampedEvent } from '../site/events.ts'
import { type DemoImage, FACTORY, UPDATE } from './firmware.ts'
import { datacenterUps, windStorage } from './plant-scenarios.ts'
import type { Scenario, Seen } from './seen.ts'
import { HARBOUR } from './setting.ts'

export const SCENARIO_NAMES = [
  'happy',
  'bad-canary',
  'power-cut',
  'tampered',
  'wind-storage',
  'datacenter-ups',
] as const
export type ScenarioName = (typeof SCENARIO_NAMES)[number]

const PROBED = 'bms-3'
const CUT = 'bms-2'

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  happy: {
    setting: HARBOUR,
    title: 'Everything works',
    ending: 'every controller confirmed 7.28.0',
    faults: () => null,
    check: ({ view }) => allConfirmed(view),
  },
  'bad-canary': {
    setting: HARBOUR,
    title: 'The new bms image fails its health check on the canary',
    ending: 'the canary reverted, the campaign halted, the others were not touched',
    classes: ['bms'],
    faults: images => ({
      unhealthy: { [update(images, 'bms').sha256]: { is: 'unhealthy', probe: 'cell-voltages' } },
    }),
    check: checkBadCanary,
  },
  'power-cut': {
    setting: HARBOUR,
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
    setting: HARBOUR,
    title: `A byte of the gateway's cache is flipped; later somebody has a debug probe at ${PROBED}`,
    ending: 'the gateway quarantined the blob and fetched it again; the boot chain refused the probe’s slot',
    faults: () => null,
    meanwhile: flipCachedByte(),
    attackAfter: PROBED,
    check: checkTampered,
  },
  'wind-storage': windStorage,
  'datacenter-ups': datacenterUps,
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
  const { view, events, audit, folder } = seen
  const quarantine = join(folder, 'gateway', 'cache', 'quarantine')
  if (!existsSync(quarantine) || readdirSync(quarantine).length === 0) return 'nothing is in quarantine'
  if (!audit.includes('blob-quarantined')) return 'the audit log knows of no quarantined blob'
  const open = allConfirmed(view)
  if (open !== null) return open
  const attack = events.find(event => event.event === 'attack')
  if (attack?.event !== 'attack') return 'nobody was let at a controller'
  if (attack.outcome !== 'refused') return `the attack ended otherwise: ${attack.outcome}, ${attack.detail}`
  return attack.running.endsWith(UPDATE) ? null : `${attack.controller} runs ${attack.running}`
}

/** Flips one byte of what the gateway's cache has of the bms update, when the canary has it and nobody else does. */
function flipCachedByte(): NonNullable<Scenario['meanwhile']> {
  let done = false
  return (event, { folder, images }) => {
    const { sha256, version } = update(images, 'bms')
    if (done || event.event !== 'staged' || !event.controller.startsWith('bms') || event.version !== version)
      return null
    const cache = join(folder, 'gateway', 'cache')
    const name = cachedNames(cache).find(one => one === sha256 || isPatchTo(sha256, join(cache, one.slice(0, 2), one)))
    if (name === undefined) throw new Error('the canary has an update that the gateway has not')
    const path = join(cache, name.slice(0, 2), name)
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0x01
    writeFileSync(path, bytes)
    done = true
    return `A byte of ${join('gateway', 'cache', name.slice(0, 2), `${name.slice(0, 12)}…`)} is flipped.`
  }
}

const cachedNames = (cache: string): string[] =>
  readdirSync(cache, { recursive: true, encoding: 'utf8' })
    .filter(path => /^[0-9a-f]{2}\/[0-9a-f]{64}$/.test(path))
    .map(path => path.slice(3))

/** Whether a file is a patch that makes an image. */
function isPatchTo(sha256: string, path: string): boolean {
  const header = parseHeader(readFileSync(path).subarray(0, HEADER_BYTES), path)
  return !isRefusal(header) && toHex(header.target.digest) === sha256
}

export function update(images: readonly DemoImage[], className: string): DemoImage {
  const image = images.find(one => one.class === className && one.version !== FACTORY)
  if (image === undefined) throw new Error(`no update for ${className}`)
  return image
}
