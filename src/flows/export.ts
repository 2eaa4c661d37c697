import { parsePlan } from '../core/campaign/plan.ts'
import { openSheet } from '../core/campaign/sheet.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import type { Instant } from '../core/encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { binNamed } from '../core/trust/delegation.ts'
import { fetchDelegated } from '../core/trust/find-target.ts'
import { binNames, hasBins, succinctOf } from '../core/trust/hash-bins.ts'
import { MAX_METADATA_BYTES, type Target } from '../core/trust/metadata.ts'
import { type FileAnswer, type FileRequest, refresh } from '../core/trust/refresh.ts'
import { fileName } from '../core/trust/repository.ts'
import { type CurrentSet, trustRoot } from '../core/trust/trusted-set.ts'
import { drive } from './drive.ts'
import type { RepositoryFolder } from './folder-ports.ts'
import type { BlobId } from './ports.ts'

/** Where a repository is read from: its metadata files by name, its targets' bytes. */
export type RepositorySource = {
  file(path: string, maxBytes: number): Promise<FileAnswer>
  target(target: Target): Promise<AsyncIterable<Uint8Array> | Refusal>
}

/** A repository: what it is called, whose site it is, and a root that is trusted because of where it came from. */
export type TrustedRepository = { readonly repo: string; readonly site: string | null; readonly root: Uint8Array }

/** A whole repository as it was read and verified: the set, every target by path, every metadata file by its name. */
export type WholeRepository = {
  readonly set: CurrentSet
  readonly targets: ReadonlyMap<string, Target>
  readonly files: ReadonlyMap<string, Uint8Array>
}

/**
 * Reads a whole repository and verifies it as a client does (TUF 1.0.34 §5), with all its hash bins. Delegated roles other
 * than bins are not followed: the own repositories have none. Refuses what `trustRoot`, `refresh` and `readDelegated` refuse.
 */
export async function readWhole(
  { repo, site, root }: TrustedRepository,
  source: Pick<RepositorySource, 'file'>,
  now: Instant,
  crypto: Crypto,
): Promise<WholeRepository | Refusal> {
  const trusted = trustRoot(repo, root, crypto, { site })
  if (isRefusal(trusted)) return trusted
  const files = new Map([[fileName('root', trusted.root.signed.version), root]])
  const ask = async ({ path, maxBytes }: FileRequest): Promise<FileAnswer> => {
    const answer = await source.file(path, maxBytes)
    if (answer !== null && !isRefusal(answer)) files.set(path, answer)
    return answer
  }
  const refreshed = await drive(refresh(trusted, now, crypto), ask)
  if (refreshed.at !== 'current') return refreshed.refusal
  const { set } = refreshed
  const delegator = set.targets.signed
  const targets = new Map(delegator.targets)
  if (!hasBins(delegator)) return { set, targets, files }
  const layout = succinctOf(delegator)
  for (const name of binNames(layout)) {
    const bin = await drive(fetchDelegated(set, { delegator, role: binNamed(layout, name) }, now, crypto), ask)
    if (isRefusal(bin)) return bin
    for (const [path, target] of bin.signed.targets) targets.set(path, target)
  }
  return { set, targets, files }
}

/**
 * Writes a repository as plain files, which any web server or USB stick serves (TUF 1.0.34 §6.2, consistent snapshots):
 * `metadata/7.snapshot.json`, `targets/bms/1.4.0/DIGEST.envelope.suit`. Names with a version or a digest in them are
 * written once and never change; `timestamp.json` comes last and by one rename. So a reader sees the old set or the new one,
 * whenever they look; if power fails, it is the old one, and the next export goes on. Where a root has changed as well,
 * that comes directly before the timestamp: who looks exactly between the two is refused, and finds the new set at the next
 * try. `wanted`: the targets that are written. Durable on return; answers how many were written.
 *
 * Refuses what `source` and `folder` refuse, and `metadata-missing` for a root of the chain that the source does not have.
 */
export async function exportWhole(
  { set, files }: WholeRepository,
  wanted: readonly Target[],
  source: RepositorySource,
  folder: RepositoryFolder,
  say: (target: Target) => void = () => {},
): Promise<number | Refusal> {
  let written = 0
  for (const target of wanted) {
    const path = targetFile(target)
    const id: BlobId = { sha256: target.sha256, length: target.length }
    if (await folder.hasTarget(path, id)) continue
    say(target)
    const body = await source.target(target)
    const refused = isRefusal(body) ? body : await folder.putTarget(path, id, body)
    if (refused !== null) return refused
    written += 1
  }
  const roots = await chain(set, files, source)
  if (isRefusal(roots)) return roots
  const last = new Set(['timestamp.json', ...roots.keys()])
  for (const [path, bytes] of files) if (!last.has(path)) await folder.put(`metadata/${path}`, bytes)
  for (const [path, bytes] of roots) await folder.put(`metadata/${path}`, bytes)
  // What the timestamp names lasts before the timestamp does.
  await folder.sync()
  await folder.replace('metadata/timestamp.json', set.timestamp.bytes)
  await folder.sync()
  return written
}

/** What a site's sheet is looked up by: the campaign, and the head of its plan, whose bytes the approval target pins. */
export type SheetWanted = { readonly campaign: string; readonly head: Uint8Array }

/**
 * Writes a site's sheets as plain files, `CAMPAIGN.json` each: without them it carries out none of its orders. Each is
 * verified under its plan's head, as the site does. If power fails, those that are there are whole. Durable on return. Refuses
 * what `sheet` and `openSheet` refuse, and `sheet-missing`.
 */
export async function exportSheets(
  site: string,
  wanted: readonly SheetWanted[],
  sheet: (campaign: string) => Promise<FileAnswer>,
  folder: RepositoryFolder,
  crypto: Crypto,
): Promise<null | Refusal> {
  for (const { campaign, head } of wanted) {
    const subject = `campaign ${campaign}`
    const plan = parsePlan(head, subject)
    if (isRefusal(plan)) return plan
    const bytes = await sheet(campaign)
    if (isRefusal(bytes)) return bytes
    if (bytes === null) return refuse('sheet-missing', subject, `the sheet of ${site}`, 'none')
    const opened = openSheet(bytes, plan, site, crypto)
    if (isRefusal(opened)) return opened
    await folder.put(`${campaign}.json`, bytes)
  }
  await folder.sync()
  return null
}

/** Every root up to the trusted one: a client follows them from whichever it was given. */
async function chain(
  { repo, root }: CurrentSet,
  files: ReadonlyMap<string, Uint8Array>,
  source: RepositorySource,
): Promise<ReadonlyMap<string, Uint8Array> | Refusal> {
  const roots = new Map<string, Uint8Array>()
  for (let version = 1; version <= root.signed.version; version += 1) {
    const path = fileName('root', version)
    const bytes = files.get(path) ?? (await source.file(path, MAX_METADATA_BYTES.root))
    if (isRefusal(bytes)) return bytes
    if (bytes === null) return refuse('metadata-missing', `${repo}: ${path}`, 'the file', 'none of that name')
    roots.set(path, bytes)
  }
  return roots
}

/** The name of a target's file: its digest stands before its name (TUF 1.0.34 §6.2). */
export function targetFile({ path, sha256 }: Target): string {
  const at = path.lastIndexOf('/') + 1
  return `targets/${path.slice(0, at)}${sha256}.${path.slice(at)}`
}
