import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { type NoteKey, noteKeyId, writeNote } from '../../../src/core/ledger/signed-note.ts'
import type { Signer } from '../../../src/flows/ports.ts'

/** Log keys for the tests: from a seed byte, so that every run is the same. */

export const ORIGIN = 'log.example/harbour'

const PKCS8 = Uint8Array.fromHex('302e020100300506032b657004220420')

export function testLogKey(seed: number): KeyObject {
  const key = Buffer.from([...PKCS8, ...new Array<number>(32).fill(seed)])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

export function logKey(seed: number): NoteKey {
  const spki = createPublicKey(testLogKey(seed)).export({ format: 'der', type: 'spki' })
  return { name: ORIGIN, key: { alg: 'ed25519', spki: new Uint8Array(spki) } }
}

/** A note over a text as the holder of the key would sign it, whatever the text says. */
export function signedBy(secret: KeyObject, text: string, name = ORIGIN): string {
  const spki = new Uint8Array(createPublicKey(secret).export({ format: 'der', type: 'spki' }))
  const id = noteKeyId(nodeCrypto, { name, key: { alg: 'ed25519', spki } }) as Uint8Array
  return writeNote({ text, signatures: [{ name, id, signature: new Uint8Array(sign(null, utf8(text), secret)) }] })
}

export function testSigner(seed: number): Signer {
  const secret = testLogKey(seed)
  return {
    key: logKey(seed).key,
    development: true,
    sign: async message => new Uint8Array(sign(null, message, secret)),
  }
}
