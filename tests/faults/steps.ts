import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'
import { arm } from '../../src/flows/install.ts'
import type { Device } from './device.ts'
import { newestRecord } from './plain-reader.ts'
import type { Releases } from './releases.ts'

/** What a site does to a device, step by step, and what it sees of it. */

export const STATE = { stable: 1, candidate: 2, armed: 3, trial: 4 } as const

/** One step of an update to `wanted`, up to the end, whatever that is. Answers a refusal that was met. */
export function updateTo(wanted: keyof Releases): (device: Device) => Refusal | null {
  return device => {
    const release = device.releases[wanted]
    if (device.ram?.window !== null || device.hung) {
      const seen = device.tick()
      return answered(device, seen)
    }
    const { installation } = device
    if (installation === null) {
      const begun = device.begin(release)
      if (!isRefusal(begun)) return null
      // What only a restart resolves: an armed candidate, a record that could not be written or read. Golden that takes
      // nothing in is restarted too.
      if (RESTART.has(begun.code) || device.ram.running.slot === 'golden') device.reset('software')
      return begun
    }
    if (installation.state.at === 'receiving') return answered(device, device.piece(release))
    if (installation.state.at === 'complete') return answered(device, installation.finish(device.clock.now()))
    const armed = arm(device.board, device.clock.now())
    if (isRefusal(armed)) return answered(device, armed)
    device.reset('software')
    return null
  }
}

const RESTART: ReadonlySet<string> = new Set([
  'activation-pending',
  'trial-in-progress',
  'boot-record-missing',
  'boot-record-not-written',
  'counter-unreadable',

  'not-in-trial',
  // What is confirmed already, and not finished: the next boot does that.
  'release-not-newer',
])

/** A refusal ends an installation: the site begins again, behind a restart when the record could not be written. */
export function answered(device: Device, answer: unknown): Refusal | null {
  if (!isRefusal(answer)) return null
  device.installation = null
  if (RESTART.has(answer.code)) device.reset('software')
  return answer
}

export const runs = (device: Device, wanted: keyof Releases): boolean =>
  device.ram?.running.facts.version === device.releases[wanted].facts.version && !device.ram.running.trial

export const stateIs = (device: Device, ...states: readonly number[]): boolean =>
  states.includes(newestRecord(device.flash, device.element)?.state ?? 0)

export const remembers = (device: Device, wanted: keyof Releases): boolean => {
  const digest = device.releases[wanted].facts.imageDigest.slice(0, 32)
  return newestRecord(device.flash, device.element)?.failed.includes(digest) === true
}

/** Steps until something holds. Preparation only: no fault strikes. */
export function until(device: Device, step: (device: Device) => unknown, holds: () => boolean): void {
  for (let count = 0; !holds(); count += 1) {
    if (count > 200) throw new Error('the preparation does not come to its end')
    if (device.ram === null) device.boot()
    else step(device)
  }
}

/** Every byte of the release that is being taken in is in flash. */
export const complete = (device: Device): boolean =>
  device.installation !== null && device.installation.state.at !== 'receiving'
export const keys = (device: Device): number => device.element.anchors().length
export const second = updateTo('second')
export const third = updateTo('third')
export const confirmedSecond = (device: Device): boolean => runs(device, 'second') && device.element.counter() === 2

/** Most phases are about this: the second release, which is healthy. */
export const toSecond = {
  wanted: 'second',
  behaviour: 'healthy',
  confirmed: ['first'],
  step: second,
  settled: confirmedSecond,
} as const
