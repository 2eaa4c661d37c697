import type { Device } from '../../conformance/doors/suit/device.ts'
import type { Procedure } from '../../conformance/doors/suit/machine.ts'
import { type Processed, processForeign } from '../../conformance/doors/suit/process.ts'
import { isRefused, type Refused } from '../../conformance/doors/suit/refusal.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import type { Cbor } from '../../src/core/encoding/cbor.ts'
import {
  blockOf,
  digestOf,
  envelopeOf,
  hex,
  manifestOf,
  type Parts,
  parameters,
  sequence,
  signer,
} from './suit-authoring.ts'
import { CLASS, VENDOR } from './suit-examples.ts'

/** A device in memory, and a run on it, for the tests of the processor. */

export const AUTHOR = signer('ed25519', -19)
export const IDENTITY: readonly (readonly [number, Cbor])[] = [
  [1, hex(VENDOR)],
  [2, hex(CLASS)],
]
/** The vendor and class of the device, checked: what every shared sequence begins with. */
export const IDENTIFIED: readonly Cbor[] = [20, parameters(...IDENTITY), 1, 15, 2, 15]

type Stated = Partial<Omit<Device, 'image' | 'payload'>> & {
  readonly images?: Readonly<Record<string, Uint8Array>>
  readonly payloads?: Readonly<Record<string, Uint8Array>>
}

export function deviceOf({ images = {}, payloads = {}, ...stated }: Stated = {}): Device {
  return {
    vendor: [VENDOR],
    class: [CLASS],
    device: [],
    sequence: 0,
    components: new Map(['00', '01', '02'].map(key => [key, { slot: null }])),
    ...stated,
    image: key => images[key] ?? null,
    payload: uri => payloads[uri] ?? null,
  }
}

/** A manifest with a shared sequence that checks who the device is, signed by the author. */
export function authored(parts: Parts, beside: readonly (readonly [number | string, Cbor])[] = []): Uint8Array {
  const manifest = manifestOf({ shared: sequence(...IDENTIFIED), ...parts })
  return envelopeOf(manifest, [blockOf(manifest, AUTHOR)], beside)
}

export function run(envelope: Uint8Array, device = deviceOf(), procedure: Procedure = 'all'): Processed | Refused {
  return processForeign(envelope, [{ name: 'author', key: AUTHOR.key }], 1, device, procedure, nodeCrypto)
}

/** The code that a run ended with, or "done". */
export function codeOf(envelope: Uint8Array, device?: Device, procedure?: Procedure): string {
  const ran = run(envelope, device, procedure)
  return isRefused(ran) ? ran.code : (ran.refusal?.code ?? 'done')
}

/** What a run left, as text: images by component. */
export function leftBy(envelope: Uint8Array, device?: Device, procedure?: Procedure): Record<string, string | null> {
  const ran = run(envelope, device, procedure)
  if (isRefused(ran)) throw new Error(`${ran.code}: ${ran.subject}, ${ran.expected}, ${ran.actual}`)
  if (ran.refusal !== null) throw new Error(`${ran.refusal.code}: ${ran.refusal.expected}, ${ran.refusal.actual}`)
  return Object.fromEntries(
    [...ran.changed].map(([key, image]) => [key, image === null ? null : new TextDecoder().decode(image)]),
  )
}

export const NEW = utf8('the new image')
export const OLD = utf8('the old one')

export const MATCH = [3, 15] as const
export const install = (...commands: readonly Cbor[]) => authored({ more: [[20, sequence(...commands)]] })
export const both = (...commands: readonly Cbor[]) =>
  authored({
    components: [[hex('00')], [hex('01')]],
    shared: sequence(12, true, ...IDENTIFIED),
    more: [[20, sequence(12, 0, ...commands)]],
  })
export const content = (bytes: Uint8Array) => parameters([18, bytes])
export const image = (bytes: Uint8Array, ...more: readonly (readonly [number, Cbor])[]) =>
  parameters([3, digestOf(bytes)], ...more)
export const write = (text: string): readonly Cbor[] => [20, content(utf8(text)), 18, 15]
