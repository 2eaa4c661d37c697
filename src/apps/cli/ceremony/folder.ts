import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolders, writeWhole } from '../../../adapters/config-file.ts'
import { fromUtf8 } from '../../../core/encoding/bytes.ts'
import { JsonFault, type JsonObject } from '../../../core/encoding/canonical-json.ts'
import { dictionary, Misfit, object, type Shape, text } from '../../../core/encoding/shape.ts'
import { readJson, writeJson } from '../../../core/encoding/strict-json.ts'
import { notRead } from '../../../core/refusal/not-read.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import type { CeremonyFiles, PendingType } from '../../../core/trust/ceremony.ts'
import { MAX_BIN_BITS } from '../../../core/trust/hash-bins.ts'
import { MAX_METADATA_BYTES, type Signature } from '../../../core/trust/metadata.ts'
import { anyObject } from '../../../core/trust/open-shape.ts'
import { readMetadata } from '../../../core/trust/read-metadata.ts'
import { seal } from '../../../core/trust/repository.ts'

/**
 * A ceremony on disk: plain files, to be carried on a USB stick to a machine without a network and back. A document never
 * changes after the start, and each signature is a file of its own: what several people signed apart is put together by
 * copying the files of `signatures/`. Nothing in the folder is believed: who opens it verifies it from a root of their own.
 */
export const ceremonyPaths = (folder: string) => ({
  /** The roots so far, `1.root.json` and on. */
  roots: join(folder, 'roots'),
  /** The targets in force, where people sign them, and the bins that are signed anew. */
  targets: join(folder, 'in-force', 'targets.json'),
  bins: (place: 'in-force' | 'next') => join(folder, place, 'bins.json'),
  next: (type: PendingType) => join(folder, 'next', `${type}.json`),
  signatures: join(folder, 'signatures'),
  signature: (type: PendingType | 'bins', keyid: string) => join(folder, 'signatures', `${type}.${keyid}.json`),
  /** What came into force, with its signatures: the proof for who signed, and their next trusted root. */
  closed: (type: PendingType) => join(folder, 'closed', `${type}.json`),
  /** A rehearsal's throw-away keys, and the staging fleet that it is closed at. */
  keys: join(folder, 'keys'),
  staging: join(folder, 'staging'),
})

const TYPES = ['root', 'targets'] as const satisfies readonly PendingType[]
const MAX_FILES = 2 ** MAX_BIN_BITS
const MAX_SIGNATURE_BYTES = 32 * 1024
/** One key's signatures over all bins. */
const MAX_BINS_BYTES = 128 << 20

/** A ceremony's folder as it was read: bytes within their limits, and nothing verified. */
export type CeremonyFolder = {
  readonly roots: ReadonlyMap<number, Uint8Array>
  readonly targets: Uint8Array | null
  readonly bins: ReadonlyMap<string, Uint8Array>
  /** The documents with the signatures that lie beside them. */
  readonly next: CeremonyFiles
  readonly closed: CeremonyFiles
}

/**
 * Writes a new ceremony; a rehearsal's keys and staging fleet may lie there already. Durable on return. If power fails
 * before the documents of `next/` are written, the folder is no ceremony, and a new start refuses it by name. Refuses
 * `ceremony-exists`.
 */
export function createCeremony(
  folder: string,
  { roots, targets, bins }: Pick<CeremonyFolder, 'roots' | 'targets' | 'bins'>,
  next: Readonly<Record<PendingType, JsonObject | null>> & { readonly bins: ReadonlyMap<string, JsonObject> },
): null | Refusal {
  const paths = ceremonyPaths(folder)
  if (existsSync(paths.signatures)) return refuse('ceremony-exists', folder, 'a name that is free', 'a ceremony in it')
  makeFolders(paths.signatures, 0o777)
  for (const [version, bytes] of roots) writeWhole(join(paths.roots, `${version}.root.json`), bytes)
  if (targets !== null) writeWhole(paths.targets, targets)
  if (next.bins.size > 0) {
    writeWhole(paths.bins('in-force'), packed(bins))
    writeWhole(paths.bins('next'), packed(new Map([...next.bins].map(([name, signed]) => [name, seal(signed, [])]))))
  }
  // The root last: a folder without one of its documents is seen to be unfinished.
  for (const type of ['targets', 'root'] as const) {
    const signed = next[type]
    if (signed !== null) writeWhole(paths.next(type), seal(signed, []))
  }
  return null
}

