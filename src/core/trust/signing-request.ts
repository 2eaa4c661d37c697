import { fromBase64, fromHex, sameBytes, toBase64, toHex } from '../encoding/bytes.ts'
import { canonicalJson, JsonFault, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto, KeyAlgorithm, PublicKey, SignatureForm } from '../encoding/crypto.ts'
import { derToP1363, P256_WIDTH, P384_WIDTH, p1363ToDer } from '../encoding/ecdsa-form.ts'
import { exactly, line, list, Misfit, object, type Shape, text, then, word } from '../encoding/shape.ts'
import { readJson, writeJson } from '../encoding/strict-json.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { canSignMetadata, keyId } from './keys.ts'
import { MAX_METADATA_BYTES } from './metadata.ts'

/**
 * Signatures that are asked of somebody whose key is on another machine. The file travels there and comes back with the
 * signatures in it. It has no words of its own about what is signed: whoever signs reads that from the bytes, on their own
 * machine, and sees what is true whoever had the file in between.
 */
export type SigningRequest = {
  /** The key whose signatures are asked for, and its id: SHA-256 in lower-case hex, as everywhere. */
  readonly kid: string
  readonly key: PublicKey
  /** How an ECDSA signature is written; other kinds of keys have one form only. */
  readonly form: SignatureForm
  readonly content: RequestContent
  /** At least one; of an envelope exactly one. */
  readonly parts: readonly RequestPart[]
}

/** What is asked to be signed: a release's envelope, by its manifest, or documents of a repository. */
export type RequestContent =
  | { readonly kind: 'envelope'; readonly manifest: Uint8Array }
  | { readonly kind: 'metadata' }

/** One signature that is asked for. */
export type RequestPart = {
  /** Which document it is among the others: a role's name. Nobody has signed that: what counts is in the bytes. */
  readonly name: string
  /** Exactly the bytes that are signed: of metadata the canonical JSON, of an envelope the digest of its manifest. */
  readonly bytes: Uint8Array
  /** Of metadata the whole `signed` object, which the bytes are made of; null of an envelope. */
  readonly signed: JsonObject | null
  /** The file of that role that was in force when the request was made, for whoever wants to see what changes. */
  readonly before: Uint8Array | null
  /** In the request's form; null until it has been signed. */
  readonly signature: Uint8Array | null
}

/** The form that each kind of content is signed in: COSE wants r then s, TUF wants DER. */
export const FORM_OF: Readonly<Record<RequestContent['kind'], SignatureForm>> = { envelope: 'p1363', metadata: 'der' }

/** The most bytes of a request: the largest metadata twice, in base64, and more than as much again twice for bins. */
export const MAX_REQUEST_BYTES = MAX_METADATA_BYTES.targets * 10
/** Documents in one request. Whoever changes more hash bins than that at once brings the key to them. */
export const MAX_PARTS = 4096

