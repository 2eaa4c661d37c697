import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { concat, toBase64Url, utf8 } from '../../src/core/encoding/bytes.ts'
import { encodeCbor } from '../../src/core/encoding/cbor.ts'

/**
 * An authenticator and its browser in software, for passkeys: ES256 keys, discoverable, attestation "none" (WebAuthn Level 3
 * §6.4.4, §8.7). It does as it is told, so that a test can let it lie: `bent` says in what.
 */
export class SoftAuthenticator {
  readonly #keys: SoftKey[] = []
  /** Whether it counts its signatures (§6.1.1). One that is synced over several devices does not. */
  readonly #counts: boolean
  readonly #synced: boolean

  constructor({ counts = true, synced = false }: { readonly counts?: boolean; readonly synced?: boolean } = {}) {
    this.#counts = counts
    this.#synced = synced
  }

  /** Another device with the same keys and counters: what a thief has who copied it. */
  copy(): SoftAuthenticator {
    const copy = new SoftAuthenticator({ counts: this.#counts, synced: this.#synced })
    copy.#keys.push(...this.#keys.map(key => ({ ...key })))
    return copy
  }

  /** `navigator.credentials.create()`: a new key, and what the browser hands to the page. */
  create(asked: AskedKey, bent: Bent = {}): CreatedKey {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const id = bent.id ?? new Uint8Array(randomBytes(16))
    const key = { id, rpId: asked.rpId, user: asked.user, privateKey, counter: 0 }
    this.#keys.push(key)
    const clientDataJSON = clientData('webauthn.create', asked, bent)
    const publicKey = cosePublicKey(privateKey)
    // §6.5.1: no AAGUID, as attestation "none" wants it; then the length of the id, the id and the key.
    const attested = concat(new Uint8Array(16), Uint8Array.of(id.length >> 8, id.length & 255), id, publicKey)
    const authData = concat(this.#authenticatorData(key, FLAGS.at, bent), attested)
    const attestationObject = encodeCbor(
      new Map<string, string | Uint8Array | ReadonlyMap<string, never>>([
        ['fmt', 'none'],
        ['attStmt', new Map<string, never>()],
        ['authData', authData],
      ]),
    )
    return { id, clientDataJSON, attestationObject, publicKey, transports: ['internal'] }
  }

  /** `navigator.credentials.get()`: an assertion by the newest key for `rpId`, or by the one of `id`. */
  get(asked: AskedAssertion, bent: Bent = {}): Assertion {
    const { id: wanted } = asked
    const fits = ({ id, rpId }: SoftKey): boolean =>
      wanted === undefined ? rpId === asked.rpId : Buffer.from(id).equals(wanted)
    const key = this.#keys.findLast(fits)
    if (key === undefined) throw new Error(`no passkey for ${asked.rpId}`)
    if (this.#counts) key.counter += 1
    const clientDataJSON = clientData('webauthn.get', asked, bent)
    const honest = this.#authenticatorData(key, 0, bent)
    const authenticatorData = bent.data?.(honest) ?? honest
    const signature = new Uint8Array(sign('sha256', concat(authenticatorData, sha256(clientDataJSON)), key.privateKey))
    return { id: key.id, clientDataJSON, authenticatorData, signature, userHandle: bent.user ?? key.user }
  }

  /** The public key of a passkey as SubjectPublicKeyInfo (DER). */
  spki(id: Uint8Array): Uint8Array {
    const key = this.#keys.find(one => Buffer.from(one.id).equals(id))
    if (key === undefined) throw new Error('no passkey of that id')
    return new Uint8Array(createPublicKey(key.privateKey).export({ format: 'der', type: 'spki' }))
  }

  /** §6.1: hash of the RP id, flags, counter. */
  #authenticatorData({ rpId, counter }: SoftKey, more: number, bent: Bent): Uint8Array {
    const backup = this.#synced ? FLAGS.be | FLAGS.bs : 0
    const verified = bent.verified === false ? 0 : FLAGS.uv
    const present = bent.present === false ? 0 : FLAGS.up
    const counted = new Uint8Array(4)
    new DataView(counted.buffer).setUint32(0, bent.counter ?? counter)
    const flags = Uint8Array.of(present | verified | backup | more)
    return concat(sha256(utf8(bent.rpId ?? rpId)), flags, counted)
  }
}

/** What is asked of it: what a page puts into the options, and the page's own origin. */
export type AskedAssertion = {
  readonly rpId: string
  readonly origin: string
  readonly challenge: Uint8Array
  /** Of this passkey; absent: the newest one for the RP id. */
  readonly id?: Uint8Array
}
export type AskedKey = Omit<AskedAssertion, 'id'> & { readonly user: Uint8Array }

/** In what it deviates from an honest one. `present`, `verified`: false takes the flag away. */
export type Bent = {
  readonly type?: string
  readonly rpId?: string
  readonly crossOrigin?: boolean
  readonly present?: boolean
  readonly verified?: boolean
  readonly counter?: number
  readonly user?: Uint8Array
  readonly id?: Uint8Array
  /** What the browser says in the place of its own client data, and the authenticator of an assertion's data: signed too. */
  readonly client?: (honest: string) => string
  readonly data?: (honest: Uint8Array) => Uint8Array
}

/** `publicKey`: the COSE key (RFC 9052), which is in the attestation object too. */
export type CreatedKey = {
  readonly id: Uint8Array
  readonly clientDataJSON: Uint8Array
  readonly attestationObject: Uint8Array
  readonly publicKey: Uint8Array
  readonly transports: readonly string[]
}

/** `signature`: ECDSA over P-256 with SHA-256, in ASN.1 DER. */
export type Assertion = {
  readonly id: Uint8Array
  readonly clientDataJSON: Uint8Array
  readonly authenticatorData: Uint8Array
  readonly signature: Uint8Array
  readonly userHandle: Uint8Array
}

type SoftKey = {
  readonly id: Uint8Array
  readonly rpId: string
  readonly user: Uint8Array
  readonly privateKey: KeyObject
  counter: number
}

/** The flags of authenticator data: user present, user verified, backup eligible, backed up, attested data follows. */
const FLAGS = { up: 0x01, uv: 0x04, be: 0x08, bs: 0x10, at: 0x40 } as const

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest())

/** §5.8.1.1: the members in the order in which a browser writes them. */
function clientData(type: string, { challenge, origin }: AskedAssertion, bent: Bent): Uint8Array {
  const said = {
    type: bent.type ?? type,
    challenge: toBase64Url(challenge),
    origin,
    crossOrigin: bent.crossOrigin ?? false,
  }
  const honest = JSON.stringify(said)
  return utf8(bent.client?.(honest) ?? honest)
}

/** EC2 key of RFC 9053 §7.1.1: kty 2, alg -7 (ES256), crv 1 (P-256), x, y. */
function cosePublicKey(privateKey: KeyObject): Uint8Array {
  const { x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  const member = (text: string | undefined): Uint8Array => Uint8Array.fromBase64(text ?? '', { alphabet: 'base64url' })
  return encodeCbor(
    new Map<number, number | Uint8Array>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, member(x)],
      [-3, member(y)],
    ]),
  )
}
