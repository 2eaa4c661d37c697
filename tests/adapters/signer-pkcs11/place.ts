import assert from 'node:assert/strict'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { generateTokenKey, type TokenKeyAlgorithm } from '../../../src/adapters/signer-pkcs11/keys.ts'
import type { LoadLibrary } from '../../../src/adapters/signer-pkcs11/library.ts'
import { nobodyThere, type OpenedSigner, Signers } from '../../../src/apps/process/signers.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { parsePkcs11Uri } from '../../../src/core/encoding/pkcs11-uri.ts'
import { isRefusal, orThrow, type Refusal, sentence } from '../../../src/core/refusal/refusal.ts'
import { PIN, type SoftToken } from '../../worlds/soft-token.ts'

export const MESSAGE = utf8('what is signed')

export const codeOf = (value: unknown): string => {
  if (!isRefusal(value)) return 'no refusal'
  assert.doesNotMatch(sentence(value), new RegExp(PIN), 'a PIN is never repeated')
  return value.code
}

/** Opens a key as every command does, works with it, and closes it. */
export async function withKey<T>(
  token: SoftToken,
  path: string,
  work: (signer: OpenedSigner) => Promise<T>,
  load?: LoadLibrary,
): Promise<T | Refusal> {
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere, ...(load === undefined ? {} : { load }) })
  try {
    const signer = await signers.open(token.uri(path))
    return isRefusal(signer) ? signer : await work(signer)
  } finally {
    signers.close()
  }
}

export const generate = (token: SoftToken, path: string, alg: TokenKeyAlgorithm) =>
  generateTokenKey(orThrow(parsePkcs11Uri(token.uri(path))), alg, { askPin: nobodyThere })
