import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { MAX_WRAP_BYTES, MAX_WRAPS_BYTES, readWraps, writeWraps } from '../core/encoding/cose-recipient.ts'
import { maxSealedBytes } from '../core/firmware/encryption.ts'
import { LIMITS } from '../core/firmware/facts.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { MAX_ENVELOPE_BYTES } from '../core/firmware/suit-envelope.ts'
import { notRead } from '../core/refusal/not-read.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { EVIDENCE, type EvidenceFiles, type EvidenceKind } from '../core/trust/evidence/judge.ts'
import { EVIDENCE_FILES, patchName } from '../core/trust/image-target.ts'
import { type ListedPatch, MAX_PATCH_LIST_BYTES, readPatchList, writePatchList } from '../core/trust/patch-list.ts'

/**
 * A release on disk: a folder `NAME.release` of three files, of four when it is encrypted, and its evidence, if it has any,
 * under the names of `EVIDENCE_FILES`. `release.json` is for people: no machine reads it. Where it has patches, `patches.json` lists them.
 */
export const ENVELOPE_FILE = 'envelope.suit'
export const PAYLOAD_FILE = 'payload.bin'
export const SUMMARY_FILE = 'release.json'
export const CONTENT_KEYS_FILE = 'content-keys.cbor'
export const PATCHES_FILE = 'patches.json'

/** A patch of a release as it travels. */
export type FolderPatch = ListedPatch & { readonly bytes: Uint8Array }

/**
 * What the folder holds, as bytes. Nothing in it is verified yet. `contentKeys`: the content key of an encrypted payload,
 * wrapped for each of those whom the release was encrypted to; none for a payload that travels as it is.
 */
export type ReleaseFiles = {
  readonly envelope: Uint8Array
  readonly payload: Uint8Array
  readonly contentKeys: readonly Uint8Array[]
}

/**
 * Writes a release to a new folder, all of it or nothing. Durable on return. Refuses `release-exists` and
 * `release-not-written`.
 */
export function writeRelease(
  folder: string,
  release: ReleaseFiles & { facts: ReleaseFacts; patches?: readonly FolderPatch[] },
  evidence: EvidenceFiles = NO_EVIDENCE,
): Refusal | null {
  const target = resolve(folder)
  if (existsSync(target)) return refuse('release-exists', folder, 'a name that is free', 'a folder of that name')
  let temporary: string | null = null
  try {
    temporary = mkdtempSync(join(dirname(target), `.${basename(target)}-`))
    chmodSync(temporary, 0o755)
    writeSynced(join(temporary, PAYLOAD_FILE), release.payload)
    if (release.contentKeys.length > 0) {
      writeSynced(join(temporary, CONTENT_KEYS_FILE), writeWraps(release.contentKeys))
    }
    writeSynced(join(temporary, SUMMARY_FILE), `${JSON.stringify(release.facts, null, 2)}\n`)
    for (const kind of EVIDENCE) {
      const bytes = evidence[kind]
      if (bytes !== null) writeSynced(join(temporary, EVIDENCE_FILES[kind].name), bytes)
    }
    const { patches = [] } = release
    for (const { base, bytes } of patches) writeSynced(join(temporary, patchName(base)), bytes)
    if (patches.length > 0) writeSynced(join(temporary, PATCHES_FILE), writePatchList(patches))
    writeSynced(join(temporary, ENVELOPE_FILE), release.envelope)
    syncFolder(temporary)
    // If power fails before the rename, there is no release of this name, and a hidden folder to delete; after it, the
    // release is whole. The rename itself lasts once the parent folder is synced.
    renameSync(temporary, target)
    syncFolder(dirname(target))
    return null
  } catch (error) {
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true })
    return notWritten(folder, error)
  }
}

/**
 * Replaces a release's envelope with one that has more signatures. Durable on return. The summary stays right: it says
 * what the manifest says, and signing changes no byte of that. Refuses `file-missing` and `release-not-written`.
 */
export function replaceEnvelope(folder: string, envelope: Uint8Array): Refusal | null {
  const target = join(resolve(folder), ENVELOPE_FILE)
  if (!existsSync(target)) return missing(target)
  const temporary = `${target}.new`
  try {
    writeSynced(temporary, envelope)
    // If power fails before the rename, the old envelope is there, and a `.new` file that the next signing overwrites;
    // after it, the new one. Never a part of either.
    renameSync(temporary, target)
    syncFolder(dirname(target))
    return null
  } catch (error) {
    rmSync(temporary, { force: true })
    return notWritten(folder, error)
  }
}

/**
 * Reads a release's files, sizes first. Verifies nothing. Refuses `file-missing`, `file-unreadable`,
 * `file-not-permitted`, `file-too-large` and `wrap-malformed`.
 */
