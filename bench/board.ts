import { generateKeyPairSync, sign } from 'node:crypto'
import { VirtualClock } from '../sim/clock/virtual-clock.ts'
import { SimController } from '../sim/controller/sim-controller.ts'
import { nodeCipher } from '../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../src/adapters/crypto-node.ts'
import type { PublicKey } from '../src/core/encoding/crypto.ts'
import { isRefusal, orThrow } from '../src/core/refusal/refusal.ts'
import { createRelease, type Release } from '../src/flows/release.ts'
import { signEnvelope } from '../src/flows/sign.ts'
import { imageOf } from './site-world.ts'

const KIB = 1024
const SECTOR = 4 * KIB
const IMAGE_OFFSET = 20 * KIB
const KEY_ID = 'be'.repeat(32)

/** A controller, and what makes further releases of the same size for it. */
export type BoardBench = {
  readonly controller: SimController
  readonly clock: VirtualClock
  make(version: string, sequence: number): Promise<Release>
}

/** A simulated controller whose slots hold one image of that size, signed with ECDSA P-256, as the factory made it. */
export async function boardWith(imageBytes: number): Promise<BoardBench> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key: PublicKey = { alg: 'ecdsa-p256', spki: publicKey.export({ type: 'spki', format: 'der' }) }
  const facts = {
    vendor: 'voltworks.example',
    class: 'bms',
    hardware: ['primehub'],
    counter: 1,
    bootloader: { min: 1, max: 1 },
    health: { windowMillis: 1000, probes: ['ems-link', 'cell-voltages'] },
  }
  const signer = {
    key,
    development: true,
    sign: async (message: Uint8Array) => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  }
  const make = async (version: string, sequence: number): Promise<Release> => {
    const stated = { image: imageOf(sequence, imageBytes), facts: { ...facts, version, sequence } }
    const made = orThrow(createRelease(stated, { crypto: nodeCrypto }))
    return { ...made, ...orThrow(await signEnvelope(made.envelope, KEY_ID, { crypto: nodeCrypto, signer })) }
  }
  const release = await make('1.0.0', 1)
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const slot = { size: Math.ceil(imageBytes / SECTOR) * SECTOR + IMAGE_OFFSET, sector: SECTOR }
  const controller = new SimController({
    id: 'bms-1',
    device: { class: 'bms', hardware: 'primehub', bootloader: 1, anchors: [{ kid: KEY_ID, key }] },
    crypto: nodeCrypto,
    cipher: nodeCipher,
    clock,
    geometry: {
      record: { size: SECTOR, sector: SECTOR },
      slot,
      golden: slot,
      history: { size: 64 * KIB, sector: SECTOR },
      imageOffset: IMAGE_OFFSET,
    },
  })
  const memory = controller.manufacture(release, release)
  if (isRefusal(memory)) throw new Error(memory.code)
  return { controller, clock, make }
}
