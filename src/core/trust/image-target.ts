import { MAX_WRAPS } from '../encoding/cose-recipient.ts'
import { list, Misfit, text, then, whole, word } from '../encoding/shape.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { MAX_DSSE_BYTES } from './evidence/dsse.ts'
import type { EvidenceKind } from './evidence/judge.ts'
import { MAX_SBOM_BYTES } from './evidence/sbom.ts'
import type { Target } from './metadata.ts'
import { className } from './names.ts'
import { open } from './open-shape.ts'
import { TARGET_PATH } from './target-path.ts'

/** A file by its target path, its length in bytes and its SHA-256 in lower-case hex. */
export type FileRef = { readonly path: string; readonly length: number; readonly sha256: string }

/**
 * A patch (docs/delta-format.md) as it is offered: what it makes the images from, by the SHA-256 of what lies in flash, and the bytes of
 * memory that whoever applies it needs. `length` and `sha256` are of what travels.
 */
export type PatchRef = {
  readonly base: string
  readonly memory: number
  readonly length: number
  readonly sha256: string
}

/**
 * What the image repository says of an envelope: the custom data of its target. `payload` is a target of its own, and so
 * are `sbom` and `provenance`, when there are any: the evidence of the release lies beside its envelope. `patches`: those that its
 * publisher made, targets of their own too; each from another base. Of an encrypted release they are ciphertexts, as the payload is.
 * `encrypted`: the payload is a ciphertext; the SHA-256 of the images in it, and its content key wrapped for a few
 * (encoding/cose-recipient.ts), in base64.
 */
export type ImageTarget = {
  readonly class: string
  readonly hardware: readonly string[]
  readonly version: string
  readonly sequence: number
  readonly counter: number
  readonly payload: FileRef
  readonly encrypted?: { readonly image: string; readonly contentKeys: readonly string[] }
  readonly transition?: { readonly kind: 'add' | 'retire'; readonly kid: string }
  readonly patches?: readonly (PatchRef & FileRef)[]
} & Partial<Record<EvidenceKind, FileRef>>

const WORD = 0xffffffff
/** Base64 of at most 256 bytes. */
export const WRAP = /^(?:[A-Za-z0-9+/]{4}){1,85}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export const digest = text('a SHA-256 in lower-case hex', /^[0-9a-f]{64}$/)

/** Patches of one release at most: bases that a fleet still runs are few. */
export const MAX_PATCHES = 64

const bytes = { length: whole(1, Number.MAX_SAFE_INTEGER), sha256: digest }
/** The members of a patch, wherever one is named. */
export const patchMembers = { base: digest, memory: whole(1, WORD), ...bytes }

const path = text('a target path', TARGET_PATH)
const file = open({ path, ...bytes })
const patches = then(list(open({ path, ...patchMembers }), 1, MAX_PATCHES), (read, at) => {
  const twice = read.find((one, index) => read.findIndex(({ base }) => base === one.base) !== index)
  return twice === undefined ? read : new Misfit(at, 'one patch from each base', `two from ${twice.base}`)
})
const shape = open(
  {
    class: className,
    hardware: list(className, 1, 64),
    version: text('a version', /^[0-9A-Za-z.-]{1,64}$/),
    sequence: whole(1, WORD),
    counter: whole(0, WORD),
    payload: file,
  },
  {
    sbom: file,
    provenance: file,
    encrypted: open({ image: digest, contentKeys: list(text('a wrap in base64', WRAP), 1, MAX_WRAPS) }),
    transition: open({ kind: word('add', 'retire'), kid: text('a key id in hex', /^[0-9a-f]{64}$/) }),
    patches,
  },
)

/** Target paths of envelopes end like this; the folder is CLASS/VERSION. */
export const ENVELOPE_NAME = '/envelope.suit'

/** The evidence of a release by kind: the file's name beside the envelope, and its most bytes. */
export const EVIDENCE_FILES = {
  sbom: { name: 'sbom.cdx.json', maxBytes: MAX_SBOM_BYTES },
  provenance: { name: 'provenance.intoto.json', maxBytes: MAX_DSSE_BYTES },
} as const satisfies Readonly<Record<EvidenceKind, { name: string; maxBytes: number }>>

/** The path of a file beside a target: `bms/1.4.0/sbom.cdx.json` for `bms/1.4.0/envelope.suit`. */
export const beside = (path: string, name: string): string => `${path.slice(0, path.lastIndexOf('/') + 1)}${name}`

/** The file of a patch from a base (SHA-256 in lower-case hex), and its path beside the envelope of its release. */
export const patchName = (base: string): string => `from-${base.slice(0, 16)}.vsdp`
export const patchPath = (envelope: string, base: string): string => beside(envelope, patchName(base))

/** The SHA-256 of the images as they lie in flash: what controllers attest. */
export const imageOf = ({ payload, encrypted }: ImageTarget): string => encrypted?.image ?? payload.sha256

/** Reads what the image repository says of an envelope. Refuses `image-target-malformed`. */
export function readImageTarget(target: Target): ImageTarget | Refusal {
  const read = shape(target.custom, 'custom')
  if (!(read instanceof Misfit)) return read
  return refuse('image-target-malformed', `image: ${target.path}`, read.expected, `${read.actual} at ${read.at}`)
}

export const sameFile = (a: FileRef, b: FileRef): boolean => a.length === b.length && a.sha256 === b.sha256

export const describe = ({ length, sha256 }: FileRef): string => `${length} bytes, ${sha256}`