const ALGORITHMS = ['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'rsa-pss', 'ml-dsa-65'] as const satisfies KeyAlgorithm[]

const base64: Shape<Uint8Array> = (value, at) =>
  (typeof value === 'string' ? fromBase64(value) : null) ?? new Misfit(at, 'bytes in base64', 'something else')
const digest = text('a SHA-256 of 64 lower-case hex digits', /^[0-9a-f]{64}$/)

const shape = then(
  object(
    {
      kind: word('voltseal-signing-request'),
      format: exactly(1),
      what: word('envelope', 'metadata'),
      key: object({ kid: digest, alg: word(...ALGORITHMS), spki: base64 }),
      form: word('der', 'p1363'),
      parts: list(
        object(
          { name: line(128), sha256: digest },
          { bytes: base64, signed: base64, before: base64, signature: base64 },
        ),
        1,
        MAX_PARTS,
      ),
    },
    { manifest: base64 },
  ),
  (read, at) => {
    if (new Set(read.parts.map(({ name }) => name)).size < read.parts.length) {
      return new Misfit(`${at}parts`, 'each name once', 'one of them twice')
    }
    if ((read.what === 'envelope') !== (read.manifest !== undefined)) {
      return new Misfit(`${at}manifest`, 'one with an envelope and none with metadata', 'it is the other way round')
    }
    // Canonical JSON is no JSON: a key in PEM has line breaks. So a document travels as JSON, and an envelope's bytes as such.
    const documents = read.parts.every(({ bytes, signed }) => bytes === undefined && signed !== undefined)
    const [one, ...more] = read.parts
    const single = one?.name === 'envelope' && one.bytes !== undefined && one.signed === undefined && more.length === 0
    const fits = read.what === 'metadata' ? documents : single && one.before === undefined
    const expected = read.what === 'metadata' ? 'documents' : 'the envelope’s bytes alone, with nothing before'
    return fits ? read : new Misfit(`${at}parts`, expected, 'something else')
  },
)

/** The file of a request. The same request gives the same bytes. */
export function writeRequest({ kid, key, form, content, parts }: SigningRequest, crypto: Crypto): Uint8Array {
  return writeJson({
    kind: 'voltseal-signing-request',
    format: 1,
    what: content.kind,
    key: { kid, alg: key.alg, spki: toBase64(key.spki) },
    form,
    ...(content.kind === 'envelope' ? { manifest: toBase64(content.manifest) } : {}),
    parts: parts.map(({ name, bytes, signed, before, signature }) => ({
      name,
      ...(signed === null ? { bytes: toBase64(bytes) } : { signed: toBase64(writeJson(signed)) }),
      sha256: toHex(crypto.sha256(bytes)),
      ...(before === null ? {} : { before: toBase64(before) }),
      ...(signature === null ? {} : { signature: toBase64(signature) }),
    })),
  })
}

/**
 * Reads a request's file, and holds its parts against each other: the key id is the key's, the digests are those of the
 * bytes, the form is that of the content, and signatures that are in it hold. What is said in it is the caller's to read,
 * and that an envelope's bytes are made from its manifest (`openRequest` in flows/request.ts does both).
 *
 * Refuses `signing-request-malformed`, `signing-request-altered`, `signing-request-signature-invalid`.
 */
export function readRequest(file: Uint8Array, crypto: Crypto, subject: string): SigningRequest | Refusal {
  const malformed = (expected: string, actual: string): Refusal =>
    refuse('signing-request-malformed', subject, expected, actual)
  if (file.length > MAX_REQUEST_BYTES) return malformed(`at most ${MAX_REQUEST_BYTES} bytes`, `${file.length}`)
  const json = readJson(file, MAX_REQUEST_BYTES)
  if (json instanceof JsonFault) return malformed('strict JSON', json.message)
  const read = shape(json, '')
  if (read instanceof Misfit) return malformed(read.expected, `${read.actual} at ${read.at || 'the top'}`)
  const { kid, ...key } = read.key
  const altered = (expected: string, actual: string): Refusal =>
    refuse('signing-request-altered', subject, expected, actual)
  if (!canSignMetadata(key)) return malformed('a key that signs envelopes or metadata', key.alg)
  if (keyId(key, crypto) !== kid) return altered(`the key ${kid}`, keyId(key, crypto))
  if (read.form !== FORM_OF[read.what]) return altered(`the form ${FORM_OF[read.what]}`, read.form)
  const content: RequestContent =
    read.manifest === undefined ? { kind: 'metadata' } : { kind: 'envelope', manifest: read.manifest }
  const asked = { kid, key, form: read.form, content }
  const parts: RequestPart[] = []
  for (const { name, bytes: given, signed: document, sha256, before = null, signature = null } of read.parts) {
    const signed = document === undefined ? null : readDocument(document)
    if (signed === undefined) return malformed(`${name} as a JSON object`, 'something else')
    const bytes = signed === null ? (given as Uint8Array) : canonicalJson(signed)
    if (toHex(crypto.sha256(bytes)) !== sha256) return altered(`${name} of SHA-256 ${sha256}`, 'other bytes')
    const part = { name, bytes, signed, before, signature: null }
    const held = signature === null ? part : signedPart(asked, part, signature, crypto)
    if (held === null) return notHolding(kid, `${subject}: ${name}`)
    // One spelling only: the bytes that are in the file are the ones that go on.
    if (held.signature !== null && !sameBytes(held.signature, signature as Uint8Array)) {
      return malformed(`a signature in the form ${read.form}`, 'another form')
    }
    parts.push(held)
  }
  return { ...asked, parts }
}

function readDocument(document: Uint8Array): JsonObject | undefined {
  const json = readJson(document, MAX_METADATA_BYTES.targets)
  const isObject = !(json instanceof JsonFault) && typeof json === 'object' && json !== null && !Array.isArray(json)
  return isObject ? (json as JsonObject) : undefined
}

/**
 * The request with a signature that was made over the bytes of one of its parts, by whatever tool: an ECDSA signature may
 * come in either of its spellings. Refuses `signing-request-signature-invalid`.
 */
export function withSignature(
  request: SigningRequest,
  signature: Uint8Array,
  crypto: Crypto,
  subject: string,
): SigningRequest | Refusal {
  for (const [index, part] of request.parts.entries()) {
    const signed = signedPart(request, part, signature, crypto)
    if (signed !== null) return { ...request, parts: request.parts.with(index, signed) }
  }
  return notHolding(request.kid, subject)
}

/** Whether every part has been signed. */
export const isSigned = ({ parts }: SigningRequest): boolean => parts.every(({ signature }) => signature !== null)

const notHolding = (kid: string, subject: string): Refusal =>
  refuse('signing-request-signature-invalid', subject, `a signature by ${kid} over its bytes`, 'one that does not hold')

type Asked = Pick<SigningRequest, 'key' | 'form'>

function signedPart(asked: Asked, part: RequestPart, signature: Uint8Array, crypto: Crypto): RequestPart | null {
  const spellings = [signature, respelled(signature, asked)]
  const held = spellings.find(one => one !== null && crypto.verify(asked.key, part.bytes, one, asked.form))
  return held === undefined ? null : { ...part, signature: held }
}

const WIDTHS: Partial<Record<KeyAlgorithm, number>> = { 'ecdsa-p256': P256_WIDTH, 'ecdsa-p384': P384_WIDTH }

/** An ECDSA signature in the form that is asked for, if it came in the other one. */
function respelled(signature: Uint8Array, { key, form }: Asked): Uint8Array | null {
  const width = WIDTHS[key.alg]
  if (width === undefined) return null
  if (form === 'p1363') return derToP1363(signature, width)
  return signature.length === 2 * width ? p1363ToDer(signature) : null
}

/** Bytes of a signature in a file of another tool: raw, or in hex or base64 as text. */
export function readSignature(file: Uint8Array): readonly Uint8Array[] {
  const words = new TextDecoder('latin1').decode(file).trim()
  const joined = words.replaceAll(/\s/g, '')
  return [file, fromHex(joined.toLowerCase()), fromBase64(joined)].flatMap(bytes => (bytes?.length ? [bytes] : []))
}