export function readRelease(folder: string): ReleaseFiles | Refusal {
  const envelope = readEnvelope(folder)
  if (isRefusal(envelope)) return envelope
  const payload = readLimited(join(folder, PAYLOAD_FILE), maxSealedBytes(LIMITS.imageBytes))
  if (isRefusal(payload)) return payload
  const path = join(folder, CONTENT_KEYS_FILE)
  const written = readLimited(path, MAX_WRAPS_BYTES)
  if (isRefusal(written)) return written.code === 'file-missing' ? { envelope, payload, contentKeys: [] } : written
  const contentKeys = readWraps(written, path)
  return isRefusal(contentKeys) ? contentKeys : { envelope, payload, contentKeys }
}

/** The envelope alone. Refuses like `readRelease`. */
export function readEnvelope(folder: string): Uint8Array | Refusal {
  return readLimited(join(folder, ENVELOPE_FILE), MAX_ENVELOPE_BYTES)
}

/** True while the folder has the images of its release, and not only what is smaller. */
export const hasPayload = (folder: string): boolean => existsSync(join(folder, PAYLOAD_FILE))

/** Reads the patches that lie in a release's folder; none where nothing lists them. Refuses like `readRelease`, and as `readPatchList`. */
export function readPatches(folder: string): readonly FolderPatch[] | Refusal {
  const listed = listPatches(folder)
  if (isRefusal(listed)) return listed
  const patches: FolderPatch[] = []
  for (const one of listed) {
    const bytes = readPatchFile(join(folder, patchName(one.base)))
    if (isRefusal(bytes)) return bytes
    patches.push({ ...one, bytes })
  }
  return patches
}

/** What patches lie in a release's folder, without reading them. Refuses like `readPatches`. */
export function listPatches(folder: string): readonly ListedPatch[] | Refusal {
  const path = join(folder, PATCHES_FILE)
  const list = existsSync(path) ? readLimited(path, MAX_PATCH_LIST_BYTES) : null
  return list === null || isRefusal(list) ? (list ?? []) : readPatchList(list, path)
}

/** Reads one patch. Refuses like `readRelease`. */
export function readPatchFile(path: string): Uint8Array | Refusal {
  return readLimited(path, maxSealedBytes(LIMITS.imageBytes))
}

/** No evidence at all. */
export const NO_EVIDENCE: EvidenceFiles = { sbom: null, provenance: null }

/** Reads the evidence that lies in a release's folder, sizes first; null where there is none. Refuses like `readRelease`. */
export function readEvidence(folder: string): EvidenceFiles | Refusal {
  const found: Record<EvidenceKind, Uint8Array | null> = { ...NO_EVIDENCE }
  for (const kind of EVIDENCE) {
    const path = join(folder, EVIDENCE_FILES[kind].name)
    const bytes = existsSync(path) ? readEvidenceFile(path, kind) : null
    if (isRefusal(bytes)) return bytes
    found[kind] = bytes
  }
  return found
}

/** Reads evidence that a build left somewhere. Refuses like `readRelease`. */
export function readEvidenceFile(path: string, kind: EvidenceKind): Uint8Array | Refusal {
  return readLimited(path, EVIDENCE_FILES[kind].maxBytes)
}

/** Reads a firmware image that a build left somewhere. Refuses like `readRelease`. */
export function readImage(path: string): Uint8Array | Refusal {
  return readLimited(path, LIMITS.imageBytes)
}

/** Reads a wrap that somebody made for one controller. Refuses like `readRelease`; its form is judged by who opens it. */
export function readWrapFile(path: string): Uint8Array | Refusal {
  return readLimited(path, MAX_WRAP_BYTES)
}

function readLimited(path: string, maxBytes: number): Uint8Array | Refusal {
  try {
    const status = statSync(path)
    // A device or a pipe has no size to check and may have no end.
    if (!status.isFile()) return refuse('file-unreadable', path, 'a regular file', 'something else')
    const { size } = status
    if (size > maxBytes) return refuse('file-too-large', path, `at most ${maxBytes} bytes`, `${size} bytes`)
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    // The image itself, or an envelope, was named in place of the folder that holds both.
    if (code === 'ENOTDIR') return refuse('file-missing', path, 'a release: a folder with this file in it', 'a file')
    if (code === 'ENOENT') return missing(path)
    return notRead(path, code ?? String(error))
  }
}

function writeSynced(path: string, content: Uint8Array | string): void {
  const file = openSync(path, 'w', 0o644)
  try {
    writeFileSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

const missing = (path: string): Refusal => refuse('file-missing', path, 'a file', 'none of that name')

const notWritten = (folder: string, error: unknown): Refusal =>
  refuse(
    'release-not-written',
    folder,
    'a folder that can be written',
    (error as NodeJS.ErrnoException).code ?? 'failure',
  )
