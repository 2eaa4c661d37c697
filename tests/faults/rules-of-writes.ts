import type { Judged, Look } from './invariants.ts'
import { isLost, LOOKS, rotOf } from './lost.ts'
import type { Operation } from './mode.ts'
import { newestRecord } from './plain-reader.ts'
import { releaseByDigest } from './truth.ts'

/** The invariants about what is written, raised and exchanged, judged before it happens. See invariants.ts. */

/** "The counter never falls and never exceeds the confirmed image's." */
export function counterKeepsItsPlace({ device, witness }: Look): Judged {
  const now = device.element.counter()
  if (now < witness.counter) return `the counter fell from ${witness.counter} to ${now}`
  return now > witness.allowed ? `the counter is ${now}; the confirmed image's is ${witness.allowed}` : null
}

/** The change of keys follows its record, as the counter does: an image that is watched and healthy asks for it. */
export function keysFollowTheirRecord({ device }: Look): Judged {
  const record = newestRecord(device.flash, device.element)
  if (record === null && isLost(device.gate.struck, 'records')) return null
  if (record === null || record.state === 0 || record.state === 4) return 'keys change outside of a confirmed state'
  const release = releaseByDigest(device, record.notes[record.slot].digest)
  return release?.facts.transition == null ? 'keys change for an image that does not ask for it' : null
}

/** Rule 6, at the moment of the raise: one STABLE record with the floor intent, read back, then the counter. */
export function raiseFollowsItsRecord({ device }: Look): Judged {
  const record = newestRecord(device.flash, device.element)
  // It may have been lost since it was read.
  if (record === null)
    return isLost(device.gate.struck, 'records') ? null : 'the counter rises, and no record can be read'
  if (record.state !== 1 && record.state !== 2 && record.state !== 3) return 'the counter rises in a trial'
  const release = releaseByDigest(device, record.notes[record.slot].digest)
  if (release === undefined) return 'the counter rises for an image that nobody made'
  return device.behaviour(release.facts.version) === 'healthy' || release === device.releases.first
    ? null
    : `the counter rises for ${release.facts.version}, which is not healthy`
}

/** "Writes touch only the inactive slot, the record blocks and the history." */
export function writesOnlyWhereItMay(operation: Operation, { device, recent }: Look): Judged {
  const { area, kind } = operation
  if (kind !== 'program' && kind !== 'erase') return null
  if (area === 'history') return null
  const record = newestRecord(device.flash, device.element)
  if (area === 'record0' || area === 'record1') {
    // Of two faults of the records the second one may strike behind the last look at them.
    // So may one that takes the whole block, or a sector of it.
    const [rot, now] = [rotOf(device.gate.struck, 'records'), rotOf(recent, 'records')]
    const sure = rot.length < LOOKS && !now.some(({ effect }) => effect.dies ?? effect.read?.read === 'ecc-lasting')
    return sure && kind === 'erase' && record?.area === area ? `${area} is erased, and holds the newest record` : null
  }
  if (device.ram === null) return `a boot writes to ${area}`
  const slot = area?.charAt(0)
  if (device.ram.running.slot === slot) return `a write to ${area}, which runs`
  // A record that rotted behind the boot may be the one that says whose slot it is.
  if (isLost(device.gate.struck, 'records')) return null
  if (record === null) return `a write to ${area} with no record`
  if (record.state !== 1 && record.state !== 2) return `a write to ${area} in the state ${record.state}`
  return record.slot === slot ? `a write to ${area}, which is active` : null
}
