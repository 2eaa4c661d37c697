import { existsSync } from 'node:fs'
import { readBytes, writeWhole } from '../../adapters/config-file.ts'
import { toHex } from '../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Difference } from '../../core/trust/differences.ts'
import {
  isSigned,
  MAX_REQUEST_BYTES,
  type RequestPart,
  type SigningRequest,
  writeRequest,
} from '../../core/trust/signing-request.ts'
import { trustRoot } from '../../core/trust/trusted-set.ts'
import { changesAsked, type OpenRequest, openRequest } from '../../flows/request.ts'
import { unlessNotWritten } from '../process/disk.ts'
import type { Cli, Work } from './cli.ts'
import { factLines } from './commands/release.ts'
import { type Cell, listing } from './table.ts'

/** What is signed lies beside a request as bytes under these names, for tools that know nothing of requests. */
const rawFiles = (path: string, { parts }: SigningRequest): string[] =>
  parts.length === 1 ? [`${path}.bin`] : parts.map(({ name }) => `${path}.${name}.bin`)

/** Opens a request's file. Refuses what `readBytes` and `openRequest` refuse. */
export function openRequestFile(cli: Cli, path: string): OpenRequest | Refusal {
  const file = readBytes(path, MAX_REQUEST_BYTES)
  return isRefusal(file) ? file : openRequest(file, path, cli.world)
}

/**
 * Writes a new request and, beside it, the bytes to sign. Never overwrites. Durable on return. Refuses `file-exists`,
 * `no-space`, `file-not-permitted`.
 */
export function exportRequest(cli: Cli, path: string, request: SigningRequest): Work {
  const raw = rawFiles(path, request)
  const taken = [path, ...raw].find(name => existsSync(name))
  if (taken !== undefined) return refuse('file-exists', taken, 'a name that is free', 'a file of that name')
  // If power fails between the two, there are bytes and no request: the next try says which file is in its way.
  const refusal = unlessNotWritten(path, () => {
    for (const [index, file] of raw.entries()) writeWhole(file, (request.parts[index] as RequestPart).bytes)
    writeWhole(path, writeRequest(request, cli.world.crypto))
  })
  if (refusal !== null) return refusal
  cli.output.progress(`Next: carry ${path} to the machine with the key, and there: voltseal sign ${path} --key KEY`)
  return described(cli, path, request, [], {})
}

/** Writes a request that has been signed in the place of the one that asked. Durable on return. */
export function saveRequest(cli: Cli, path: string, request: SigningRequest): Refusal | null {
  // If power fails before the rename, the request is there as it was, unsigned; after it, signed. Never a part.
  return unlessNotWritten(path, () => writeWhole(path, writeRequest(request, cli.world.crypto)))
}

/** What a request asks to sign, as this machine reads it from the bytes; compared with what a trusted root vouches for. */
export function describeRequest(cli: Cli, path: string, opened: OpenRequest, rootFile: string | undefined): Work {
  const { said, request } = opened
  if (said.kind === 'envelope') {
    const lines = [['manifest', said.manifestDigest] as const, ...factLines(said.facts)]
    return described(cli, path, request, lines, { manifest: said.manifestDigest, facts: said.facts })
  }
  const root = rootFile === undefined ? null : readRoot(cli, rootFile)
  if (isRefusal(root)) return root
  const asked = changesAsked(opened, root?.root ?? null, path, cli.world)
  if (isRefusal(asked)) return asked
  const lines = asked.flatMap(({ name, type, signed, compared, changes }): [string, Cell][] => [
    ['document', `${name}: ${type}, version ${signed.version}`],
    ['compared with', compared ? 'what is in force, as the root vouches' : 'nothing: all of it is shown'],
    ...changes.map(changeLine),
  ])
  const json = asked.map(({ signed, ...rest }) => ({ ...rest, version: signed.version }))
  return described(cli, path, request, lines, { documents: json })
}

function readRoot(cli: Cli, path: string) {
  const file = readBytes(path, 1 << 20)
  return isRefusal(file) ? file : trustRoot(path, file, cli.world.crypto)
}

/** A member that this program has no word for stands out: it is signed all the same. */
function changeLine({ what, before, after, known }: Difference): [string, Cell] {
  const [verb, text] =
    before === null
      ? ['adds', `${what}: ${after}`]
      : after === null
        ? ['takes away', `${what}: ${before}`]
        : ['changes', `${what}: ${before} → ${after}`]
  return [verb, known && after !== null ? text : { text, tone: 'warn' }]
}

function described(
  cli: Cli,
  path: string,
  request: SigningRequest,
  lines: readonly (readonly [string, Cell])[],
  json: object,
): Work {
  const { kid, content, parts } = request
  const raw = rawFiles(path, request)
  const bytes = parts.map((part, index) => ({
    file: raw[index] as string,
    length: part.bytes.length,
    sha256: toHex(cli.world.crypto.sha256(part.bytes)),
  }))
  const signed = isSigned(request)
  const what = content.kind === 'envelope' ? 'a release' : 'metadata of a repository'
  return {
    json: { request: path, what: content.kind, kid, bytes, signed, ...json },
    text: listing(cli.output, [
      ['request', path],
      ['to sign', what],
      ['by key', kid],
      ...bytes.map(({ file, length, sha256 }) => ['bytes', `${file}: ${length}, SHA-256 ${sha256}`] as const),
      ...lines,
      ['signed', signed ? { text: 'yes, and it holds', tone: 'good' } : 'not yet'],
    ]),
  }
}
