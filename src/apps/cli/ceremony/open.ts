import { readText, writeWhole } from '../../../adapters/config-file.ts'
import { sameBytes, utf8 } from '../../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { type Ceremony, type InForce, openCeremony } from '../../../core/trust/ceremony.ts'
import type { BinDocuments } from '../../../core/trust/ceremony-bins.ts'
import { isRehearsal, noteOf, type Repository } from '../../../core/trust/ceremony-note.ts'
import { type Document, MAX_METADATA_BYTES, type Targets } from '../../../core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../../../core/trust/read-metadata.ts'
import { followRoots } from '../../../core/trust/root-chain.ts'
import { verifySigned } from '../../../core/trust/signatures.ts'
import { readBy, type TrustedSet, trustRoot, updateRoot } from '../../../core/trust/trusted-set.ts'
import type { Cli } from '../cli.ts'
import { openSession } from '../session.ts'
import { type CeremonyFolder, readCeremony } from './folder.ts'

/** How a command says what it trusts: a root of the person's own, or a profile. */
export type TrustOptions = { readonly root?: string; readonly profile?: string }

/** A ceremony as this machine judges it. `closed`: what came into force lies in the folder, and verifies. */
export type Opened = {
  readonly files: CeremonyFolder
  readonly inForce: InForce
  readonly ceremony: Ceremony
  readonly closed: boolean
}

/**
 * Opens a ceremony's folder and works everything out anew from the bytes in it and a root that this machine trusts: a
 * file of the signer's own (`--root`), or what the profile has seen. Newer roots that verify on the way are kept there, so
 * that nobody can bring an older one next time. Refuses what `readCeremony`, `followRoots` and `openCeremony` refuse, and
 * `ceremony-root-missing`.
 */
export async function openFolder(cli: Cli, folder: string, options: TrustOptions): Promise<Opened | Refusal> {
  const files = readCeremony(folder)
  if (isRefusal(files)) return files
  const seen = peek(files)
  if (isRefusal(seen)) return seen
  const { repository, rehearsal } = seen
  const anchor = rehearsal ? ownAnchor(files) : anchorOf(cli, repository, options)
  if (isRefusal(anchor)) return anchor
  const base = baseOf(cli, repository, anchor.root, files)
  if (isRefusal(base)) return base
  const { set } = base
  if (rehearsal && !isRehearsal(set.root.signed)) {
    return refuse('ceremony-rehearsal', folder, 'a rehearsal on a root of its own', 'a rehearsal on a real root')
  }
  const inForce = inForceOf(cli, repository, set, files)
  if (isRefusal(inForce)) return inForce
  const ceremony = openCeremony(inForce, files.next, cli.world.crypto)
  if (isRefusal(ceremony)) return ceremony
  const last = closedRoot(cli, set, files, ceremony)
  if (isRefusal(last)) return last
  const unkept = !base.inForce && last.root.signed.version > base.trusted ? anchor.keep(last) : null
  if (unkept !== null) return unkept
  return { files, inForce, ceremony, closed: base.inForce || isClosed(files, ceremony) }
}

/** The root before the document; `trusted` is the version that was trusted, `inForce` when that is the document's own. */
type Base = { readonly set: TrustedSet; readonly trusted: number; readonly inForce: boolean }

function baseOf(cli: Cli, repository: Repository, anchor: Uint8Array, files: CeremonyFolder): Base | Refusal {
  const { crypto } = cli.world
  const trusted = trustRoot(repository, anchor, crypto)
  if (isRefusal(trusted)) return trusted
  const { version, raw } = trusted.root.signed
  const before = rootsBefore(files)
  const next = files.next.root === null ? null : readMetadata('root', files.next.root, 'the next root')
  if (isRefusal(next)) return next
  const last = before.get(Math.max(...before.keys()))
  if (next === null || last === undefined || !sameBytes(signableBytes(next.signed.raw), signableBytes(raw))) {
    const set = followRoots(repository, anchor, before, crypto)
    return isRefusal(set) ? set : { set, trusted: version, inForce: false }
  }
  // The document is what this machine trusts by now: the root before is the one whose holders signed it.
  const set = trustRoot(repository, last, crypto)
  const followed = isRefusal(set) ? set : updateRoot(set, anchor, crypto)
  return isRefusal(set) || isRefusal(followed) ? (followed as Refusal) : { set, trusted: version, inForce: true }
}

