import { toHex } from '../encoding/bytes.ts'
import type { BreakCode, DevicePlace } from './device-place.ts'
import type { AuditEntry } from './entry.ts'
import { PassedOver } from './passed-over.ts'

/** A break of a sequence that the log tells of: of a controller's decisions, or (`controller` null) of its gateway's own log. */
export type SequenceBreak = {
  readonly site: string
  readonly controller: string | null
  readonly code: BreakCode | 'upstream-lost' | 'upstream-forgotten'
  readonly from: number
  readonly to: number
  /** The entry of the log that says so. */
  readonly entry: number
}

/** Breaks that are kept at most; the rest is counted. */
export const MAX_BREAKS = 1000

/**
 * A controller as the log tells of it: the report key that it was registered with last, and how far its history was told. `known`: how many
 * stretches of the log had been passed over when each part of it was known last; a part is certain when none was since.
 */
export type Device = {
  key: Uint8Array | null
  place: DevicePlace
  known: { key: number; told: number; attested: number; missed: number }
}

/** All of it known when so many stretches had been passed over. */
export const since = (count: number): Device['known'] => ({ key: count, told: count, attested: count, missed: count })

/** A controller of which all is known that the log says, when nothing was passed over. */
export const knownDevice = (key: Uint8Array | null, place: DevicePlace): Device => ({ key, place, known: since(0) })

/** A gateway's own log as far as it was taken in: the last number, the head behind it, and when it was known as for a `Device`. */
export type GatewayPlace = { readonly sequence: number; readonly head: Uint8Array; readonly known: number }

/**
 * How far each gateway's log and each controller's history have come, while a log is read. One object that each entry
 * changes: a fleet has a million controllers.
 */
export type Origins = {
  readonly gateways: Map<string, GatewayPlace>
  readonly devices: Map<string, Device>
  readonly breaks: SequenceBreak[]
  moreBreaks: number
  readonly passed: PassedOver
  /** Whether signatures of devices are verified: the browser's mathematics has Ed25519 alone. */
  readonly signatures: boolean
}

export const noOrigins = (signatures: boolean): Origins => ({
  gateways: new Map(),
  devices: new Map(),
  breaks: [],
  moreBreaks: 0,
  passed: new PassedOver(),
  signatures,
})

/** Passes over an entry that is not at hand: anything can have been in it. */
export const passOver = (so: Origins, index: number): void => so.passed.add(index)

/** A controller's name in `devices`. */
export const nameOf = ({ site, controller }: Pick<AuditEntry, 'site' | 'controller'>): string =>
  `${site ?? '?'}/${controller ?? '?'}`

/** Keeps a break that the log tells of. */
export function keep(so: Origins, one: SequenceBreak): void {
  if (so.breaks.length < MAX_BREAKS) so.breaks.push(one)
  else so.moreBreaks += 1
}

/**
 * The heads that gateways' logs have come to, by gateway: a gateway can hold them against its own. None of a gateway of which nothing is at
 * hand behind what was passed over.
 */
export const headsOf = ({ gateways, passed }: Origins): Record<string, { sequence: number; head: string }> =>
  Object.fromEntries(
    [...gateways].flatMap(([site, { sequence, head, known }]) =>
      known === passed.count ? [[site, { sequence, head: toHex(head) }]] : [],
    ),
  )

/** The sequences of which something is not judged, for what was passed over; as `PassedOver.unjudged`. */
export const unjudgedIn = ({ gateways, devices, passed }: Origins): ReturnType<PassedOver['unjudged']> =>
  passed.unjudged(silentIn({ gateways, devices, passed }))

function* silentIn({ gateways, devices, passed }: Pick<Origins, 'gateways' | 'devices' | 'passed'>) {
  for (const [site, { known }] of gateways) {
    if (known !== passed.count) yield { site, controller: null }
  }
  for (const [name, { known }] of devices) {
    const [site, controller] = name.split('/') as [string, string]
    if (known.told !== passed.count) yield { site, controller }
  }
}
