import { generateKeyPairSync, sign } from 'node:crypto'
import { VirtualClock } from '../sim/clock/virtual-clock.ts'
import { SimController } from '../sim/controller/sim-controller.ts'
import { nodeCrypto } from '../src/adapters/crypto-node.ts'
import type { PublicKey } from '../src/core/encoding/crypto.ts'
import { isRefusal, orThrow } from '../src/core/refusal/refusal.ts'
import { createRelease } from '../src/flows/release.ts'
import { signEnvelope } from '../src/flows/sign.ts'
import { imageOf } from './site-world.ts'

const KIB = 1024
const SECTOR = 4 * KIB
const IMAGE_OFFSET = 20 * KIB
const KEY_ID = 'be'.repeat(32)

/** A simulated controller whose slots hold one image of that size, signed with ECDSA P-256, as the factory made it. */
export async function boardWith(imageBytes: number): Promise<{ controller: SimController; clock: VirtualClock }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key: PublicKey = { alg: 'ecdsa-p256', spki: publicKey.export({ type: 'spki', format: 'der' }) }
  const facts = {
    vendor: 'voltworks.example',
    class: 'bms',
    hardware: ['primehub'],
    version: '1.0.0',
    sequence: 1,
    counter: 1,
    bootloader: { min: 1, max: 1 },
    health: { windowMillis: 1000, probes: ['ems-link', 'cell-voltages'] },
  }
  const made = orThrow(createRelease({ image: imageOf(1, imageBytes), facts }, { crypto: nodeCrypto }))
  const signer = {
    key,
    development: true,
    sign: async (message: Uint8Array) => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  }
  const release = { ...made, ...orThrow(await signEnvelope(made.envelope, KEY_ID, { crypto: nodeCrypto, signer })) }
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const slot = { size: Math.ceil(imageBytes / SECTOR) * SECTOR + IMAGE_OFFSET, sector: SECTOR }
  const controller = new SimController({
    id: 'bms-1',
    device: { class: 'bms', hardware: 'primehub', bootloader: 1, anchors: [{ kid: KEY_ID, key }] },
    crypto: nodeCrypto,
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
  return { controller, clock }
}
