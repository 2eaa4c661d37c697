import { sameBytes } from '../core/encoding/bytes.ts'
import type { JsonObject } from '../core/encoding/canonical-json.ts'
import type { Crypto, PublicKey } from '../core/encoding/crypto.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { signingInput, takeApart } from '../core/firmware/suit-envelope.ts'
import { readManifest } from '../core/firmware/suit-read.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { BIN_ROLE } from '../core/trust/bin-role.ts'
import { NOTE } from '../core/trust/ceremony-note.ts'
import { type Difference, differences } from '../core/trust/differences.ts'
import { canSignMetadata, keyId, keyIdOf, keyMaterial } from '../core/trust/keys.ts'
import type { Common, Document, MetadataType, Root, Signature } from '../core/trust/metadata.ts'
import { readMetadata, readSigned, signableBytes } from '../core/trust/read-metadata.ts'
import { signatureBy } from '../core/trust/repository.ts'
import { verifySigned } from '../core/trust/signatures.ts'
import {
  FORM_OF,
  MAX_PARTS,
  type RequestPart,
  readRequest,
  type SigningRequest,
} from '../core/trust/signing-request.ts'
import type { Signer } from './ports.ts'
import { addSignature, type Signed } from './sign.ts'

type Ports = { readonly crypto: Crypto }

/** A document of a repository, as a request asks to sign it. */
export type AskedDocument = { readonly name: string; readonly type: MetadataType; readonly signed: Common }

/** A request that was read and understood on this machine: what will be signed, in its own words. */
export type OpenRequest = {
  readonly request: SigningRequest
  readonly said:
    | { readonly kind: 'envelope'; readonly facts: ReleaseFacts; readonly manifestDigest: string }
    | { readonly kind: 'metadata'; readonly documents: readonly AskedDocument[] }
}

/** A document to be signed: its role's name, its `signed` object, and the file that is in force, null for none. */
export type ToSign = { readonly name: string; readonly signed: JsonObject; readonly before: Uint8Array | null }

/**
 * Asks for a signature over a release by a key that is elsewhere. Refuses what `takeApart` and `readManifest` refuse,
 * `signature-algorithm-unknown`, `key-algorithm-unsupported`.
 */
export function requestEnvelope(envelope: Uint8Array, key: PublicKey, { crypto }: Ports): SigningRequest | Refusal {
  const parts = takeApart(envelope, crypto, 'envelope')
  if (isRefusal(parts)) return parts
  const facts = readManifest(parts.manifest, 'manifest')
  if (isRefusal(facts)) return facts
  const unfit = unfitKey(key)
  if (unfit !== null) return unfit
  const kid = keyId(key, crypto)
  const input = signingInput(parts.manifest, key.alg, kid, crypto)
  if (isRefusal(input)) return input
  const part = { name: 'envelope', bytes: input.message, signed: null, before: null, signature: null }
  return { kid, key, form: FORM_OF.envelope, content: { kind: 'envelope', manifest: parts.manifest }, parts: [part] }
}

/**
 * Asks for signatures over documents of a repository by a key that is elsewhere. Refuses `key-algorithm-unsupported`,
 * `metadata-malformed`, `signing-request-malformed` for more documents than a request holds.
 */
export function requestMetadata(
  documents: readonly ToSign[],
  key: PublicKey,
  { crypto }: Ports,
): SigningRequest | Refusal {
  const unfit = unfitKey(key)
  if (unfit !== null) return unfit
  if (documents.length > MAX_PARTS) {
    return refuse('signing-request-malformed', 'the request', `at most ${MAX_PARTS} documents`, `${documents.length}`)
  }
  const parts: RequestPart[] = []
  for (const { name, signed, before } of documents) {
    const read = readAnyRole(signed, name)
    if (isRefusal(read)) return read
    parts.push({ name, bytes: signableBytes(signed), signed, before, signature: null })
  }
  return { kid: keyId(key, crypto), key, form: FORM_OF.metadata, content: { kind: 'metadata' }, parts }
}

const unfitKey = (key: PublicKey): Refusal | null =>
  canSignMetadata(key)
    ? null
    : refuse('key-algorithm-unsupported', 'key', 'a key that signs envelopes and metadata', key.alg)

/**
 * Opens a request as a signer must: the bytes are made again from what they are said to be made of, and what they say is
 * read from them and from nothing else. Nothing in the file is believed, and the file may have been in anybody's hands.
 *
 * Refuses what `readRequest` refuses, `signing-request-altered`, and what `readManifest` and `readSigned` refuse.
 */
