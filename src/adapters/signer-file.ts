import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign as signWith,
} from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fromUtf8, utf8 } from '../core/encoding/bytes.ts'
import { isP256Spki, spkiOfPoint } from '../core/encoding/cipher.ts'
import type { PublicKey, SignatureForm } from '../core/encoding/crypto.ts'
import { isPkcs11Uri } from '../core/encoding/pkcs11-uri.ts'
import { notRead } from '../core/refusal/not-read.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { RoleKey } from '../core/trust/keys.ts'
import { type Passkey, readPasskey, writePasskey } from '../core/trust/passkey.ts'
import type { Signer, WrappingKey } from '../flows/ports.ts'
import { agreeP256, algorithmOf, DIGEST, signatureOptions } from './openssl.ts'

/** The algorithms that a key file is generated for. */
export type FileKeyAlgorithm = 'ed25519' | 'ecdsa-p256' | 'ecdsa-p384' | 'ml-dsa-65'

/** Where a public key lies beside its private key: SubjectPublicKeyInfo in PEM. */
export const publicKeyFile = (path: string): string => `${path}.pub`

/** The note that stands in every folder with a generated key. */
export const LABEL_FILE = 'DEVELOPMENT-KEYS.txt'

const MAX_KEY_FILE = 64 * 1024
const LABEL = `DEVELOPMENT KEYS

The private keys in this folder are plain files: who can read or copy them can sign as their owner, and nobody
would notice. They are meant for development and for tests. Keep production keys in an HSM or a security token.
`

/**
 * Generates a key pair and writes it: PATH (PKCS#8 in PEM, mode 0600), PATH.pub, and the folder's label. Never
 * overwrites. Durable on return. Refuses `key-exists`, `key-not-written` and `no-space`.
 */
export function generateKeyFile(path: string, alg: FileKeyAlgorithm): Signer | Refusal {
  const target = resolve(path)
  const occupied = [target, publicKeyFile(target)].find(name => existsSync(name))
  if (occupied !== undefined) return exists(occupied)
  const { publicKey, privateKey } = generate(alg)
  const spki = exportSpki(publicKey)
  const preamble = 'DEVELOPMENT KEY of Voltseal: a plain file that whoever copies it can sign with.\n'
  try {
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 })
    writeLabel(dirname(target))
    // The private key last: it has its name only when all of it is on the disk and the public half stands beside it.
    // If power fails before, a `.pub` without a key is left, which the next try reports by name; never half a key.
    createWhole(publicKeyFile(target), publicKey.export({ type: 'spki', format: 'pem' }).toString(), 0o644)
    createWhole(target, preamble + privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600)
    return new FileSigner({ alg, spki }, privateKey)
  } catch (error) {
    return notWritten(path, error)
  }
}

/**
 * Loads a private key: PKCS#8 in PEM, not encrypted, readable by its owner only. Refuses `file-missing`,
 * `file-unreadable`, `file-too-large`, `key-file-permissions`, `key-malformed` and `key-algorithm-unsupported`.
 */
export function loadSigner(path: string): Signer | Refusal {
  const privateKey = loadPrivateKey(path)
  if (isRefusal(privateKey)) return privateKey
  const alg = algorithmOf(privateKey)
  if (alg === null) return unsupported(path, privateKey)
  return new FileSigner({ alg, spki: exportSpki(createPublicKey(privateKey)) }, privateKey)
}

/** Loads a wrapping key: a P-256 private key, as `generateKeyFile` writes it. Refuses like `loadSigner`. */
export function loadWrappingKey(path: string): WrappingKey | Refusal {
  const privateKey = loadPrivateKey(path)
  if (isRefusal(privateKey)) return privateKey
  const spki = exportSpki(createPublicKey(privateKey))
  // Also: a key whose curve is written out in full, which others would know by another id.
  if (!isP256Spki(spki)) {
    return refuse('key-algorithm-unsupported', path, 'a P-256 key', privateKey.asymmetricKeyType ?? 'an unknown kind')
  }
  return {
    spki,
    development: true,
    agree: async point =>
      agreeP256(privateKey, spkiOfPoint(point)) ??
      refuse('wrap-not-opened', path, 'a point of P-256', 'something else'),
  }
}

function loadPrivateKey(path: string): KeyObject | Refusal {
  const pem = readKeyFile(path, true)
  if (isRefusal(pem)) return pem
  try {
    return createPrivateKey(pem)
  } catch (error) {
    const encrypted = pem.includes('ENCRYPTED') || (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE'
    return refuse(
      'key-malformed',
      path,
      'a private key as PKCS#8 in PEM, without a passphrase',
      encrypted ? 'an encrypted key' : pem.includes('PUBLIC KEY') ? 'a public key' : 'something else',
    )
  }
}

/**
 * Loads a public key: SubjectPublicKeyInfo in PEM. A private key file is refused: who checks signatures has no business
 * with it. Refuses `file-missing`, `file-unreadable`, `file-not-permitted`, `file-too-large`, `key-malformed`,
 * `key-algorithm-unsupported`.
 */
export function loadPublicKey(path: string): PublicKey | Refusal {
  const expected = 'a public key in PEM (the .pub file)'
  if (isPkcs11Uri(path)) {
    const actual = 'a token: voltseal key show REFERENCE --public FILE writes its public key'
    return refuse('key-malformed', path.split('?')[0] as string, expected, actual)
  }
  const pem = readKeyFile(path, false)
  if (isRefusal(pem)) return pem
  if (pem.includes('PRIVATE KEY')) return refuse('key-malformed', path, expected, 'a private key')
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    return refuse('key-malformed', path, expected, 'something else')
  }
  const alg = algorithmOf(key)
  return alg === null ? unsupported(path, key) : { alg, spki: exportSpki(key) }
}