/** Whether the place of a new ceremony is free. Refuses `ceremony-exists`. */
export function refuseTaken(folder: string): null | Refusal {
  const there = existsSync(folder) ? readdirSync(folder) : []
  return there.length === 0 ? null : refuse('ceremony-exists', folder, 'a name that is free', `${there[0]} in it`)
}

/** Reads a ceremony's folder. Refuses `file-missing`, `ceremony-malformed`, and what `readMetadata` refuses. */
export function readCeremony(folder: string): CeremonyFolder | Refusal {
  if (!existsSync(folder)) return refuse('file-missing', folder, 'the folder of a ceremony', 'none of that name')
  const paths = ceremonyPaths(folder)
  const roots = new Map<number, Uint8Array>()
  for (const name of namesIn(paths.roots)) {
    const version = Number(/^([1-9]\d{0,8})\.root\.json$/.exec(name)?.[1])
    if (!Number.isSafeInteger(version)) return malformed(join(paths.roots, name), 'a root, such as 1.root.json')
    const bytes = readBounded(join(paths.roots, name), MAX_METADATA_BYTES.root)
    if (isRefusal(bytes)) return bytes
    if (bytes !== null) roots.set(version, bytes)
  }
  const targets = readBounded(paths.targets, MAX_METADATA_BYTES.targets)
  if (isRefusal(targets)) return targets
  const signatures = readSignatures(folder)
  if (isRefusal(signatures)) return signatures
  const bins = readBins(paths.bins('in-force'))
  if (isRefusal(bins)) return bins
  const unsigned = readBins(paths.bins('next'))
  if (isRefusal(unsigned)) return unsigned
  const nextBins = new Map<string, Uint8Array>()
  for (const [name, bytes] of unsigned) {
    const bin = readMetadata('targets', bytes, `next/bins.json: ${name}`)
    if (isRefusal(bin)) return bin
    nextBins.set(
      name,
      seal(
        bin.signed.raw,
        signatures.bins.flatMap(by => by.get(name) ?? []),
      ),
    )
  }
  const none = { root: null, targets: null } as Record<PendingType, Uint8Array | null>
  const files = { next: { ...none, bins: nextBins }, closed: { ...none, bins: new Map() } }
  for (const type of TYPES) {
    const closed = readBounded(paths.closed(type), MAX_METADATA_BYTES[type])
    if (isRefusal(closed)) return closed
    files.closed[type] = closed
    const bytes = readBounded(paths.next(type), MAX_METADATA_BYTES[type])
    if (isRefusal(bytes)) return bytes
    if (bytes === null) continue
    const document = readMetadata(type, bytes, paths.next(type))
    if (isRefusal(document)) return document
    files.next[type] = seal(document.signed.raw, signatures[type])
  }
  if (files.next.root === null && files.next.targets === null) {
    return malformed(folder, 'a folder that `voltseal ceremony start` made', 'no document in next/')
  }
  return { roots, targets, bins, ...files }
}

/** Adds one key's signatures over bins, by name. Durable on return, all of them or none. */
export function addBinSignatures(folder: string, keyid: string, sigs: ReadonlyMap<string, string>): void {
  writeWhole(ceremonyPaths(folder).signature('bins', keyid), writeJson({ keyid, sigs: Object.fromEntries(sigs) }))
}

/** Adds one signature. Durable on return; if power fails before, it is not there, and is given again. */
export function addSignature(folder: string, type: PendingType, { keyid, sig }: Signature): void {
  writeWhole(ceremonyPaths(folder).signature(type, keyid), writeJson({ keyid, sig }))
}

/** Keeps what came into force. Durable on return. */
export function keepClosed(folder: string, closed: CeremonyFiles): void {
  for (const type of TYPES) {
    const bytes = closed[type]
    if (bytes !== null) writeWhole(ceremonyPaths(folder).closed(type), bytes)
  }
}

