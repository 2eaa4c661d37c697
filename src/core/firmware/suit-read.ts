import { fromUtf8, sameBytes } from '../encoding/bytes.ts'
import { type Cbor, describe } from '../encoding/cbor.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { A256GCM, carriedBy } from './encryption.ts'
import { parseFacts } from './facts.ts'
import { CHUNK_DIGEST_BYTES } from './payload.ts'
import type { ReleaseFacts } from './release-facts.ts'
import { classIdentifier, imageUri, vendorIdentifier } from './suit-author.ts'
import { malformed, type Parameters, readInner, runSequence } from './suit-commands.ts'
import { COMMON, COUNTER_NAME, MANIFEST, PARAMETER, SHA256_ALG, TRANSITION } from './suit-labels.ts'

/** Bytes in a manifest. */
export const MAX_MANIFEST_BYTES = 8192

/**
 * Reads the facts out of a manifest's bytes. Verifies no signature: callers outside this folder use `openEnvelope` (or
 * `inspectEnvelope`, whose answer says that it is unverified).
 *
 * Refuses `manifest-malformed`, `manifest-ambiguous`, `manifest-member-not-allowed`, the codes of `runSequence`,
 * `manifest-contradicts-itself` (an identifier or name that does not follow from its own facts) and the codes of
 * `parseFacts`.
 */
export function readManifest(bytes: Uint8Array, subject: string): ReleaseFacts | Refusal {
  const manifest = readInner(bytes, MAX_MANIFEST_BYTES, subject)
  if (isRefusal(manifest)) return manifest
  const members = readMembers(manifest, Object.values(MANIFEST), subject)
  if (isRefusal(members)) return members
  const encodingVersion = members.get(MANIFEST.encodingVersion)
  if (encodingVersion !== 1) return malformed(subject, 'manifest encoding version 1', describe(encodingVersion))
  const common = readInner(members.get(MANIFEST.common), MAX_MANIFEST_BYTES, `${subject}, common`)
  if (isRefusal(common)) return common
  const shared = readMembers(common, Object.values(COMMON), `${subject}, common`)
  if (isRefusal(shared)) return shared
  const component = readComponents(shared.get(COMMON.components), subject)
  if (isRefusal(component)) return component

  const parameters: Parameters = [new Map(), new Map()]
  const refused =
    runSequence('shared', shared.get(COMMON.sharedSequence), parameters, subject) ??
    runSequence('install', members.get(MANIFEST.install), parameters, subject) ??
    runSequence('validate', members.get(MANIFEST.validate), parameters, subject) ??
    runSequence('invoke', members.get(MANIFEST.invoke), parameters, subject)
  if (refused !== null) return refused

  const fields = readFields(parameters, subject)
  if (isRefusal(fields)) return fields
  const payload = readPayload(parameters[0], component, subject)
  if (isRefusal(payload)) return payload
  const sequence = members.get(MANIFEST.sequenceNumber)
  const facts = parseFacts({ ...fields, ...payload, sequence }, subject)
  return isRefusal(facts) ? facts : (contradiction(facts, parameters, subject) ?? facts)
}

function readMembers(item: Cbor, labels: readonly number[], where: string): ReadonlyMap<number, Cbor> | Refusal {
  if (!(item instanceof Map)) return malformed(where, 'a map', describe(item))
  const strangers = [...item.keys()].filter(label => !labels.includes(label as number))
  if (strangers.length > 0) {
    const expected = `the members ${labels.join(', ')} only`
    return refuse('manifest-member-not-allowed', where, expected, strangers.join(', ').slice(0, 80))
  }
  const missing = labels.filter(label => !item.has(label))
  return missing.length > 0 ? malformed(where, `the members ${labels.join(', ')}`, `none at ${missing[0]}`) : item
}

