import { isNamed } from '../../src/core/slot/memory.ts'
import { type Configuration, type Device, IMAGES, type ImageNumber, slotThatCould, verdictOf } from './device.ts'
import type { Step } from './steps.ts'

/** What holds in every state and at every step, whatever the environment does. A law answers null, or what broke it. */
export type Law = {
  readonly name: string
  readonly broken: (from: Device, step: Step, configuration: Configuration) => string | null
}

const running = ({ power }: Device) => (power.at === 'running' ? power : null)
const counterOf = (image: ImageNumber): number => (image === 0 ? 0 : IMAGES[image].counter)
const harmed = ({ seen }: Device): boolean => seen.slotRot || seen.recordRot

export const LAWS: readonly Law[] = [
  {
    name: 'only an image that verifies is started',
    broken: (_from, { next, booted }) => {
      const image = running(next)
      if (booted !== true || image === null) return null
      const verdict = verdictOf(next, image.slot)
      return verdict.good ? null : `slot ${image.slot}: ${verdict.reason}`
    },
  },
  {
    name: 'the counter never falls',
    broken: (from, { next }) => (next.counter >= from.counter ? null : `${from.counter} to ${next.counter}`),
  },
  {
    name: 'the counter never exceeds that of the confirmed images',
    broken: (_from, { next }) => {
      const highest = Math.max(
        ...([1, 2, 3] as const).filter(one => (next.seen.confirmed & (1 << one)) !== 0).map(counterOf),
      )
      return next.counter <= highest ? null : `${next.counter}, confirmed up to ${highest}`
    },
  },
  {
    name: 'what runs is at or above the counter',
    broken: (_from, { next }) => {
      const image = running(next)
      if (image === null || image.slot === 'golden') return null
      return counterOf(image.image) >= next.counter ? null : `image ${image.image}, counter ${next.counter}`
    },
  },
  {
    name: 'only a confirmed image runs as confirmed',
    broken: (_from, { next }) => {
      const image = running(next)
      if (image === null || image.trial || image.slot === 'golden') return null
      return (next.seen.confirmed & (1 << image.image)) !== 0 ? null : `image ${image.image}`
    },
  },
  {
    name: 'unconfirmed runs are bounded: tries and power losses, and twice that for each harm',
    broken: (_from, { next }, { tries, losses, rots }) => {
      const harms = rots - next.seen.rotsLeft
      const bound = (tries + losses) * (1 + 2 * harms)
      return next.seen.trialRuns <= bound ? null : `${next.seen.trialRuns} runs`
    },
  },
  {
    name: 'while the counter cannot be read, nothing but golden is started',
    broken: (_from, { next, booted, mute }) => {
      const image = running(next)
      return booted === true && mute === true && image !== null && image.slot !== 'golden' ? `slot ${image.slot}` : null
    },
  },
  {
    name: 'without harm, a confirmed image that was seen gives way to none but a newer one, and golden for want of the counter',
    broken: (_from, { next, booted, mute }) => {
      const image = running(next)
      if (booted !== true || image === null || harmed(next)) return null
      if (mute === true && image.slot === 'golden') return null
      return image.image >= next.seen.standing ? null : `image ${image.image} behind ${next.seen.standing}`
    },
  },
  {
    name: 'golden is started only when harm has come, or the counter cannot be read',
    broken: (_from, { next, booted, mute }) =>
      booted === true && mute !== true && running(next)?.slot === 'golden' && !harmed(next)
        ? 'golden, and nothing has rotted'
        : null,
  },
  {
    name: 'golden is started only when neither slot can run, or the counter cannot be read',
    broken: (_from, { next, booted, mute }) => {
      if (booted !== true || mute === true || running(next)?.slot !== 'golden' || next.worn) return null
      const could = slotThatCould(next)
      return could === null ? null : `slot ${could} verifies`
    },
  },
  {
    name: 'without harm, nothing is tried before the word of the site',
    broken: (from, { next, booted }) => {
      if (booted !== true || harmed(next) || running(next)?.trial !== true) return null
      const known = [...from.records.slice(0, 1), ...(from.torn === null ? [] : [from.torn])].map(
        ({ state }) => state.at,
      )
      return known.some(at => at === 'armed' || at === 'trial') ? null : `the record says ${known.join(' or ')}`
    },
  },
  {
    name: 'what is staged verifies',
    broken: (_from, { next, staged }) => {
      const verdict = staged === undefined ? null : verdictOf(next, staged)
      return verdict === null || verdict.good ? null : `slot ${staged}: ${verdict.reason}`
    },
  },
  {
    name: 'what is armed is a candidate',
    broken: (_from, { next }) => {
      const memory = next.records[0]
      if (memory?.state.at !== 'armed') return null
      const { state } = memory.slots[memory.state.active === 'a' ? 'b' : 'a']
      return state === 'candidate' ? null : `a slot that is ${state}`
    },
  },
  {
    name: 'where nothing is staged, nothing is withdrawn',
    broken: (from, { next, withdrew }) =>
      withdrew === true && from.records[0]?.state.at === 'stable' && next.records[0] !== from.records[0]
        ? 'a record was written'
        : null,
  },
  {
    name: 'a device halts only when golden has rotted too',
    broken: (_from, { next }) =>
      next.power.at === 'halted' && !next.seen.goldenRot ? 'halted with a good golden' : null,
  },
  {
    name: 'the slot that runs is never erased',
    broken: (from, { erased }) => {
      const image = running(from)
      return erased !== undefined && image?.slot === erased ? `slot ${erased}` : null
    },
  },
  {
    name: 'a version that failed is not taken again, while its record lives',
    broken: (from, { took, next }) =>
      took !== undefined && !next.seen.recordRot && (from.seen.failed & (1 << took)) !== 0 ? `version ${took}` : null,
  },
  {
    name: 'a version that failed is not started again, but as one that was confirmed, while its record and the slots are unharmed',
    broken: (from, { next, booted }) => {
      const image = running(next)
      if (booted !== true || image === null || harmed(next)) return null
      if (!image.trial && (from.seen.confirmed & (1 << image.image)) !== 0) return null
      return (next.seen.failed & (1 << image.image)) === 0 ? null : `version ${image.image}`
    },
  },
  {
    name: 'there is always a key, and one of those that signed what runs',
    broken: (_from, { next }) => {
      if (next.anchors === 0) return 'no key is left'
      const image = running(next)
      if (image === null || image.image === 0) return null
      return (IMAGES[image.image].signedBy & next.anchors) !== 0 ? null : `image ${image.image} lost its keys`
    },
  },
]

