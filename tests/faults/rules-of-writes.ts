import type { Judged, Look } from './invariants.ts'
import { isLost, LOOKS, rotOf } from './lost.ts'
import type { Operation } from './mode.ts'
import { newestRecord, RECORD } from './plain-reader.ts'
import type { Made } from './releases.ts'
import { releaseByDigest } from './truth.ts'

/** The invariants about what is written, raised and exchanged, judged before it happens. See invariants.ts. */

/** "The counter never falls and never exceeds the confirmed image's." */
export function counterKeepsItsPlace({ device, witness }: Look): Judged {
  const now = device.element.counter()
  if (now < witness.counter) return `the counter fell from ${witness.counter} to ${now}`
  return now > witness.allowed ? `the counter is ${now}; the confirmed image's is ${witness.allowed}` : null
}

/** The confirmed image that the newest record names, at the moment of a command to the element. */
function confirmedNow({ device, stood }: Look): Made | string {
  // It may have been lost since it was read.
  const lost = isLost(device.gate.struck, 'records')
  const record = newestRecord(device.flash, device.element) ?? (lost ? stood : null)
  if (record === null) return 'no record can be read'
  const { state, digest } = record.notes[record.slot]
  const confirmed = (record.state === 1 || record.state === 2 || record.state === 3) && state === 3
  if (!confirmed) return `nothing is confirmed in the state ${record.state}`
  const release = releaseByDigest(device, digest)
  if (release === undefined) return 'nobody made the image that is confirmed'
  const { version } = release.facts
  const healthy = device.behaviour(version) === 'healthy' || release === device.releases.first
  return healthy ? release : `${version} is not healthy`
}

/**
 * The change of keys follows its record, as the counter does: the confirmed image's signed manifest asks for this key, and
 * for nothing else; and one goes only when the floor of its release is reached, or what brought it could bring it again.
 */
export function keysFollowTheirRecord(look: Look): Judged {
  const { told, element } = look.device
  const release = confirmedNow(look)
  if (typeof release === 'string') return `keys change, and ${release}`
  const { transition, version, counter } = release.facts
  if (told?.kind === 'add-anchor') {
    const { kid, key } = told.anchor
    const asked =
      transition?.kind === 'add' &&
      transition.kid === kid &&
      transition.alg === key.alg &&
      transition.spki === key.spki.toHex()
    return asked ? null : `key ${kid.slice(0, 8)} is added, and ${version} does not ask for it`
  }
  if (told?.kind !== 'revoke-anchor') return 'keys change, and nobody said which'
  const { kid } = told
  if (transition?.kind !== 'retire' || transition.kid !== kid) {
    return `key ${kid.slice(0, 8)} is revoked, and ${version} does not ask for it`
  }
  return element.counter() < counter ? `key ${kid.slice(0, 8)} is revoked before the counter is at ${counter}` : null
}

/** Rule 6, at the moment of the raise: one STABLE record, read back, then the counter: to what its image has signed. */
export function raiseFollowsItsRecord(look: Look): Judged {
  const { told } = look.device
  const release = confirmedNow(look)
  if (typeof release === 'string') return `the counter rises, and ${release}`
  const { version, counter } = release.facts
  return told?.kind === 'raise' && told.counter === counter
    ? null
    : `the counter is raised to ${told?.kind === 'raise' ? told.counter : 'nothing'}; ${version} has signed ${counter}`
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
    // A newer one that reads as whole today is written once more before anything else.
    if (!sure || record?.area !== area || record.doubted) return null
    if (kind === 'erase') return `${area} is erased, and holds the newest record`
    const over = operation.offset < record.at + RECORD && operation.offset + operation.length > record.at
    return over ? `${area} is programmed where the newest record lies` : null
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
