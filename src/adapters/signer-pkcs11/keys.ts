import { randomBytes } from 'node:crypto'
import type { PublicKey } from '../../core/encoding/crypto.ts'
import { type Pkcs11Uri, shownUri } from '../../core/encoding/pkcs11-uri.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { CKA, CKM, CKO } from './constants.ts'
import { tokenFault } from './fault.ts'
import type { Attribute } from './library.ts'
import { findObjects, publicKeyOf, readPrivateKey, templateOf } from './objects.ts'
import { openToken, type TokenAccess } from './token.ts'

/** The kinds of keys that are made in a token. */
export type TokenKeyAlgorithm = 'ecdsa-p256' | 'ecdsa-p384' | 'ed25519' | 'rsa-pss'

const curve = (params: string): Attribute[] => [{ type: CKA.ecParams, value: Buffer.from(params, 'hex') }]

const KINDS: Readonly<Record<TokenKeyAlgorithm, { readonly mechanism: number; readonly attributes: Attribute[] }>> = {
  'ecdsa-p256': { mechanism: CKM.ecKeyPairGen, attributes: curve('06082a8648ce3d030107') },
  'ecdsa-p384': { mechanism: CKM.ecKeyPairGen, attributes: curve('06052b81040022') },
  // The name of the curve and not its OID: that is the form that PKCS #11 3.1 §6.3.9 lists first, and modules take.
  ed25519: {
    mechanism: CKM.edwardsKeyPairGen,
    attributes: curve(`130c${Buffer.from('edwards25519').toString('hex')}`),
  },
  'rsa-pss': {
    mechanism: CKM.rsaKeyPairGen,
    attributes: [
      { type: CKA.modulusBits, value: 3072 },
      { type: CKA.publicExponent, value: Buffer.from([1, 0, 1]) },
    ],
  },
}

/** A key in a token, as it is listed. `key` is null for a kind that is not used here. */
export type ListedKey = {
  readonly label: string
  readonly id: Uint8Array
  readonly key: PublicKey | null
  /** False for a key that can be copied out of the token. */
  readonly stays: boolean
}

/**
 * Makes a key pair inside a token: the private half can never be read or wrapped out. Durable on return, as far as the
 * token is. Never replaces a key of the same label or id. What was made is read back before it is believed. Refuses
 * `key-uri-malformed`, `key-exists`, `key-algorithm-unsupported`, `token-key-copyable`, and what `openToken` refuses.
 */
export async function generateTokenKey(
  uri: Pkcs11Uri,
  alg: TokenKeyAlgorithm,
  access: TokenAccess,
): Promise<ListedKey | Refusal> {
  const shown = shownUri(uri)
  if (uri.object === undefined) return refuse('key-uri-malformed', shown, 'object=NAME for the new key', 'none')
  const token = await openToken(uri, access, true)
  if (isRefusal(token)) return token
  const { library, session, slot } = token
  try {
    const taken = [CKO.privateKey, CKO.publicKey].some(
      kind =>
        findObjects(token, templateOf(kind, { object: uri.object as string })).length > 0 ||
        (uri.id !== undefined && findObjects(token, templateOf(kind, { id: uri.id })).length > 0),
    )
    if (taken) return refuse('key-exists', shown, 'a name that is free', 'a key of that name in the token')
    const { mechanism, attributes } = KINDS[alg]
    if (!library.C_GetMechanismList(slot).includes(mechanism)) {
      return refuse('key-algorithm-unsupported', shown, 'a kind of key that the token makes', alg)
    }
    const common: Attribute[] = [
      { type: CKA.token, value: true },
      { type: CKA.label, value: Buffer.from(uri.object, 'utf8') },
      { type: CKA.id, value: Buffer.from(uri.id ?? randomBytes(16)) },
    ]
    // If power fails here, the token holds the pair or it does not: the next try finds its name taken, or free.
    const made = library.C_GenerateKeyPair(
      session,
      { mechanism },
      [...common, { type: CKA.verify, value: true }, ...attributes],
      [
        ...common,
        { type: CKA.private, value: true },
        { type: CKA.sensitive, value: true },
        { type: CKA.extractable, value: false },
        { type: CKA.sign, value: true },
      ],
    )
    const key = readPrivateKey(token, made.privateKey)
    const half = publicKeyOf(token, key)
    const lax = key.stays ? null : refuse('token-key-copyable', shown, 'a key that stays in the token', 'another')
    if (lax === null && !isRefusal(half)) return { label: key.label, id: key.id, key: half, stays: key.stays }
    // Not what was asked for: it must not stay there under the name of one that is.
    library.C_DestroyObject(session, made.privateKey)
    library.C_DestroyObject(session, made.publicKey)
    return lax ?? (half as Refusal)
  } catch (error) {
    return tokenFault(error, shown)
  } finally {
    token.close()
  }
}

/** The private keys of a token that fit a reference, by label. Refuses what `openToken` refuses. */
export async function listTokenKeys(uri: Pkcs11Uri, access: TokenAccess): Promise<ListedKey[] | Refusal> {
  const token = await openToken(uri, access)
  if (isRefusal(token)) return token
  try {
    const listed: ListedKey[] = []
    for (const handle of findObjects(token, templateOf(CKO.privateKey, uri))) {
      const key = readPrivateKey(token, handle)
      const half = publicKeyOf(token, key)
      listed.push({ label: key.label, id: key.id, key: isRefusal(half) ? null : half, stays: key.stays })
    }
    return listed.toSorted((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0))
  } catch (error) {
    return tokenFault(error, shownUri(uri))
  } finally {
    token.close()
  }
}
