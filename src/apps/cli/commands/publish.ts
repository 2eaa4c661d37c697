import type { Command } from 'commander'
import { readEvidence, readRelease } from '../../../adapters/release-folder.ts'
import { loadSigner } from '../../../adapters/signer-file.ts'
import { sameBytes, toBase64, toHex } from '../../../core/encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../../../core/encoding/canonical-json.ts'
import { type Instant, instant } from '../../../core/encoding/units.ts'
import { releaseTarget } from '../../../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { EVIDENCE, type PublishPolicy } from '../../../core/trust/evidence/judge.ts'
import {
  binNames,
  binsOf,
  hasBins,
  type Publication,
  publication,
  publicationInBins,
  succinctOf,
} from '../../../core/trust/hash-bins.ts'
import { EVIDENCE_FILES, sameFile } from '../../../core/trust/image-target.ts'
import { canSignMetadata, keyId } from '../../../core/trust/keys.ts'
import type { Target } from '../../../core/trust/metadata.ts'
import { signableBytes } from '../../../core/trust/read-metadata.ts'
import { seal, signatureBy } from '../../../core/trust/repository.ts'
import { checkEvidence } from '../../../flows/attest.ts'
import type { Signer } from '../../../flows/ports.ts'
import { inspectRelease } from '../../../flows/release.ts'
import { parseConfig } from '../../../wire/config.ts'
import { PublishPolicyJson } from '../../../wire/fleet-api.ts'
import { publishPolicyOf } from '../../fleet/publish-policy.ts'
import type { Cli, Work } from '../cli.ts'
import { type OpenedRepository, openRepository } from '../repository.ts'
import { type Session, withSession } from '../session.ts'
import { table } from '../table.ts'
import { DEVELOPMENT_WARNING } from './key.ts'

type Options = { key: string; profile?: string; renew?: boolean }

/** How long published targets stay valid without another publication, in milliseconds. */
const YEAR = 365 * 86_400_000
const DAY = 86_400_000

export function addPublish(program: Command, cli: Cli): void {
  program
    .command('publish')
    .description('put signed releases into the fleet’s image repository')
    .argument('[releases...]', 'release folders')
    .requiredOption('--key <file>', 'the private key of the image repository’s targets')
    .option('--renew', 'sign everything that is published anew, so that it stays valid for another year')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((folders: string[], options: Options) =>
        withSession(cli, options.profile, session => publish(cli, session, folders, options)),
      ),
    )
}

type Prepared = {
  readonly blobs: readonly { target: Target; bytes: Uint8Array }[]
  readonly path: string
  readonly version: string
}

/** Blobs first, metadata last: until the server has accepted the metadata, nobody can see any of it. */
async function publish(cli: Cli, session: Session, folders: readonly string[], options: Options): Promise<Work> {
  const { key: keyFile, renew = false } = options
  if (folders.length === 0 && !renew) return refuse('usage-error', 'publish', 'release folders, or --renew', 'neither')
  const signer = loadSigner(keyFile)
  if (isRefusal(signer)) return signer
  if (!canSignMetadata(signer.key)) {
    return refuse('key-algorithm-unsupported', keyFile, 'a key that signs metadata', signer.key.alg)
  }
  const policy = await fetchPolicy(cli, session)
  if (isRefusal(policy)) return policy
  const prepared: Prepared[] = []
  for (const folder of folders) {
    const one = prepare(cli, folder, policy)
    if (isRefusal(one)) return one
    prepared.push(one)
  }
  const opened = await openRepository(cli, session, 'image')
  if (isRefusal(opened)) return opened
  const { root, targets } = opened.set
  const kid = keyId(signer.key, cli.world.crypto)
  const { keyids } = root.signed.roles.targets
  // Said here, before anything is uploaded; the server would say it of the finished metadata.
  if (!keyids.includes(kid)) {
    return refuse('signer-not-in-role', keyFile, `a key of the image repository: ${keyids.join(', ')}`, kid)
  }
  const before = targets.signed
  const add = prepared.flatMap(({ blobs }) => blobs.map(({ target }) => target))
  const now = cli.world.clock.now()
  const expires = instant(Math.ceil((now + YEAR) / 1000) * 1000)
  const rows = prepared.map(({ path, version, blobs }) => [path, version, blobs[0]!.target.sha256])
  const answer = (version: number): Work => ({
    json: { repositoryVersion: version, releases: prepared.map(({ path }) => path) },
    text: table(cli.output, ['release', 'version', 'SHA-256 of the envelope'], rows),
  })
  // All of it is public, and was signed lately: the answer was lost, and there is nothing to say again. Later on, the
  // same releases are signed anew, so that they stay valid.
  const lately = !renew && expires - before.expires < DAY
  if (lately) {
    const standing = await arePublished(opened, add)
    if (isRefusal(standing)) return standing
    if (standing) {
      cli.output.progress('Published already.')
      return answer(before.version)
    }
  }
  const written = await write(cli, opened, add, expires, renew)
  if (isRefusal(written)) return written
  for (const { blobs, path } of prepared) {
    for (const { target, bytes } of blobs) {
      cli.output.progress(`Uploading ${target.path}, ${bytes.length} bytes`)
      const refusal = await session.put(`/v1/blobs/${target.sha256}`, bytes)
      if (refusal !== null) return { ...refusal, subject: `${path}: ${refusal.subject}` }
    }
  }
  const metadata = await sealed(cli, written.targets, signer)
  if (isRefusal(metadata)) return metadata
  const bins: Record<string, string> = {}
  for (const [name, bin] of written.bins) {
    const file = await sealed(cli, bin, signer)
    if (isRefusal(file)) return file
    bins[name] = file
  }
  const count = written.bins.size
  if (count > 16) cli.output.progress(`Handing in ${count} hash bins`)
  const body = count === 0 ? { metadata } : { metadata, bins }
  const result = await session.post<{ version: number; published: string[] }>('/v1/releases', body)
  if (isRefusal(result)) return result
  if (signer.development) cli.output.warn(DEVELOPMENT_WARNING)
  return answer(result.version)
}