function readComponents(item: Cbor | undefined, subject: string): string | Refusal {
  const names = Array.isArray(item) ? (item as readonly Cbor[]).map(nameOf) : []
  const [image, counter] = names
  if (names.length !== 2 || typeof image !== 'string' || counter !== COUNTER_NAME) {
    return malformed(`${subject}, components`, `the image's component and "${COUNTER_NAME}"`, describe(item))
  }
  return image
}

function nameOf(component: Cbor): string | null {
  const [part, ...more] = Array.isArray(component) ? (component as readonly Cbor[]) : []
  return part instanceof Uint8Array && more.length === 0 ? fromUtf8(part) : null
}

/** The array inside a parameter's byte string. */
function innerArray(item: Cbor | undefined, where: string): readonly Cbor[] | Refusal {
  const read = readInner(item, MAX_MANIFEST_BYTES, where)
  if (isRefusal(read)) return read
  return Array.isArray(read) ? read : malformed(where, 'an array', describe(read))
}

type All = { [Name in keyof ReleaseFacts]: unknown }
type OfPayload = 'components' | 'chunks' | 'transition' | 'encryption'
type Fields = Omit<All, OfPayload | 'sequence'>

/** The images of the payload, its chunks, the change of keys, and how it travels. An empty list of further images has no second spelling. */
function readPayload(
  image: ReadonlyMap<number, Cbor>,
  component: string,
  subject: string,
): Pick<All, OfPayload> | Refusal {
  const rows = image.has(PARAMETER.furtherComponents)
    ? innerArray(image.get(PARAMETER.furtherComponents), `${subject}, components`)
    : []
  if (isRefusal(rows)) return rows
  const pairs = rows.every(row => Array.isArray(row) && row.length === 2)
  if (!pairs || (rows.length === 0 && image.has(PARAMETER.furtherComponents))) {
    return malformed(`${subject}, components`, 'rows of name and size, at least one', describe(rows))
  }
  const further = rows.map(row => {
    const [name, size] = row as readonly Cbor[]
    return { name, size }
  })
  const size = further.reduce((left, row) => left - Number(row.size), Number(image.get(PARAMETER.imageSize)))
  const chunks = innerArray(image.get(PARAMETER.chunks), `${subject}, chunks`)
  if (isRefusal(chunks)) return chunks
  const [bytes, digests] = chunks
  if (chunks.length !== 2 || !(digests instanceof Uint8Array) || digests.length % CHUNK_DIGEST_BYTES !== 0) {
    return malformed(`${subject}, chunks`, 'a size and digests of 16 bytes', describe(chunks))
  }
  const transition = image.has(PARAMETER.transition)
    ? readTransition(image.get(PARAMETER.transition), `${subject}, transition`)
    : null
  if (isRefusal(transition)) return transition
  const encryption = image.has(PARAMETER.encryption)
    ? readEncryption(image.get(PARAMETER.encryption), `${subject}, encryption`)
    : null
  if (isRefusal(encryption)) return encryption
  return {
    components: [{ name: component, size }, ...further],
    chunks: { bytes, digests: digests.toHex().match(CHUNK_DIGEST) ?? [] },
    transition,
    encryption,
  }
}

/** Another algorithm than the one that is known here has other segments: it is not passed over. */
function readEncryption(item: Cbor | undefined, where: string): object | Refusal {
  const parts = innerArray(item, where)
  if (isRefusal(parts)) return parts
  const [algorithm, segmentBytes, digest, keyCheck] = parts
  const whole = parts.length === 4 && digest instanceof Uint8Array && keyCheck instanceof Uint8Array
  if (whole && algorithm === A256GCM) return { segmentBytes, digest: digest.toHex(), keyCheck: keyCheck.toHex() }
  return malformed(where, `AES-256-GCM (${A256GCM}), a size, and two digests`, describe(parts))
}

const CHUNK_DIGEST = new RegExp(`.{${2 * CHUNK_DIGEST_BYTES}}`, 'g')