/**
 * Loads the public part of a key that a role may name: as `loadPublicKey` does, or a passkey as the console hands it out.
 * Refuses what `loadPublicKey` refuses.
 */
export function loadRoleKey(path: string): RoleKey | Refusal {
  const file = isPkcs11Uri(path) ? '' : readKeyFile(path, false)
  if (isRefusal(file)) return file
  return file.startsWith('{') ? readPasskey(utf8(file), path) : loadPublicKey(path)
}

/** Writes the public part of a passkey as `loadRoleKey` reads it. Never overwrites. Durable on return. Refuses as `writePublicKey`. */
export function writePasskeyFile(path: string, key: Passkey): null | Refusal {
  try {
    // If power fails before the name is given, there is no such file; after it, all of it.
    createWhole(resolve(path), `${fromUtf8(writePasskey(key))}\n`, 0o644)
    return null
  } catch (error) {
    return notWritten(path, error)
  }
}

/**
 * Writes a public key as `loadPublicKey` reads it. Never overwrites. Durable on return. Refuses `key-exists`,
 * `key-not-written`, `no-space`.
 */
export function writePublicKey(path: string, key: PublicKey): null | Refusal {
  try {
    const spki = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
    // If power fails before the name is given, there is no such file; after it, all of it.
    createWhole(resolve(path), spki.export({ type: 'spki', format: 'pem' }).toString(), 0o644)
    return null
  } catch (error) {
    return notWritten(path, error)
  }
}

class FileSigner implements Signer {
  readonly key: PublicKey
  readonly development = true
  readonly #privateKey: KeyObject

  constructor(key: PublicKey, privateKey: KeyObject) {
    this.key = key
    this.#privateKey = privateKey
  }

  async sign(message: Uint8Array, form: SignatureForm): Promise<Uint8Array> {
    const { alg } = this.key
    const signature = signWith(DIGEST[alg], message, { key: this.#privateKey, ...signatureOptions(alg, form) })
    return new Uint8Array(signature.buffer, signature.byteOffset, signature.byteLength)
  }
}

function generate(alg: FileKeyAlgorithm): { publicKey: KeyObject; privateKey: KeyObject } {
  if (alg === 'ed25519') return generateKeyPairSync('ed25519')
  if (alg === 'ml-dsa-65') return generateKeyPairSync('ml-dsa-65')
  return generateKeyPairSync('ec', { namedCurve: alg === 'ecdsa-p256' ? 'P-256' : 'P-384' })
}

function readKeyFile(path: string, secret: boolean): string | Refusal {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    return unread(path, error)
  }
  try {
    // The open file is judged, not the name: the name may mean another file a moment later.
    const status = fstatSync(file)
    if (!status.isFile()) return refuse('file-unreadable', path, 'a regular file', 'something else')
    if (status.size > MAX_KEY_FILE) {
      return refuse('file-too-large', path, `at most ${MAX_KEY_FILE} bytes`, `${status.size} bytes`)
    }
    const text = readFileSync(file, 'utf8')
    const mode = status.mode & 0o777
    // A public key may be read by everybody: what is wrong with it here is said by the caller.
    const guarded = secret && text.includes('PRIVATE KEY') && process.platform !== 'win32'
    if (guarded && (mode & 0o077) !== 0) {
      return refuse('key-file-permissions', path, 'mode 600', `mode ${mode.toString(8)}`)
    }
    return text
  } catch (error) {
    return unread(path, error)
  } finally {
    closeSync(file)
  }
}

/** Creates a file whole, or throws EEXIST: the link gives the finished file its name only if the name is free. */
function createWhole(path: string, content: string, mode: number): void {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`)
  try {
    const file = openSync(temporary, 'wx', mode)
    try {
      writeFileSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    linkSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function writeLabel(folder: string): void {
  const path = join(folder, LABEL_FILE)
  if (!existsSync(path)) writeFileSync(path, LABEL, { mode: 0o644 })
}

function unread(path: string, error: unknown): Refusal {
  const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
  if (code === 'ENOENT' || code === 'ENOTDIR') return refuse('file-missing', path, 'a file', 'none of that name')
  return notRead(path, code)
}

function notWritten(path: string, error: unknown): Refusal {
  const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
  if ((error as NodeJS.ErrnoException).syscall === 'link' && code === 'EEXIST') return exists(path)
  if (code === 'ENOSPC' || code === 'EDQUOT') return refuse('no-space', path, 'room for the key', code)
  return refuse('key-not-written', path, 'a folder that this user may write', code)
}

const exists = (path: string): Refusal => refuse('key-exists', path, 'a name that is free', 'a file of that name')

const exportSpki = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: 'spki', format: 'der' }))

const unsupported = (path: string, key: KeyObject): Refusal =>
  refuse(
    'key-algorithm-unsupported',
    path,
    'ed25519, ecdsa-p256, ecdsa-p384, ml-dsa-65, or RSA of 2048 to 8192 bits',
    key.asymmetricKeyType ?? 'an unknown kind',
  )