async function sealed(cli: Cli, written: JsonObject, signer: Signer): Promise<string | Refusal> {
  const signature = await signer.sign(signableBytes(written), 'der')
  if (isRefusal(signature)) return signature
  return toBase64(seal(written, [signatureBy(signer.key, signature, cli.world.crypto)]))
}

/** Whether the repository says of all these targets exactly this. */
async function arePublished(opened: OpenedRepository, add: readonly Target[]): Promise<boolean | Refusal> {
  for (const target of add) {
    const found = await opened.target(target.path)
    if (isRefusal(found)) return found
    if (found === null || !sameFile(found, target)) return false
    if (!sameBytes(canonicalJson(found.custom), canonicalJson(target.custom))) return false
  }
  return true
}

/** What is to be signed: the targets, and the bins that change, or all of them to renew them or after a change of keys. */
async function write(
  cli: Cli,
  { set, bins }: OpenedRepository,
  add: readonly Target[],
  expires: Instant,
  renew: boolean,
): Promise<Publication | Refusal> {
  const { crypto } = cli.world
  const [root, before] = [set.root.signed, set.targets.signed]
  if (!hasBins(before)) return publication(root, before, { add }, expires, crypto)
  const layout = succinctOf(before)
  const { keyids, threshold } = root.roles.targets
  const rekeyed = layout.threshold !== threshold || layout.keyids.join() !== keyids.join()
  const paths = add.map(({ path }) => path)
  const names = renew || rekeyed ? binNames(layout) : binsOf(before, paths, crypto)
  const current = await bins(names)
  return isRefusal(current) ? current : publicationInBins(root, before, current, { add }, expires, crypto)
}

/** What the fleet wants of a release: asked before anything is uploaded; the server judges by it again. */
async function fetchPolicy(cli: Cli, session: Session): Promise<PublishPolicy | Refusal> {
  const where = '/v1/publish-policy'
  const told = await session.get<PublishPolicyJson>(where)
  if (isRefusal(told)) return told
  const written = parseConfig<PublishPolicyJson>(PublishPolicyJson, told, where)
  return isRefusal(written) ? written : publishPolicyOf(written, where, cli.world.crypto)
}

/** A release folder as targets: the envelope, the payload that it names, and the evidence, as the fleet wants it. */
function prepare(cli: Cli, folder: string, policy: PublishPolicy): Prepared | Refusal {
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const seen = inspectRelease(files, cli.world)
  if (isRefusal(seen)) return seen
  const { crypto } = cli.world
  const { facts } = seen
  const evidence = readEvidence(folder)
  if (isRefusal(evidence)) return evidence
  const judged = checkEvidence({ facts, payload: files.image }, evidence, cli.world, policy)
  if (isRefusal(judged)) return judged
  const base = `${facts.class}/${facts.version}`
  const payloadPath = `${base}/payload.bin`
  const more = EVIDENCE.flatMap(kind => {
    const bytes = evidence[kind]
    if (bytes === null) return []
    return [{ kind, target: { path: `${base}/${EVIDENCE_FILES[kind].name}`, ...sized(bytes), custom: null }, bytes }]
  })
  const named = Object.fromEntries(
    more.map(({ kind, target: { path, sha256, length } }) => [kind, { path, sha256, length }]),
  )
  const custom = { ...releaseTarget(facts, payloadPath), ...named } as unknown as Json
  const envelope = { path: `${base}/envelope.suit`, ...sized(files.envelope), custom }
  const payload = { path: payloadPath, length: facts.imageSize, sha256: facts.imageDigest, custom: null }
  const blobs = [
    { target: envelope, bytes: files.envelope },
    { target: payload, bytes: files.image },
    ...more.map(({ target, bytes }) => ({ target, bytes })),
  ]
  return { blobs, path: envelope.path, version: facts.version }

  function sized(bytes: Uint8Array): { length: number; sha256: string } {
    return { length: bytes.length, sha256: toHex(crypto.sha256(bytes)) }
  }
}
