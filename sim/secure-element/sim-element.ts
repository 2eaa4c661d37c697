import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { concat } from '../../src/core/encoding/bytes.ts'
import { spkiOfPoint } from '../../src/core/encoding/cipher.ts'
import type { KeyAlgorithm, PublicKey } from '../../src/core/encoding/crypto.ts'
import type { Anchor } from '../../src/core/firmware/suit-open.ts'
import type { SecureElement } from '../../src/core/slot/hardware.ts'
import { ANCHOR_PLACES } from '../../src/core/slot/key-change.ts'
import { PowerLost } from '../flash/power-lost.ts'

/** What the element holds. Keys as PKCS#8 PEM, the record key in hex. Development only: a real one never lets them out. */
type Contents = {
  readonly v: 1
  readonly counter: number
  /** Report numbers below this may have been given. */
  readonly reserved: number
  readonly recordKey: string
  readonly reportKey: string
  readonly identityKey: string
  readonly decryptionKey: string
  readonly anchors: readonly { readonly kid: string; readonly alg: KeyAlgorithm; readonly spki: string }[]
  readonly golden: string | null
}

export type ElementState = Pick<Contents, 'counter' | 'reserved' | 'anchors' | 'golden'>

/** Numbers reserved by one write, so that not every report wears the element. */
const RESERVE = 64

/** The commands of the element that may be cut. */
export type ElementCommand = 'raise' | 'add-anchor' | 'revoke-anchor'

export type ElementFault = 'before' | 'after' | 'refused' | 'lost'

export type SimElementOptions = {
  /** Keeps the element in this file (0600), replaced whole. */
  readonly file?: string
  readonly reportKey?: 'ecdsa-p256' | 'ed25519'
  readonly counterLimit?: number
  /** 32 bytes in hex; unset: random. A run that is to be repeated bit by bit states it. */
  readonly recordKey?: string
}

/**
 * A secure element: keys, a counter that only rises, report numbers. Signs reports with ECDSA P-256 in DER, or Ed25519.
 * `faults` is asked before each command that changes the counter or the accepted keys, and may cut the power before or
 * after it, or have it `refused`, or done with its answer `lost`, while the power stays.
 */
export class SimElement implements SecureElement {
  faults: (command: ElementCommand) => ElementFault | null = () => null
  readonly counterLimit: number
  readonly reportKey: PublicKey
  /** The controller's own TLS key, PKCS#8 PEM, ECDSA P-256. */
  readonly identityKeyPem: string
  readonly #file: string | null
  readonly #signer: KeyObject
  #decryption: { readonly secret: KeyObject; readonly spki: Uint8Array } | null = null
  readonly #mac: (message: Uint8Array) => Uint8Array
  #contents: Contents
  #anchors: readonly Anchor[] = []
  #nextReport: number
  #raises = 0

  constructor(options: SimElementOptions = {}) {
    this.#file = options.file ?? null
    this.counterLimit = options.counterLimit ?? 0xffff_ffff
    this.#contents = this.#load() ?? generate(options.reportKey ?? 'ecdsa-p256', options.recordKey)
    this.#signer = createPrivateKey(this.#contents.reportKey)
    this.#mac = hmacSha256(Uint8Array.fromHex(this.#contents.recordKey))
    this.identityKeyPem = this.#contents.identityKey
    const alg = this.#signer.asymmetricKeyType === 'ed25519' ? 'ed25519' : 'ecdsa-p256'
    const spki = createPublicKey(this.#signer).export({ type: 'spki', format: 'der' })
    this.reportKey = { alg, spki: new Uint8Array(spki) }
    // Numbers that were reserved before a loss of power may have been used: they are skipped.
    this.#nextReport = this.#contents.reserved
    this.#save(this.#contents)
  }

  counter(): number {
    return this.#contents.counter
  }

  /** How often the counter was told to rise above where it stood. */
  get raises(): number {
    return this.#raises
  }

  /** Everything that changes, for a test that goes on from here more than once. */
  snapshot(): ElementState {
    const { counter, reserved, anchors, golden } = this.#contents
    return { counter, reserved, anchors, golden }
  }

  restore(snapshot: ElementState): void {
    this.#save({ ...this.#contents, ...snapshot })
    this.#nextReport = snapshot.reserved
    this.#raises = 0
  }

  raise(value: number): boolean {
    if (!Number.isSafeInteger(value) || value > this.counterLimit) throw new Error(`counter out of range: ${value}`)
    return this.#command('raise', () => {
      if (value <= this.#contents.counter) return
      this.#raises += 1
      this.#save({ ...this.#contents, counter: value })
    })
  }

  anchors(): readonly Anchor[] {
    return this.#anchors
  }

