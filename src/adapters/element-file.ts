import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { spkiOfPoint } from '../core/encoding/cipher.ts'
import type { KeyAlgorithm, PublicKey } from '../core/encoding/crypto.ts'
import type { Anchor } from '../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { SecureElement } from '../core/slot/hardware.ts'
import { ANCHOR_PLACES } from '../core/slot/key-change.ts'
import { agreeP256 } from './openssl.ts'

/** What the file holds: keys as PKCS#8 PEM, the record key and the accepted keys in hex, and the numbers. */
type Contents = {
  readonly kind: 'voltseal-element'
  readonly v: 1
  readonly counter: number
  /** Report numbers below this may have been given. */
  readonly reserved: number
  readonly recordKey: string
  readonly reportKey: string
  readonly identityKey: string
  /** Absent in an element that was made before payloads were encrypted. */
  readonly decryptionKey?: string
  readonly anchors: readonly { readonly kid: string; readonly alg: KeyAlgorithm; readonly spki: string }[]
  /** SHA-256 of the golden image; null before manufacture. */
  readonly golden: string | null
}

/** Report numbers that one write reserves, so that not every report costs a sync. */
const RESERVE = 64
/** The counter is 32 bits in the boot record. */
const LIMIT = 0xffff_ffff

/**
 * A secure element in a file of mode 0600, for a computer that has none. It is honest only as long as the file system is:
 * who may write the file may lower the counter or read the keys, and who puts an old copy back has turned the counter
 * back. It keeps out what comes over the network and what an application without this user's rights does. A TPM or a
 * PKCS#11 token takes this place.
 *
 * The file is replaced whole at each change: a loss of power leaves the old one or the new one. A change that the disk does
 * not take is answered for as not done.
 */
export class FileElement implements SecureElement {
  readonly counterLimit = LIMIT
  readonly reportKey: PublicKey
  /** The controller's own TLS key, PKCS#8 PEM, ECDSA P-256. */
  readonly identityKeyPem: string
  readonly #path: string
  readonly #recordKey: Uint8Array
  readonly #signer: KeyObject
  #decryption: KeyObject | null = null
  #contents: Contents
  #anchors: readonly Anchor[]
  #nextReport: number
  /** The file that is in the folder now is there after a loss of power too. */
  #settled = true

