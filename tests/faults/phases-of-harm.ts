import { isRefusal } from '../../src/core/refusal/refusal.ts'
import type { Device } from './device.ts'
import { spentByResets } from './invariants.ts'
import { isLost } from './lost.ts'
import type { Phase, Seen } from './phase.ts'
import type { Releases } from './releases.ts'
import { armedCleanly, beforeTheVerdict, beforeTheVerdictOf, onTrial } from './starts.ts'
import {
  complete,
  confirmedSecond,
  keys,
  remembers,
  runs,
  STATE,
  second,
  stateIs,
  third,
  toSecond,
  until,
  updateTo,
} from './steps.ts'

/**
 * Phases of a device that something has happened to: slots or records are lost, or a confirmation is not finished. What
 * may run meanwhile is said of each; everything else is asked as of a device in good health.
 */

/** One byte of the image in a slot is not what it was. */
const rot = (device: Device, slot: 'a' | 'b'): void => device.flash.rot(slot, device.board.device.imageOffset + 7)

/** Both slots are bad, and golden runs: what was confirmed has rotted, and nothing else is there. */
function onGolden(device: Device): void {
  rot(device, 'a')
  device.reset('power-loss')
  device.boot()
  if (device.ram?.running.slot !== 'golden') throw new Error('golden does not run')
}

/** No record is left: one block cannot be read, the other is erased. The power went. */
function withoutRecords(device: Device): void {
  const { flash } = device
  for (let at = 0; at < flash.size('record0'); at += flash.sector('record0')) flash.eccFault('record0', at)
  flash.erase('record1', 0, flash.size('record1'))
  device.reset('power-loss')
}

/** Confirmed, and the element has not done what it was told; the device goes on. */
function confirmUnheard(device: Device, wanted: keyof Releases): void {
  beforeTheVerdictOf(wanted)(device)
  const heard = device.element.faults
  device.element.faults = () => 'refused'
  const seen = device.tick()
  device.element.faults = heard
  if (seen === null || isRefusal(seen) || seen.at !== 'confirmed') throw new Error('nothing was confirmed')
}

/** `next` waits for the site's word, and the confirmation before it is still not finished. */
const owedAsCandidateComes = (confirmed: keyof Releases, next: keyof Releases) => (device: Device) => {
  confirmUnheard(device, confirmed)
  until(device, updateTo(next), () => stateIs(device, STATE.candidate))
}

/** The second release in slot b, the third in slot a, both healthy once. */
function twoUpdatesOn(device: Device): void {
  const { behaviour } = device
  device.behaviour = () => 'healthy'
  for (const name of ['second', 'third'] as const) {
    until(device, updateTo(name), () => runs(device, name))
    device.installation = null
  }
  device.behaviour = behaviour
}

/** What was owed is done; unless the image that it belongs to, in slot b, could not be verified when its time was. */
const carriedOut = ({ gate }: Device, done: boolean): boolean => done || isLost(gate.struck, 'b')

/** Writes that the record blocks lose before they take them again: more than a whole boot tries. */
const SPELL = 9

const may =
  (...versions: readonly (keyof Releases)[]) =>
  (version: string, { device }: Seen): boolean =>
    versions.some(name => device.releases[name].facts.version === version)

/** What is confirmed is lost, in a phase in which no trial can be counted for a while: golden runs meanwhile. */
const unlessUnknown =
  (mayRun: NonNullable<Phase['mayRun']>) =>
  (version: string, seen: Seen): boolean =>
    mayRun(version, seen) ||
    (may('golden')(version, seen) &&
      (['records', 'a', 'b'] as const).some(part => isLost(seen.device.gate.struck, part)))

/** A trial that cannot be counted is not run: with record blocks that are worn, and nothing else confirmed, golden is. */
const unlessUncounted =
  (mayRun: NonNullable<Phase['mayRun']>) =>
  (version: string, seen: Seen): boolean => {
    const worn = seen.device.gate.struck.some(
      ({ mode, operation: { area } }) => mode.class === 'wear' && area?.startsWith('record') === true,
    )
    return mayRun(version, seen) || (worn && may('golden')(version, seen))
  }

/** A counter that was not given had golden run once. */
const muteOnce = ({ device }: Seen): boolean => device.gate.struck.some(({ effect }) => effect.silent !== undefined)

/** The older image first; the newer one when the older has had its turn, or golden had to run in between. */
const olderFirst = (had: (seen: Seen) => boolean): NonNullable<Phase['mayRun']> =>
  unlessUncounted(
    (version, seen) =>
      may('second')(version, seen) ||
      (may('third')(version, seen) && (had(seen) || spentByResets(seen) || muteOnce(seen))),
  )