function readTransition(item: Cbor | undefined, where: string): object | Refusal {
  const parts = innerArray(item, where)
  if (isRefusal(parts)) return parts
  const [kind, kid, alg, spki] = parts
  if (kid instanceof Uint8Array) {
    if (kind === TRANSITION.retire && parts.length === 2) return { kind: 'retire', kid: kid.toHex() }
    if (kind === TRANSITION.add && parts.length === 4 && spki instanceof Uint8Array) {
      return { kind: 'add', kid: kid.toHex(), alg, spki: spki.toHex() }
    }
  }
  return malformed(where, 'a key to add, or the id of one to retire', describe(parts))
}

function readFields([image, counter]: Parameters, subject: string): Fields | Refusal {
  const inner = (label: number, what: string): readonly Cbor[] | Refusal =>
    innerArray(image.get(label), `${subject}, ${what}`)
  const digest = inner(PARAMETER.imageDigest, 'image digest')
  if (isRefusal(digest)) return digest
  const [algorithm, sha256, ...more] = digest
  if (algorithm !== SHA256_ALG || !(sha256 instanceof Uint8Array) || more.length > 0) {
    return malformed(`${subject}, image digest`, `SHA-256 (${SHA256_ALG}) and its bytes`, describe(digest))
  }
  const hardware = inner(PARAMETER.hardware, 'hardware')
  if (isRefusal(hardware)) return hardware
  const bootloader = inner(PARAMETER.bootloader, 'bootloader')
  if (isRefusal(bootloader)) return bootloader
  if (bootloader.length !== 2) return malformed(`${subject}, bootloader`, 'min and max', describe(bootloader))
  const rows = inner(PARAMETER.dependencies, 'dependencies')
  if (isRefusal(rows)) return rows
  if (!rows.every(row => Array.isArray(row) && row.length === 3)) {
    return malformed(`${subject}, dependencies`, 'rows of class, min and below', describe(rows))
  }
  const health = inner(PARAMETER.health, 'health')
  if (isRefusal(health)) return health
  if (health.length !== 2) return malformed(`${subject}, health`, 'window and probes', describe(health))
  const content = counter.get(PARAMETER.content)
  if (!(content instanceof Uint8Array) || content.length !== 4) {
    return malformed(`${subject}, security counter`, '4 bytes', describe(content))
  }
  return {
    vendor: image.get(PARAMETER.vendorName),
    class: image.get(PARAMETER.className),
    version: image.get(PARAMETER.version),
    hardware,
    counter: new DataView(content.buffer, content.byteOffset, 4).getUint32(0),
    imageSize: image.get(PARAMETER.imageSize),
    imageDigest: sha256.toHex(),
    bootloader: { min: bootloader[0], max: bootloader[1] },
    dependencies: rows.map(row => {
      const [name, min, below] = row as readonly Cbor[]
      return below === null ? { class: name, min } : { class: name, min, below }
    }),
    health: { windowMillis: health[0], probes: health[1] },
  }
}

/** The identifiers and the URI follow from the facts; a manifest that disagrees with itself is refused. */
function contradiction(facts: ReleaseFacts, [image]: Parameters, subject: string): Refusal | null {
  const vendor = vendorIdentifier(facts.vendor)
  const derived: readonly (readonly [string, number, Uint8Array | string])[] = [
    ['vendor identifier', PARAMETER.vendorIdentifier, vendor],
    ['class identifier', PARAMETER.classIdentifier, classIdentifier(vendor, facts.class)],
    ['image URI', PARAMETER.uri, imageUri(carriedBy(facts).sha256)],
  ]
  for (const [what, label, expected] of derived) {
    const actual = image.get(label)
    const equal =
      expected instanceof Uint8Array ? actual instanceof Uint8Array && sameBytes(actual, expected) : actual === expected
    if (equal) continue
    const shown = (value: unknown): string => (value instanceof Uint8Array ? value.toHex() : String(value)).slice(0, 80)
    return refuse('manifest-contradicts-itself', `${subject}, ${what}`, shown(expected), shown(actual))
  }
  return null
}