  private constructor(path: string, contents: Contents) {
    this.#path = path
    this.#contents = contents
    this.#anchors = anchorsOf(contents)
    this.#recordKey = Uint8Array.fromHex(contents.recordKey)
    this.#signer = createPrivateKey(contents.reportKey)
    this.identityKeyPem = contents.identityKey
    this.reportKey = { alg: 'ecdsa-p256', spki: publicHalf(this.#signer) }
    if (contents.decryptionKey !== undefined) this.#decryption = createPrivateKey(contents.decryptionKey)
    // Numbers that were reserved before the process ended may have been used: they are skipped.
    this.#nextReport = contents.reserved
  }

  /** Makes an element with new keys and a counter of 0; replaces a file that is there. Durable on return. */
  static create(path: string): FileElement {
    const contents: Contents = {
      kind: 'voltseal-element',
      v: 1,
      counter: 0,
      reserved: 1,
      recordKey: randomBytes(32).toString('hex'),
      reportKey: p256(),
      identityKey: p256(),
      decryptionKey: p256(),
      anchors: [],
      golden: null,
    }
    replace(path, contents)
    syncFolderOf(path)
    return new FileElement(path, contents)
  }

  /** Refuses `element-unreadable`: the file is gone, damaged or not for this user. Nothing can run without its keys. */
  static open(path: string): FileElement | Refusal {
    const contents = read(path)
    if (isRefusal(contents)) return contents
    try {
      return new FileElement(path, contents)
    } catch (error) {
      return unreadable(path, (error as Error).message)
    }
  }

  counter(): number {
    return this.#contents.counter
  }

  raise(value: number): boolean {
    if (!Number.isSafeInteger(value) || value > LIMIT) throw new Error(`counter out of range: ${value}`)
    // If power fails here, the counter stands where it stood: the floor intent in the record makes the next boot raise it.
    return value <= this.#contents.counter ? this.#settle() : this.#save({ ...this.#contents, counter: value })
  }

  anchors(): readonly Anchor[] {
    return this.#anchors
  }

  addAnchor({ kid, key }: Anchor): boolean {
    const { anchors } = this.#contents
    if (anchors.some(anchor => anchor.kid === kid)) return this.#settle()
    if (anchors.length >= ANCHOR_PLACES) throw new Error('no place for another key')
    // If power fails here, the key is not accepted yet: the intent in the record makes the next boot add it.
    return this.#save({ ...this.#contents, anchors: [...anchors, { kid, alg: key.alg, spki: key.spki.toHex() }] })
  }

  revokeAnchor(kid: string): boolean {
    const { anchors } = this.#contents
    const left = anchors.filter(anchor => anchor.kid !== kid)
    if (left.length === 0) throw new Error('the last key is never revoked')
    // If power fails here, the key is still accepted: the intent in the record makes the next boot take it away.
    return left.length === anchors.length ? this.#settle() : this.#save({ ...this.#contents, anchors: left })
  }

  goldenDigest(): string | null {
    return this.#contents.golden
  }

  pinGolden(digest: string): void {
    if (this.#contents.golden === digest) return
    if (this.#contents.golden !== null) throw new Error('golden is pinned already')
    if (!this.#save({ ...this.#contents, golden: digest }))
      throw new Error('golden was not pinned: the disk takes no write')
  }

  mac(message: Uint8Array): Uint8Array {
    return new Uint8Array(createHmac('sha256', this.#recordKey).update(message).digest())
  }

  signReport(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign('sha256', message, this.#signer))
  }

  get decryptionKey(): Uint8Array | null {
    return this.#decryption === null ? null : publicHalf(this.#decryption)
  }

  /** Gives an element of before a decryption key; one that has one keeps it. False: the file cannot be written. */
  addDecryptionKey(): boolean {
    if (this.#decryption !== null) return this.#settle()
    const decryptionKey = p256()
    // If power fails here, the element has none, or the one that is in its file: nobody knows of it yet.
    if (!this.#save({ ...this.#contents, decryptionKey })) return false
    this.#decryption = createPrivateKey(decryptionKey)
    return true
  }

  agree(point: Uint8Array): Uint8Array | null {
    return this.#decryption === null ? null : agreeP256(this.#decryption, spkiOfPoint(point))
  }

  nextReport(): number | null {
    if (this.#nextReport >= this.#contents.reserved) {
      // If power fails here, at most these numbers are never used.
      if (!this.#save({ ...this.#contents, reserved: this.#nextReport + RESERVE })) return null
    }
    const number = this.#nextReport
    this.#nextReport += 1
    return number
  }

  /** Answers false when it may not be durable: a full disk, or one at the end of its life. */
  #save(contents: Contents): boolean {
    try {
      replace(this.#path, contents)
    } catch {
      return false
    }
    // The file says so from here on, whatever becomes of the folder: nothing may ever turn it back.
    this.#contents = contents
    this.#anchors = anchorsOf(contents)
    this.#settled = false
    return this.#settle()
  }

  #settle(): boolean {
    try {
      if (!this.#settled) syncFolderOf(this.#path)
      this.#settled = true
    } catch {
      // Tried again with the next command.
    }
    return this.#settled
  }
}

/** A new private key, PKCS#8 PEM. */
const p256 = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

const publicHalf = (key: KeyObject): Uint8Array =>
  new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }))

const anchorsOf = ({ anchors }: Contents): readonly Anchor[] =>
  anchors.map(({ kid, alg, spki }) => ({ kid, key: { alg, spki: Uint8Array.fromHex(spki) } }))

function read(path: string): Contents | Refusal {
  let value: Partial<Contents>
  try {
    value = Object(JSON.parse(readFileSync(path, 'utf8'))) as Partial<Contents>
  } catch (error) {
    return unreadable(path, (error as NodeJS.ErrnoException).code ?? 'no JSON')
  }
  const { kind, v, counter, reserved, recordKey, reportKey, identityKey, decryptionKey = '', anchors, golden } = value
  const numbers = [counter, reserved].every(part => Number.isSafeInteger(part) && (part as number) >= 0)
  const keys = [reportKey, identityKey, decryptionKey].every(part => typeof part === 'string')
  const accepts = Array.isArray(anchors) && (golden === null || typeof golden === 'string')
  const whole = accepts && kind === 'voltseal-element' && v === 1 && numbers && keys
  if (!whole || typeof recordKey !== 'string' || !/^[0-9a-f]{64}$/.test(recordKey)) {
    return unreadable(path, 'something else')
  }
  return value as Contents
}

/** If power fails here, the old file stands, or the new one; never a part of either. Throws when it cannot be written. */
function replace(path: string, contents: Contents): void {
  const temporary = `${path}.new`
  const file = openSync(temporary, 'w', 0o600)
  try {
    writeFileSync(file, `${JSON.stringify(contents, null, 2)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
}

function syncFolderOf(path: string): void {
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

const unreadable = (path: string, actual: string): Refusal =>
  refuse('element-unreadable', path, 'the keys and the counter of this device', actual)
