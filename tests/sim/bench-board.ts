import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { seeded } from '../../sim/clock/random.ts'
import { VirtualClock } from '../../sim/clock/virtual-clock.ts'
import type { ControllerOptions } from '../../sim/controller/sim-controller.ts'
import { SimController } from '../../sim/controller/sim-controller.ts'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import type { PublicKey } from '../../src/core/encoding/crypto.ts'
import type { Transition } from '../../src/core/firmware/release-facts.ts'
import { type Anchor, type OpenEnvelope, openEnvelope } from '../../src/core/firmware/suit-open.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Geometry } from '../../src/core/slot/layout.ts'
import type { EncryptTo } from '../../src/flows/encrypt.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { createRelease, type Release, type ReleaseInput } from '../../src/flows/release.ts'
import { signEnvelope } from '../../src/flows/sign.ts'

/** A controller small enough that every flash operation of an update can be interrupted: 4 records a block. */
export const SMALL: Geometry = {
  record: { size: 2048, sector: 2048 },
  slot: { size: 6 * 1024, sector: 512 },
  golden: { size: 6 * 1024, sector: 512 },
  history: { size: 2048, sector: 1024 },
  imageOffset: 2048,
}

export const WINDOW = 8_000
export const PROBES = ['ems-link', 'cell-voltages']
export const KID = 'aa'.repeat(32)

function memorySigner(): { signer: Signer; privateKey: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key: PublicKey = {
    alg: 'ecdsa-p256',
    spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
  }
  const signer: Signer = {
    key,
    development: true,
    sign: async (message, form) =>
      new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: form === 'der' ? 'der' : 'ieee-p1363' })),
  }
  return { signer, privateKey }
}

const vendorKey = memorySigner()
export const vendorSigner = vendorKey.signer
export const foreignSigner = memorySigner().signer
/** The key that follows the first: what a transition adds. */
export const nextSigner = memorySigner().signer
export const NEXT_KID = 'bb'.repeat(32)
export const ANCHORS: readonly Anchor[] = [{ kid: KID, key: vendorKey.signer.key }]

/** Random bytes that look like code: no run of 0xff, except where a test asks for one. */
export function imageOf(seed: number, length: number): Uint8Array {
  const random = seeded(seed)
  return Uint8Array.from({ length }, () => Math.floor(random() * 255))
}

/** A signed release of a rack BMS. */
export async function release(
  version: string,
  sequence: number,
  options: {
    counter?: number
    image?: Uint8Array
    chunkBytes?: number
    further?: ReleaseInput['further']
    transition?: Transition
    kid?: string
    class?: string
    hardware?: string[]
    probes?: string[]
    windowMillis?: number
    bootloader?: { min: number; max: number }
    signer?: Signer | null
    encrypt?: EncryptTo
  } = {},
): Promise<Release> {
  const made = orThrow(
    createRelease(
      {
        image: options.image ?? imageOf(sequence, 2_700),
        chunkBytes: options.chunkBytes ?? 512,
        ...(options.encrypt === undefined ? {} : { encrypt: options.encrypt }),
        ...(options.further === undefined ? {} : { further: options.further }),
        facts: {
          vendor: 'voltworks.example',
          class: options.class ?? 'bms-rack',
          hardware: options.hardware ?? ['primehub'],
          version,
          sequence,
          counter: options.counter ?? 1,
          bootloader: options.bootloader ?? { min: 1, max: 9 },
          health: { windowMillis: options.windowMillis ?? WINDOW, probes: options.probes ?? PROBES },
          transition: options.transition ?? null,
        },
      },
      { crypto: nodeCrypto },
    ),
  )
  if (options.signer === null) return made
  const signer = options.signer ?? vendorKey.signer
  const signed = orThrow(await signEnvelope(made.envelope, options.kid ?? KID, { crypto: nodeCrypto, signer }))
  return { ...made, envelope: signed.envelope }
}

/** The real verifier, asked once per envelope and set of anchors: enumerations boot tens of thousands of times. */
export function rememberingOpen(): OpenEnvelope {
  const seen = new Map<string, ReturnType<OpenEnvelope>>()
  return (bytes, anchors, crypto, threshold) => {
    const key = `${bytes.toHex()} ${anchors.map(({ kid }) => kid).join(' ')}`
    const answer = seen.get(key) ?? openEnvelope(bytes, anchors, crypto, threshold)
    seen.set(key, answer)
    return answer
  }
}

export const V1 = await release('1.0.0', 10)
export const V2 = await release('2.0.0', 20, { counter: 2 })
export const V3 = await release('3.0.0', 30, { counter: 2 })
export const GOLDEN = await release('0.9.0', 1, { counter: 0 })

export type Bench = { readonly controller: SimController; readonly clock: VirtualClock }

/** A controller as it leaves the factory: 1.0.0 in slot a, powered up. Null: one that was made before, as it is. */
export function bench(options: Partial<ControllerOptions> = {}, factory: Release | null = V1): Bench {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const controller = new SimController({
    id: 'rack-1',
    device: { class: 'bms-rack', hardware: 'primehub', bootloader: 3, anchors: ANCHORS },
    crypto: nodeCrypto,
    cipher: nodeCipher,
    clock,
    geometry: SMALL,
    ...options,
  })
  if (factory !== null && !controller.manufactured) orThrow(controller.manufacture(GOLDEN, factory))
  controller.powerUp()
  return { controller, clock }
}

/** Stages a release, from wherever an earlier attempt got to. */
export function stage(controller: SimController, wanted: Release, pieceBytes = 700, wrap?: Uint8Array): void {
  const offer = { envelope: wanted.envelope, update: `update-${wanted.facts.version}` }
  const installation = orThrow(controller.begin(wrap === undefined ? offer : { ...offer, wrap }))
  while (installation.offset < wanted.payload.length && installation.state.at !== 'staged') {
    const at = installation.offset
    orThrow(controller.write(at, wanted.payload.subarray(at, at + pieceBytes)))
  }
  orThrow(controller.finish())
}

/** Lets time pass, a sixteenth of the health window at a time, until something happens or two windows are over. */
export function settle({ controller, clock }: Bench): ReturnType<SimController['tick']> {
  for (let round = 0; round < 32; round += 1) {
    clock.advance(WINDOW / 16)
    const tick = controller.tick()
    if (tick.at !== 'quiet') return tick
  }
  return { at: 'quiet' }
}

export function update(on: Bench, wanted: Release): void {
  stage(on.controller, wanted)
  orThrow(on.controller.activate())
  settle(on)
}
