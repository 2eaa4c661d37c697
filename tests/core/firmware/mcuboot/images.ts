import { generateKeyPairSync, sign } from 'node:crypto'
import { nodeCrypto } from '../../../../src/adapters/crypto-node.ts'
import { type McubootInput, mcubootImage, mcubootSigned } from '../../../../src/core/firmware/mcuboot/author.ts'
import { isRefusal, orThrow } from '../../../../src/core/refusal/refusal.ts'

export const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const KEY = {
  alg: 'ecdsa-p256',
  spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
} as const
export const IMAGE = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) & 0xff)

export const INPUT: McubootInput = {
  image: IMAGE,
  version: { major: 1, minor: 2, revision: 345, build: 0 },
  headerBytes: 512,
  counter: 9,
  dependencies: [{ image: 1, atLeast: { major: 2, minor: 0, revision: 1, build: 7 } }],
}

export function make(change: Partial<McubootInput> = {}): Uint8Array {
  const signed = orThrow(mcubootSigned({ ...INPUT, ...change }))
  return mcubootImage(signed, KEY, new Uint8Array(sign('sha256', signed, privateKey)), nodeCrypto)
}

export const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : 'none')
