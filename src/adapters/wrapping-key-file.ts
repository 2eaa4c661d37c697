import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { isP256Spki, spkiOfPoint } from '../core/encoding/cipher.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { WrappingKey } from '../flows/ports.ts'
import { agreeP256, algorithmOf } from './openssl.ts'

const MAX_KEY_FILE = 64 * 1024

/**
 * Loads a wrapping key: a P-256 private key, PKCS#8 in PEM, readable by its owner only, as `generateKeyFile` writes it.
 * Refuses `file-missing`, `file-unreadable`, `file-too-large`, `key-file-permissions`, `key-malformed` and
 * `key-algorithm-unsupported`.
 */
export function loadWrappingKey(path: string): WrappingKey | Refusal {
  let key: KeyObject
  try {
    const { size, mode } = statSync(path)
    if (size > MAX_KEY_FILE) return refuse('file-too-large', path, `at most ${MAX_KEY_FILE} bytes`, `${size} bytes`)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      return refuse('key-file-permissions', path, 'mode 600', `mode ${(mode & 0o777).toString(8)}`)
    }
    const pem = readFileSync(path, 'utf8')
    try {
      key = createPrivateKey(pem)
    } catch {
      return refuse('key-malformed', path, 'a private key as PKCS#8 in PEM, without a passphrase', 'something else')
    }
  } catch (error) {
    const { code = (error as Error).message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return refuse('file-missing', path, 'a file', 'none of that name')
    return refuse('file-unreadable', path, 'a file that this user may read', code)
  }
  if (algorithmOf(key) !== 'ecdsa-p256') {
    return refuse('key-algorithm-unsupported', path, 'a P-256 key', key.asymmetricKeyType ?? 'an unknown kind')
  }
  const spki = new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  if (!isP256Spki(spki)) return refuse('key-malformed', path, 'a P-256 key with its named curve', 'another spelling')
  return {
    spki,
    development: true,
    agree: async point =>
      agreeP256(key, spkiOfPoint(point)) ?? refuse('wrap-not-opened', path, 'a point of P-256', 'something else'),
  }
}