export function openRequest(file: Uint8Array, subject: string, { crypto }: Ports): OpenRequest | Refusal {
  const request = readRequest(file, crypto, subject)
  if (isRefusal(request)) return request
  const { content, key, kid } = request
  if (content.kind === 'metadata') {
    const documents: AskedDocument[] = []
    for (const part of request.parts) {
      const raw = part.signed as JsonObject
      const misnamed = misnamedKey(raw, crypto)
      if (misnamed !== null) {
        const expected = 'each key under its own id'
        return refuse('signing-request-altered', `${subject}: ${part.name}`, expected, misnamed, 'TUF 1.0.34 §4.2.1')
      }
      const read = readAnyRole(raw, `${subject}: ${part.name}`)
      if (isRefusal(read)) return read
      documents.push({ name: part.name, ...read })
    }
    return { request, said: { kind: 'metadata', documents } }
  }
  const facts = readManifest(content.manifest, `${subject}: manifest`)
  if (isRefusal(facts)) return facts
  const input = signingInput(content.manifest, key.alg, kid, crypto)
  if (isRefusal(input)) return input
  if (!sameBytes(input.message, request.parts[0]?.bytes ?? new Uint8Array())) {
    const expected = 'the bytes of the manifest that is in it'
    return refuse('signing-request-altered', subject, expected, 'others', 'RFC 9052 §4.4')
  }
  return { request, said: { kind: 'envelope', facts, manifestDigest: crypto.sha256(content.manifest).toHex() } }
}

const TYPES: readonly MetadataType[] = ['root', 'timestamp', 'snapshot', 'targets']

function readAnyRole(raw: JsonObject, subject: string): { type: MetadataType; signed: Common } | Refusal {
  const type = TYPES.find(one => one === raw._type)
  if (type === undefined) {
    return refuse('metadata-malformed', subject, `a role: ${TYPES.join(', ')}`, 'another _type')
  }
  const signed = readSigned(type, raw, subject)
  return isRefusal(signed) ? signed : { type, signed }
}

/** A key that stands under another id than its own: what is shown of a key is its id. */
function misnamedKey(raw: JsonObject, crypto: Crypto): string | null {
  for (const table of [raw.keys, (raw.delegations as JsonObject | undefined)?.keys]) {
    for (const [keyid, key] of Object.entries((table ?? {}) as JsonObject)) {
      if (keyIdOf(key as JsonObject, crypto) !== keyid) return keyid.slice(0, 128)
    }
  }
  return null
}

/** What one document changes. `compared`: with a file that a trusted root vouches for; else with nothing. */
export type AskedChanges = AskedDocument & { readonly compared: boolean; readonly changes: readonly Difference[] }

/**
 * What a request for metadata changes, document by document, with nothing left out. With a root that the signer trusts,
 * compared with the file that was in force, if that is signed by the keys of the root; else everything is a change: what
 * nobody has verified hides nothing. Hash bins are held to the keys of the targets, which sign them. Refuses
 * `signing-request-altered` for an earlier file that the root does not vouch for, or that is not the one right before.
 */
export function changesAsked(
  { request, said }: OpenRequest,
  root: Document<Root> | null,
  subject: string,
  { crypto }: Ports,
): readonly AskedChanges[] | Refusal {
  const told: AskedChanges[] = []
  for (const [index, document] of (said.kind === 'metadata' ? said.documents : []).entries()) {
    const before = request.parts[index]?.before ?? null
    if (root === null || before === null) {
      told.push({ ...document, compared: false, changes: everyDifference({}, document.signed.raw) })
      continue
    }
    const { type, name } = document
    const earlier: Document<Common> | Refusal = readMetadata(type, before, `${subject}: earlier ${name}`)
    if (isRefusal(earlier)) return earlier
    const { keys, roles } = root.signed
    if (verifySigned(earlier, keys, roles[type], subject, crypto) !== null) {
      const expected = `an earlier ${name} that the trusted root vouches for`
      return refuse('signing-request-altered', subject, expected, 'another')
    }
    const apart = besideTheNext(earlier.signed, document, subject)
    if (apart !== null) return apart
    told.push({ ...document, compared: true, changes: everyDifference(earlier.signed.raw, document.signed.raw) })
  }
  return told
}

/**
 * Whether a genuine file is the one right before a document: of an older one, all that came since would look as if it were in
 * force, or new. The keys of the targets sign bins too, so a bin says which one it is, and so must the document.
 */
function besideTheNext(earlier: Common, { name, signed }: AskedDocument, subject: string): Refusal | null {
  const altered = (expected: string, actual: string): Refusal =>
    refuse('signing-request-altered', `${subject}: ${name}`, expected, actual)
  if (earlier.version !== signed.version - 1) {
    return altered(`version ${signed.version - 1} beside version ${signed.version}`, `version ${earlier.version}`)
  }
  const [was, is] = [earlier.raw[BIN_ROLE], signed.raw[BIN_ROLE]]
  if (was !== is) return altered('an earlier file of the same bin', 'another one')
  return is === undefined || is === name ? null : altered(`a bin that was made as ${name}`, 'another one')
}