/** What holds of all the steps that a state has: nobody is left with a trial or a candidate that cannot be ended. */
export function stuck(device: Device, steps: readonly Step[]): string | null {
  const memory = device.records[0]
  const image = running(device)
  if (image === null || image.slot === 'golden' || memory === undefined || device.worn) return null
  const { state } = memory
  if (image.trial && isNamed(memory, image.slot, IMAGES[image.image as 1 | 2 | 3]) && state.at === 'trial') {
    if (!steps.some(({ label }) => label === 'confirm')) return 'a trial that nobody can confirm'
    if (!steps.some(({ label }) => label === 'revert')) return 'a trial that nobody can revert'
  }
  if (state.at !== 'candidate' && state.at !== 'armed') return null
  const withdrawn = steps.some(({ withdrew, next }) => withdrew === true && next.records[0]?.state.at === 'stable')
  return withdrawn ? null : `${state.at}, and nobody can withdraw it`
}

/** Where a device that is served has come to rest, it runs the newest image that did not fail it. */
export function unserved({ power, seen, records }: Device): string | null {
  if (seen.slotRot || seen.recordRot) return null
  const image = power.at === 'running' ? power.image : 0
  const failed = (number: 2 | 3): boolean =>
    records[0]?.failed.some(({ sequence }) => sequence === IMAGES[number].sequence) ?? false
  // The third release needs the key that the second brought.
  const given = failed(3) || (image === 1 && failed(2))
  return image === 3 || given ? null : `image ${image}, although a newer one is offered`
}

/** What holds where a device has come to rest: nothing is on trial, nothing is unfinished. */
export function unrest(device: Device): string | null {
  const { power } = device
  if (power.at === 'halted') return device.seen.goldenRot ? null : 'halted'
  if (power.at !== 'running') return power.at
  if (power.slot === 'golden') return harmed(device) ? null : 'golden without harm'
  if (power.trial) return 'still on trial'
  const memory = device.records[0]
  if (device.worn || memory === undefined) return device.seen.recordRot ? null : 'no record'
  const { state } = memory
  if (state.at === 'blank' || state.at === 'trial' || state.active !== power.slot) return null
  const { counter, transition } = IMAGES[power.image as 1 | 2 | 3]
  if (state.floor === counter && device.counter < counter) return 'a floor that nobody raised'
  if (harmed(device)) return null
  if (device.counter !== counter) return `counter ${device.counter} under an image with ${counter}`
  if (transition?.kind === 'add' && device.anchors !== 0b11) return 'a key that nobody added'
  if (transition?.kind === 'retire' && device.anchors !== 0b10) return 'a key that nobody revoked'
  return null
}