export const PHASES_OF_HARM: readonly Phase[] = [
  {
    name: 'golden-download',
    says: 'both slots are bad: golden takes a release in',
    ...toSecond,
    mayRun: may('golden', 'second'),
    pairs: 'none',
    prepare: onGolden,
    done: device => complete(device) || device.ram?.running.facts.version === device.releases.second.facts.version,
  },
  {
    name: 'golden-trial',
    says: 'the boot from golden into what it took in',
    ...toSecond,
    mayRun: may('golden', 'second'),
    pairs: 'smallest',
    prepare: device => {
      onGolden(device)
      armedCleanly(device)
      device.reset('software')
    },
    done: device => device.ram?.running.facts.version === device.releases.second.facts.version,
  },
  {
    name: 'golden-confirm',
    says: 'the confirmation of what golden took in: there is nothing to fall back to',
    ...toSecond,
    mayRun: may('golden', 'second'),
    pairs: 'smallest',
    prepare: device => {
      onGolden(device)
      beforeTheVerdict(device)
    },
    done: confirmedSecond,
  },
  {
    name: 'golden-revert',
    says: 'what golden took in is not healthy: golden again, and another release',
    wanted: 'second',
    behaviour: 'unhealthy',
    confirmed: ['first'],
    mayRun: may('golden', 'second', 'third'),
    pairs: 'none',
    prepare: device => {
      onGolden(device)
      beforeTheVerdict(device)
    },
    step: device => (remembers(device, 'second') ? third(device) : second(device)),
    done: device => device.ram?.running.slot === 'golden' && remembers(device, 'second'),
    settled: device => runs(device, 'third') && device.element.counter() === 2,
  },
  {
    name: 'fallback',
    says: 'a boot that finds the active image rotten, and the one before it good',
    wanted: 'third',
    behaviour: 'healthy',
    confirmed: ['first', 'second'],
    before: ['third'],
    mayRun: may('second', 'third'),
    pairs: 'smallest',
    prepare: device => {
      twoUpdatesOn(device)
      rot(device, 'a')
      device.reset('power-loss')
    },
    step: third,
    done: device => runs(device, 'second'),
    settled: device => runs(device, 'third') && device.element.counter() === 2,
  },
  {
    name: 'fallback-update',
    says: 'an update over the image that rotted',
    wanted: 'third',
    behaviour: 'healthy',
    confirmed: ['first', 'second'],
    before: ['third'],
    mayRun: may('second', 'third'),
    pairs: 'none',
    prepare: device => {
      twoUpdatesOn(device)
      rot(device, 'a')
      device.reset('power-loss')
      device.boot()
    },
    step: third,
    done: device => runs(device, 'third') && device.element.counter() === 2,
    settled: device => runs(device, 'third') && device.element.counter() === 2,
  },
  {
    name: 'blank-one',
    says: 'no record, and one good slot: it is tried, and confirmed again',
    ...toSecond,
    confirmed: [],
    mayRun: unlessUncounted(may('first', 'second')),
    pairs: 'smallest',
    prepare: withoutRecords,
    done: device => runs(device, 'first') && stateIs(device, STATE.stable),
  },
  {
    name: 'blank-two',
    says: 'no record, and two good slots: the older one is tried, and confirmed again',
    wanted: 'third',
    behaviour: 'healthy',
    confirmed: [],
    mayRun: olderFirst(({ witness }) => witness.confirmed.includes('2.0.0')),
    pairs: 'none',
    prepare: device => {
      twoUpdatesOn(device)
      withoutRecords(device)
    },
    step: third,
    done: device => runs(device, 'second') && stateIs(device, STATE.stable),
    settled: device => runs(device, 'third') && device.element.counter() === 2,
  },
  {
    name: 'blank-two-older-fails',
    says: 'the same, and the older one is not healthy: the newer one is tried',
    wanted: 'second',
    behaviour: 'unhealthy',
    confirmed: [],
    mayRun: olderFirst(({ device }) => remembers(device, 'second')),
    pairs: 'none',
    prepare: device => {
      twoUpdatesOn(device)
      withoutRecords(device)
    },
    step: third,
    done: device => runs(device, 'third'),
    settled: device => runs(device, 'third'),
  },
  {
    name: 'worn-records',
    says: 'no record can be written for a while, as an update begins',
    ...toSecond,
    mayRun: unlessUnknown(may('first', 'second')),
    wears: true,
    pairs: 'none',
    prepare: device => {
      for (const area of ['record0', 'record1'] as const) device.flash.wearOut(area, SPELL)
    },
    done: confirmedSecond,
  },
  {
    name: 'worn-in-a-trial',
    says: 'the same, as a trial comes to its verdict',
    ...toSecond,
    mayRun: unlessUnknown(may('first', 'second')),
    wears: true,
    // The site restarts a controller that cannot write what it decided.
    blames: 2,
    pairs: 'none',
    prepare: device => {
      onTrial(device)
      for (const area of ['record0', 'record1'] as const) device.flash.wearOut(area, SPELL)
    },
    done: confirmedSecond,
  },
  {
    name: 'floor-owed',
    says: 'the next candidate is armed before the floor is raised, and is not healthy',
    wanted: 'third',
    behaviour: 'unhealthy',
    confirmed: ['first', 'second'],
    pairs: 'smallest',
    prepare: owedAsCandidateComes('second', 'third'),
    step: third,
    done: device =>
      runs(device, 'second') && remembers(device, 'third') && carriedOut(device, device.element.counter() === 2),
    settled: device =>
      runs(device, 'second') && remembers(device, 'third') && carriedOut(device, device.element.counter() === 2),
  },
  {
    name: 'key-owed',
    says: 'the same before a key is added',
    wanted: 'third',
    behaviour: 'unhealthy',
    confirmed: ['first', 'adds'],
    pairs: 'none',
    prepare: owedAsCandidateComes('adds', 'third'),
    step: third,
    done: device => runs(device, 'adds') && remembers(device, 'third') && carriedOut(device, keys(device) === 2),
    settled: device => runs(device, 'adds') && remembers(device, 'third') && carriedOut(device, keys(device) === 2),
  },
  {
    name: 'retirement-owed',
    says: 'the same before a key is given up',
    wanted: 'last',
    behaviour: 'unhealthy',
    confirmed: ['first', 'adds', 'under', 'retires'],
    pairs: 'none',
    prepare: device => {
      for (const name of ['adds', 'under'] as const) {
        until(device, updateTo(name), () => runs(device, name))
        device.installation = null
      }
      owedAsCandidateComes('retires', 'last')(device)
    },
    step: updateTo('last'),
    done: device => runs(device, 'retires') && remembers(device, 'last') && carriedOut(device, keys(device) === 1),
    settled: device => runs(device, 'retires') && remembers(device, 'last') && carriedOut(device, keys(device) === 1),
  },
]
