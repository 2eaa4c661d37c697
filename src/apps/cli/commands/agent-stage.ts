import { basename, join, resolve } from 'node:path'
import {
  hasPayload,
  listPatches,
  PATCHES_FILE,
  readEnvelope,
  readPatchFile,
  readRelease,
  readWrapFile,
} from '../../../adapters/release-folder.ts'
import { memoryOf } from '../../../core/delta/patch.ts'
import { readPatch } from '../../../core/delta/whole.ts'
import { toHex } from '../../../core/encoding/bytes.ts'
import { readSealedHead, SEALED_HEAD_BYTES } from '../../../core/firmware/patch-encryption.ts'
import { inspectEnvelope } from '../../../core/firmware/suit-open.ts'
import { FROM_NOTHING } from '../../../core/fleet/patch-rows.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { patchName } from '../../../core/trust/image-target.ts'
import { inspectRelease } from '../../../flows/release.ts'
import { askAgent, type Tell } from '../../agent/client.ts'
import type { SpotPatch } from '../../agent/stage-by-patch.ts'
import type { AgentStatus } from '../agent-text.ts'
import type { Cli } from '../cli.ts'
import { Progress } from '../progress.ts'

/** The share up to which a bar goes before the agent has answered. */
const ALMOST = 0.99

export type StageOptions = { readonly wrap?: string; readonly patch?: string }

/** A patch as it is handed to an agent. */
type Brought = SpotPatch & { readonly bytes: Uint8Array }

/**
 * Hands a release to the agent of a folder: its images, or, where they are not on the stick, the patch from what runs; `patch` names one
 * that lies elsewhere. Refuses what reading and `askAgent` refuse, `patch-base-differs` (there is none from what runs), and before the agent
 * hears of it what `inspectRelease` refuses of images, `patch-altered` of a patch in the clear, `patch-malformed` and `patch-newer` of each.
 */
export async function stageRelease(
  cli: Cli,
  folder: string,
  path: string,
  { wrap: wrapFile, patch: patchFile }: StageOptions,
): Promise<object | Refusal> {
  const from = resolve(path)
  const wrap = wrapFile === undefined ? undefined : readWrapFile(wrapFile)
  if (isRefusal(wrap)) return wrap
  const wrapped = wrap === undefined ? {} : { wrap }
  const listed = patchFile === undefined && !hasPayload(from) ? listPatches(from) : []
  if (isRefusal(listed)) return listed
  if (patchFile === undefined && listed.length === 0) {
    const release = readRelease(from)
    if (isRefusal(release)) return release
    const { envelope, payload } = release
    // The agent judges for itself; but it has to erase the slot for it, which may hold the way back.
    const seen = inspectRelease(release, cli.world)
    if (isRefusal(seen)) return seen
    const told = telling(cli, `of the image, ${payload.length} bytes`)
    return told.until(askAgent(folder, { do: 'stage', envelope, payload, ...wrapped, tell: told.tell }))
  }
  const envelope = readEnvelope(from)
  if (isRefusal(envelope)) return envelope
  const file = patchFile === undefined ? await fittingFile(folder, from) : resolve(patchFile)
  if (isRefusal(file)) return file
  const brought = bring(cli, from, envelope, file)
  if (isRefusal(brought)) return brought
  const told = telling(cli, `of the patch, ${brought.bytes.length} bytes`)
  return told.until(askAgent(folder, { do: 'stage-by-patch', envelope, ...brought, ...wrapped, tell: told.tell }))
}

/** A bar for each thing that the agent does, and one that is full when all is done. */
function telling({ output }: Cli, all: string) {
  let [bar, doing] = [new Progress(output, 1), '']
  const tell: Tell = (done, now, total) => {
    if (now !== doing) bar = new Progress(output, total)
    doing = now
    // The full bar says that it is staged: nothing else does.
    bar.at(Math.min(done, total * ALMOST), now)
  }
  const until = async (asked: Promise<object | Refusal>): Promise<object | Refusal> => {
    const done = await asked
    if (!isRefusal(done)) bar.end(all)
    return done
  }
  return { tell, until }
}

/** Of the patches in a release's folder the file of the one from what runs, else of the one from nothing. */
async function fittingFile(folder: string, from: string): Promise<string | Refusal> {
  const listed = listPatches(from)
  if (isRefusal(listed)) return listed
  const status = await askAgent(folder, { do: 'status' })
  if (isRefusal(status)) return status
  const { running } = status as AgentStatus
  const found = listed.find(({ base }) => base === running.digest) ?? listed.find(({ base }) => base === FROM_NOTHING)
  if (found !== undefined) return join(from, patchName(found.base))
  const expected = `SHA-256 ${listed.map(({ base }) => base).join(', ')}`
  return refuse('patch-base-differs', from, expected, `what runs here: ${running.version}, SHA-256 ${running.digest}`)
}

/** What a patch in the clear is for stands in it; of an encrypted one its release's list says so. */
function bring({ world }: Cli, from: string, envelope: Uint8Array, file: string): Brought | Refusal {
  const seen = inspectEnvelope(envelope, world.crypto)
  if (isRefusal(seen)) return seen
  const bytes = readPatchFile(file)
  if (isRefusal(bytes)) return bytes
  const travelling = { length: bytes.length, sha256: toHex(world.crypto.sha256(bytes)) }
  if (seen.facts.encryption === null) {
    const header = readPatch(world.crypto, bytes, file)
    if (isRefusal(header)) return header
    const patch = { base: toHex(header.base.digest), memory: memoryOf(header), ...travelling }
    return { bytes, patch, target: toHex(header.target.digest) }
  }
  const listed = listPatches(from)
  if (isRefusal(listed)) return listed
  const own = listed.find(({ base }) => patchName(base) === basename(file))
  if (own === undefined) {
    const expected = `a patch that ${join(from, PATCHES_FILE)} lists: ${from} is encrypted`
    return refuse('patch-malformed', file, expected, 'another')
  }
  // Its head says how long it is. Whether it was changed only who decrypts it can tell.
  const head = readSealedHead(bytes.subarray(0, SEALED_HEAD_BYTES), bytes.length, file)
  return isRefusal(head) ? head : { bytes, patch: { ...own, ...travelling } }
}