/** The differences, and that of the ceremony's note, which is no more than a member here. Nobody's word gives names. */
function everyDifference(before: JsonObject, after: JsonObject): readonly Difference[] {
  const nameless = { before: new Map<string, string>(), after: new Map<string, string>() }
  const [was, is] = [before, after].map(one => (one[NOTE] === undefined ? null : JSON.stringify(one[NOTE])))
  const note = { what: `member ${NOTE}`, before: was ?? null, after: is ?? null, known: false }
  return [...differences(before, after, nameless), ...(was === is ? [] : [note])]
}

/**
 * Signs a request with the key that it names. The signature is checked before it is handed out. Nothing is durable on
 * return. Refuses `signing-request-wrong-key`, `signer-faulty`, and what the signer refuses.
 */
export async function signRequest(
  { request }: OpenRequest,
  subject: string,
  { crypto, signer }: Ports & { readonly signer: Signer },
): Promise<SigningRequest | Refusal> {
  if (signer.key.alg !== request.key.alg || keyMaterial(signer.key) !== keyMaterial(request.key)) {
    const actual = canSignMetadata(signer.key) ? keyId(signer.key, crypto) : signer.key.alg
    return refuse('signing-request-wrong-key', subject, `the key ${request.kid}`, actual)
  }
  let signed = request
  for (const [index, part] of request.parts.entries()) {
    const signature = await signer.sign(part.bytes, request.form)
    if (isRefusal(signature)) return signature
    if (!crypto.verify(request.key, part.bytes, signature, request.form)) {
      return refuse('signer-faulty', `${subject}: ${part.name}`, 'a signature over its bytes', 'one that does not hold')
    }
    signed = { ...signed, parts: signed.parts.with(index, { ...part, signature }) }
  }
  return signed
}

/**
 * Adds the signature that a request came back with to the release that it was made for: the manifest must be the same, and
 * the signature must hold over the bytes that are made from the release itself. Signatures that others added meanwhile
 * stay. Refuses `signing-request-other`, `signing-request-unsigned`, `signing-request-signature-invalid`, and what
 * `addSignature` refuses.
 */
export function takeIntoEnvelope(
  envelope: Uint8Array,
  { request }: OpenRequest,
  subject: string,
  { crypto }: Ports,
): Omit<Signed, 'development'> | Refusal {
  const parts = takeApart(envelope, crypto, 'envelope')
  if (isRefusal(parts)) return parts
  if (request.content.kind !== 'envelope' || !sameBytes(request.content.manifest, parts.manifest)) {
    const actual = request.content.kind === 'envelope' ? 'another manifest' : 'metadata'
    return refuse('signing-request-other', subject, `the manifest ${parts.digest.toHex()}`, actual)
  }
  const signature = request.parts[0]?.signature ?? null
  if (signature === null) return unsigned(subject)
  return addSignature(envelope, { kid: request.kid, key: request.key }, signature, { crypto })
}

/**
 * The signatures that a request for metadata came back with, if they are for exactly these documents. `documents` are what
 * is to be signed now, made again by whoever asks; the answer has a signature for each, in their order. Refuses
 * `signing-request-other`, `signing-request-stale` (an earlier version: somebody published meanwhile),
 * `signing-request-unsigned`.
 */
export function takeSignatures(
  documents: readonly Omit<ToSign, 'before'>[],
  { request, said }: OpenRequest,
  subject: string,
  { crypto }: Ports,
): Signature[] | Refusal {
  const other = (expected: string, actual: string): Refusal =>
    refuse('signing-request-other', subject, expected, actual)
  if (said.kind !== 'metadata') return other('metadata of a repository', 'a release')
  const taken: Signature[] = []
  for (const { name, signed } of documents) {
    const index = said.documents.findIndex(document => document.name === name && document.type === signed._type)
    const asked = said.documents[index]
    const part = request.parts[index]
    if (asked === undefined || part === undefined) return other(`the document ${name}`, 'none of that name')
    if (asked.signed.version < Number(signed.version)) {
      const expected = `${name} of version ${String(signed.version)}`
      return refuse('signing-request-stale', subject, expected, `version ${asked.signed.version}`)
    }
    if (!sameBytes(signableBytes(signed), part.bytes)) {
      return other(`${name} as it is to be signed here`, 'another document of that name')
    }
    if (part.signature === null) return unsigned(subject)
    taken.push(signatureBy(request.key, part.signature, crypto))
  }
  return taken.length === request.parts.length ? taken : other(`${taken.length} documents`, `${request.parts.length}`)
}

const unsigned = (subject: string): Refusal => refuse('signing-request-unsigned', subject, 'a signature in it', 'none')