  addAnchor({ kid, key }: Anchor): boolean {
    return this.#command('add-anchor', () => {
      const { anchors } = this.#contents
      if (anchors.some(anchor => anchor.kid === kid)) return
      if (anchors.length >= ANCHOR_PLACES) throw new Error('no place for another key')
      this.#save({ ...this.#contents, anchors: [...anchors, { kid, alg: key.alg, spki: key.spki.toHex() }] })
    })
  }

  revokeAnchor(kid: string): boolean {
    return this.#command('revoke-anchor', () => {
      const { anchors } = this.#contents
      const left = anchors.filter(anchor => anchor.kid !== kid)
      if (left.length === 0) throw new Error('the last key is never revoked')
      if (left.length < anchors.length) this.#save({ ...this.#contents, anchors: left })
    })
  }

  goldenDigest(): string | null {
    return this.#contents.golden
  }

  pinGolden(digest: string): void {
    if (this.#contents.golden !== null && this.#contents.golden !== digest) throw new Error('golden is pinned already')
    this.#save({ ...this.#contents, golden: digest })
  }

  #command(command: ElementCommand, work: () => void): boolean {
    const fault = this.faults(command)
    if (fault === 'before') throw new PowerLost(`before the element did ${command}`)
    if (fault === 'refused') return false
    work()
    if (fault === 'after') throw new PowerLost(`after the element did ${command}`)
    return fault === null
  }

  mac(message: Uint8Array): Uint8Array {
    return this.#mac(message)
  }

  signReport(message: Uint8Array): Uint8Array {
    const hash = this.reportKey.alg === 'ed25519' ? null : 'sha256'
    return new Uint8Array(sign(hash, message, this.#signer))
  }

  get decryptionKey(): Uint8Array {
    return this.#decryptionPair().spki
  }

  agree(point: Uint8Array): Uint8Array | null {
    try {
      const publicKey = createPublicKey({ key: Buffer.from(spkiOfPoint(point)), format: 'der', type: 'spki' })
      return new Uint8Array(diffieHellman({ privateKey: this.#decryptionPair().secret, publicKey }))
    } catch {
      return null // no point of the curve
    }
  }

  /** Parsed when it is first asked for: most runs never do. */
  #decryptionPair(): { readonly secret: KeyObject; readonly spki: Uint8Array } {
    if (this.#decryption === null) {
      const secret = createPrivateKey(this.#contents.decryptionKey)
      const spki = new Uint8Array(createPublicKey(secret).export({ type: 'spki', format: 'der' }))
      this.#decryption = { secret, spki }
    }
    return this.#decryption
  }

  nextReport(): number {
    if (this.#nextReport >= this.#contents.reserved) {
      this.#save({ ...this.#contents, reserved: this.#nextReport + RESERVE })
    }
    const number = this.#nextReport
    this.#nextReport += 1
    return number
  }

  #load(): Contents | null {
    if (this.#file === null || !existsSync(this.#file)) return null
    return JSON.parse(readFileSync(this.#file, 'utf8')) as Contents
  }

  /** If the process dies here, the old file stands, or the new one; never a part of either. */
  #save(contents: Contents): void {
    if (contents.anchors !== this.#contents.anchors || this.#anchors.length !== contents.anchors.length) {
      this.#anchors = contents.anchors.map(({ kid, alg, spki }) => ({
        kid,
        key: { alg, spki: Uint8Array.fromHex(spki) },
      }))
    }
    this.#contents = contents
    if (this.#file === null) return
    const temporary = `${this.#file}.new`
    const handle = openSync(temporary, 'w', 0o600)
    writeSync(handle, `${JSON.stringify(contents, null, 2)}\n`)
    fsyncSync(handle)
    closeSync(handle)
    renameSync(temporary, this.#file)
    const folder = openSync(dirname(this.#file), 'r')
    fsyncSync(folder)
    closeSync(folder)
  }
}

/** Bytes of a block of SHA-256, of its digest. */
const [BLOCK, DIGEST] = [64, 32]

/**
 * HMAC-SHA-256 (RFC 2104 §2) under a key of at most a block, from two one-shot hashes: real elements have hardware for
 * it, and setting up Node's HMAC costs several times the MAC, at four to five MACs a boot.
 */
function hmacSha256(key: Uint8Array): (message: Uint8Array) => Uint8Array {
  const padded = (byte: number): Uint8Array => {
    const block = new Uint8Array(BLOCK).fill(byte)
    for (const [at, part] of key.entries()) block[at] = part ^ byte
    return block
  }
  const inner = padded(0x36)
  const outer = concat(padded(0x5c), new Uint8Array(DIGEST))
  return message => {
    outer.set(hash('sha256', concat(inner, message), 'buffer'), BLOCK)
    return new Uint8Array(hash('sha256', outer, 'buffer'))
  }
}

function generate(alg: 'ecdsa-p256' | 'ed25519', recordKey?: string): Contents {
  const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string
  const p256 = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  return {
    v: 1,
    counter: 0,
    reserved: 1,
    recordKey: recordKey ?? randomBytes(32).toString('hex'),
    reportKey: pem(alg === 'ed25519' ? generateKeyPairSync('ed25519').privateKey : p256()),
    identityKey: pem(p256()),
    decryptionKey: pem(p256()),
    anchors: [],
    golden: null,
  }
}
