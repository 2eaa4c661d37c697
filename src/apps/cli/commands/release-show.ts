import type { Command } from 'commander'
import { agreesWithTarget } from '../../../core/firmware/acceptance.ts'
import { LIMITS } from '../../../core/firmware/facts.ts'
import type { ReleaseFacts } from '../../../core/firmware/release-facts.ts'
import { MAX_ENVELOPE_BYTES } from '../../../core/firmware/suit-envelope.ts'
import { inspectEnvelope } from '../../../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { EVIDENCE, type Evidence, type EvidenceKind } from '../../../core/trust/evidence/judge.ts'
import {
  beside,
  ENVELOPE_NAME,
  EVIDENCE_FILES,
  type FileRef,
  type ImageTarget,
  readImageTarget,
} from '../../../core/trust/image-target.ts'
import { checkEvidence } from '../../../flows/attest.ts'
import type { Cli, Work } from '../cli.ts'
import { evidenceJson, evidenceLines } from '../release-evidence.ts'
import { openRepository } from '../repository.ts'
import { type Session, withSession } from '../session.ts'
import { type Cell, listing } from '../table.ts'

/** How the facts of a release are printed: the same as everywhere else. */
type FactLines = (facts: ReleaseFacts) => (readonly [name: string, value: Cell])[]

export function addReleaseShow(release: Command, cli: Cli, factLines: FactLines): void {
  release
    .command('show')
    .description('a published release and its evidence, verified on this machine')
    .argument('<release>', 'its path, such as bms/1.4.0')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((path: string, { profile }: { profile?: string }) =>
        withSession(cli, profile, session => show(cli, session, path, factLines)),
      ),
    )
}

/** The image repository is verified here from the profile's root; every file must be the one that it names. */
async function show(cli: Cli, session: Session, named: string, factLines: FactLines): Promise<Work> {
  const path = named.endsWith(ENVELOPE_NAME) ? named : `${named}${ENVELOPE_NAME}`
  const opened = await openRepository(cli, session, 'image')
  if (isRefusal(opened)) return opened
  const target = await opened.target(path)
  if (isRefusal(target)) return target
  if (target === null) return refuse('not-found', path, 'a published release', 'none of that name')
  const release = readImageTarget(target)
  if (isRefusal(release)) return release
  const envelope = await fetchFile(cli, session, target, MAX_ENVELOPE_BYTES)
  if (isRefusal(envelope)) return envelope
  const seen = inspectEnvelope(envelope, cli.world.crypto)
  if (isRefusal(seen)) return seen
  const disagreement = agreesWithTarget(seen.facts, release)
  if (disagreement !== null) return disagreement
  const evidence = await fetchEvidence(cli, session, path, release, seen.facts)
  if (isRefusal(evidence)) return evidence
  return {
    json: {
      release: path,
      sha256: target.sha256,
      claimedSigners: seen.claimedSigners,
      facts: seen.facts,
      evidence: evidenceJson(evidence),
    },
    text: listing(cli.output, [
      ['release', path],
      ['envelope', `${target.length} bytes, SHA-256 ${target.sha256}`],
      ...factLines(seen.facts),
      ...evidenceLines(evidence),
      ...seen.claimedSigners.map(kid => ['claims a signature by', kid] as const),
    ]),
  }
}

async function fetchEvidence(
  cli: Cli,
  session: Session,
  path: string,
  release: ImageTarget,
  facts: ReleaseFacts,
): Promise<Evidence | Refusal> {
  const files: Record<EvidenceKind, Uint8Array | null> = { sbom: null, provenance: null }
  for (const kind of EVIDENCE) {
    const file = release[kind]
    if (file === undefined) continue
    const { name, maxBytes } = EVIDENCE_FILES[kind]
    if (file.path !== beside(path, name)) {
      return refuse('evidence-target-disagrees', path, beside(path, name), file.path)
    }
    const bytes = await fetchFile(cli, session, file, maxBytes)
    if (isRefusal(bytes)) return bytes
    files[kind] = bytes
  }
  const whole = checkEvidence({ facts, payload: null }, files, cli.world)
  if (!isRefusal(whole) || facts.encryption !== null) return whole
  // It may name the images in the payload, or what was wrapped in one: then the payload is needed to tell.
  const payload = await fetchFile(cli, session, release.payload, LIMITS.imageBytes)
  return isRefusal(payload) ? payload : checkEvidence({ facts, payload }, files, cli.world)
}

/** A file by the length and digest that the repository vouches for. Refuses `blob-digest-mismatch`. */
async function fetchFile(
  cli: Cli,
  session: Session,
  { path, length, sha256 }: FileRef,
  maxBytes: number,
): Promise<Uint8Array | Refusal> {
  if (length > maxBytes) return refuse('blob-too-large', path, `at most ${maxBytes} bytes`, `${length}`)
  const bytes = await session.getBytes(`/v1/blobs/${sha256}`, length)
  if (isRefusal(bytes)) return bytes
  const found = cli.world.crypto.sha256(bytes).toHex()
  if (bytes.length === length && found === sha256) return bytes
  return refuse('blob-digest-mismatch', path, `${length} bytes, SHA-256 ${sha256}`, `${bytes.length} bytes, ${found}`)
}