const keyid = text('a key id of 64 lower-case hex digits', /^[0-9a-f]{64}$/)
const sig = text('a signature in hex', /^(?:[0-9a-f]{2}){1,8192}$/)
const binName = text('the name of a bin', /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
const signatureShape = object({ keyid, sig })
const filesShape = dictionary(binName, anyObject, MAX_FILES)
const binsShape = object({ keyid, sigs: dictionary(binName, sig, MAX_FILES) })

/** Signatures over the documents, and for each key those over the bins, by name. */
type Given = Record<PendingType, Signature[]> & { readonly bins: ReadonlyMap<string, Signature>[] }

function readSignatures(folder: string): Given | Refusal {
  const { signatures: place } = ceremonyPaths(folder)
  const found: Given = { root: [], targets: [], bins: [] }
  for (const name of namesIn(place)) {
    const path = join(place, name)
    const [, type, own] = /^(root|targets|bins)\.([0-9a-f]{64})\.json$/.exec(name) ?? []
    if (type === undefined) return malformed(path, 'a signature: DOCUMENT.KEYID.json')
    const limit = type === 'bins' ? MAX_BINS_BYTES : MAX_SIGNATURE_BYTES
    const bytes = readBounded(path, limit)
    if (isRefusal(bytes)) return bytes
    const json = bytes === null ? null : readJson(bytes, limit)
    const shape: Shape<SignatureFile> = type === 'bins' ? binsShape : signatureShape
    const read = json instanceof JsonFault ? new Misfit('', 'strict JSON', json.message) : shape(json, '')
    if (read instanceof Misfit) return malformed(path, read.expected, read.actual)
    if (read.keyid !== own) return malformed(path, `a signature of the key ${own}`, `one of ${read.keyid}`)
    if (type === 'bins') {
      const sigs = Object.entries(read.sigs ?? {}).map(([bin, sig]) => [bin, { keyid: own, sig }] as const)
      found.bins.push(new Map(sigs))
    } else found[type as PendingType].push({ keyid: own, sig: read.sig as string })
  }
  return found
}

type SignatureFile = { readonly keyid: string; readonly sig?: string; readonly sigs?: Readonly<Record<string, string>> }

/** Metadata files by name as one file: a thousand bins are no thousand files on a stick. */
function packed(bins: ReadonlyMap<string, Uint8Array>): string {
  return `{${[...bins].map(([name, bytes]) => `${JSON.stringify(name)}:${fromUtf8(bytes)}`).join(',\n')}}`
}

/** Bins by name; none when the file is not there. Refuses what `readBounded` refuses, `ceremony-malformed`. */
function readBins(path: string): ReadonlyMap<string, Uint8Array> | Refusal {
  const bytes = readBounded(path, MAX_BINS_BYTES)
  if (bytes === null || isRefusal(bytes)) return bytes ?? new Map()
  const json = readJson(bytes, MAX_BINS_BYTES)
  const read = json instanceof JsonFault ? new Misfit('', 'strict JSON', json.message) : filesShape(json, '')
  if (read instanceof Misfit) return malformed(path, read.expected, read.actual)
  return new Map(Object.entries(read).map(([name, file]) => [name, writeJson(file as JsonObject)]))
}

/** The names in a folder, the operating system's own files aside; none when it is not there. */
function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter(name => !name.startsWith('.'))
  if (names.length > MAX_FILES) throw new Error(`${folder}: more than ${MAX_FILES} files`)
  return names.sort()
}

function readBounded(path: string, maxBytes: number): Uint8Array | null | Refusal {
  try {
    const status = statSync(path)
    if (!status.isFile()) return refuse('file-unreadable', path, 'a regular file', 'something else')
    if (status.size > maxBytes) {
      return refuse('file-too-large', path, `at most ${maxBytes} bytes`, `${status.size} bytes`)
    }
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    return notRead(path, code ?? (error as Error).message)
  }
}

const malformed = (path: string, expected: string, actual = 'something else'): Refusal =>
  refuse('ceremony-malformed', path, expected, actual)