/** What a document claims to be of, before anything is verified: it only says which root to judge it by. */
function peek({ next }: CeremonyFolder): { repository: Repository; rehearsal: boolean } | Refusal {
  const type = next.root === null ? 'targets' : 'root'
  const document = readMetadata(type, next[type]!, `the next ${type}`)
  if (isRefusal(document)) return document
  const note = noteOf(document.signed, `the next ${type}`)
  return note ?? refuse('ceremony-malformed', `the next ${type}`, 'the note of a ceremony', 'none')
}

type Anchor = { readonly root: Uint8Array; keep(newer: TrustedSet): null | Refusal }

/** A rehearsal stands on its own root, and is worth nothing outside: it needs nobody's trust. */
function ownAnchor({ roots }: CeremonyFolder): Anchor | Refusal {
  const first = roots.get(Math.min(...roots.keys()))
  if (first === undefined) return refuse('ceremony-malformed', 'roots', 'the root of the rehearsal', 'none')
  return { root: first, keep: () => null }
}

function anchorOf(cli: Cli, repository: Repository, options: TrustOptions): Anchor | Refusal {
  if (options.root !== undefined) {
    const path = options.root
    const text = readText(path, MAX_METADATA_BYTES.root)
    if (isRefusal(text)) return text
    const root = utf8(text)
    // If power fails here, the older root is there, and the newer ones are followed again.
    const keep: Anchor['keep'] = newer => {
      writeWhole(path, newer.root.bytes)
      return null
    }
    return { root, keep }
  }
  const session = openSession(cli, options.profile)
  if (isRefusal(session)) {
    const missing = session.code === 'profile-missing'
    return missing ? refuse('ceremony-root-missing', `the ${repository} repository`, 'a root', 'none') : session
  }
  try {
    const root = session.root(repository)
    const begun = isRefusal(root) ? root : trustRoot(repository, root, cli.world.crypto)
    if (isRefusal(begun)) return begun
    return { root: begun.root.bytes, keep: newer => session.trusted.keep(newer, begun) }
  } finally {
    session.close()
  }
}

/** The roots in the folder that came before the document that is being signed. */
function rootsBefore({ roots, next }: CeremonyFolder): ReadonlyMap<number, Uint8Array> {
  const document = next.root === null ? null : readMetadata('root', next.root, 'the next root')
  if (document === null || isRefusal(document)) return roots
  return new Map([...roots].filter(([version]) => version < document.signed.version))
}

function inForceOf(cli: Cli, repository: Repository, set: TrustedSet, files: CeremonyFolder): InForce | Refusal {
  const { root } = set
  if (repository === 'director') return { repository, root, targets: null, bins: new Map() }
  if (files.targets === null) {
    return refuse('ceremony-malformed', 'in-force/targets.json', 'the targets in force', 'none')
  }
  const targets = readBy(set, 'targets', files.targets, `${repository}: targets in force`, cli.world.crypto)
  if (isRefusal(targets)) return targets
  const bins = binsInForce(cli, targets.signed, files.bins)
  return isRefusal(bins) ? bins : { repository, root, targets, bins }
}

/** The bins in force that are signed anew, verified as a client verifies them. */
function binsInForce(
  cli: Cli,
  { delegations }: Targets,
  files: ReadonlyMap<string, Uint8Array>,
): BinDocuments | Refusal {
  const bins = new Map<string, Document<Targets>>()
  for (const [name, bytes] of files) {
    const subject = `in-force/bins.json: ${name}`
    const bin = readMetadata('targets', bytes, subject)
    if (isRefusal(bin)) return bin
    if (delegations?.succinct == null) return refuse('ceremony-malformed', subject, 'no bins', 'one')
    const fault = verifySigned(bin, delegations.keys, delegations.succinct, subject, cli.world.crypto)
    if (fault !== null) return fault
    bins.set(name, bin)
  }
  return bins
}

/** The root that a closed ceremony put in force, when it lies there and verifies; the one before it otherwise. */
function closedRoot(cli: Cli, set: TrustedSet, { closed }: CeremonyFolder, { root }: Ceremony): TrustedSet | Refusal {
  if (closed.root === null || root === null) return set
  const followed = updateRoot(set, closed.root, cli.world.crypto)
  if (isRefusal(followed)) return followed
  const same = sameBytes(signableBytes(followed.root.signed.raw), signableBytes(root.document.signed.raw))
  return same ? followed : refuse('ceremony-malformed', 'closed/root.json', 'the root that was signed', 'another one')
}

const isClosed = ({ closed }: CeremonyFolder, { root, targets }: Ceremony): boolean =>
  (root === null || closed.root !== null) && (targets === null || closed.targets !== null)
