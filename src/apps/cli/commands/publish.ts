import type { Command } from 'commander'
import { readEvidence, readPatches, readRelease } from '../../../adapters/release-folder.ts'
import { loadPublicKey } from '../../../adapters/signer-file.ts'
import { sameBytes, toBase64, toHex } from '../../../core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../../core/encoding/canonical-json.ts'
import type { PublicKey } from '../../../core/encoding/crypto.ts'
import { type Instant, instant } from '../../../core/encoding/units.ts'
import { carriedBy, imagesIn } from '../../../core/firmware/encryption.ts'
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
import { EVIDENCE_FILES, patchPath, sameFile } from '../../../core/trust/image-target.ts'
import { canSignMetadata, keyId } from '../../../core/trust/keys.ts'
import type { Signature, Target } from '../../../core/trust/metadata.ts'
import { signableBytes } from '../../../core/trust/read-metadata.ts'
import { seal, signatureBy } from '../../../core/trust/repository.ts'
import { checkEvidence } from '../../../flows/attest.ts'
import { inspectRelease } from '../../../flows/release.ts'
import { type OpenRequest, requestMetadata, type ToSign, takeSignatures } from '../../../flows/request.ts'
import { parseConfig } from '../../../wire/config.ts'
import { PublishPolicyJson } from '../../../wire/fleet-api.ts'
import { publishPolicyOf } from '../../fleet/publish-policy.ts'
import { several } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { type OpenedRepository, openRepository } from '../repository.ts'
import { type Session, withSession } from '../session.ts'
import { PRIVATE_KEY } from '../signing-key.ts'
import { exportRequest, openRequestFile } from '../signing-requests.ts'
import { table } from '../table.ts'

type Options = { key?: string; profile?: string; renew?: boolean; export?: string; import?: readonly string[] }

/** How long published targets stay valid without another publication, in milliseconds. */
const YEAR = 365 * 86_400_000
const DAY = 86_400_000

export function addPublish(program: Command, cli: Cli): void {
  program
    .command('publish')
    .description('put signed releases into the fleet’s image repository')
    .argument('[releases...]', 'release folders')
    .option(
      '--key <key>',
      `the private key of the image repository’s targets ${PRIVATE_KEY}; with --export the public key that is asked`,
    )
    .option('--renew', 'sign everything that is published anew, so that it stays valid for another year')
    .option('--export <file>', 'publish nothing yet: write a signing request for a key that is on another machine')
    .option('--import <file>', 'publish with the signatures of a signing request that came back; repeatable', several)
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

/** What is published, and the repository that it goes into. */
type Job = {
  readonly cli: Cli
  readonly session: Session
  readonly opened: OpenedRepository
  readonly prepared: readonly Prepared[]
  readonly add: readonly Target[]
  readonly renew: boolean
}

async function publish(cli: Cli, session: Session, folders: readonly string[], options: Options): Promise<Work> {
  const { key, renew = false, export: exported, import: imported } = options
  if (folders.length === 0 && !renew) return refuse('usage-error', 'publish', 'release folders, or --renew', 'neither')
  if ((key === undefined) === (imported === undefined) || (exported !== undefined && key === undefined)) {
    return refuse('usage-error', 'publish', '--key, --key with --export, or --import', 'something else')
  }
  const policy = await fetchPolicy(cli, session)
  if (isRefusal(policy)) return policy
  const prepared: Prepared[] = []
  for (const folder of folders) {
    const one = prepare(cli, folder, policy)
    if (isRefusal(one)) return one
    prepared.push(one)
  }
  const add = prepared.flatMap(({ blobs }) => blobs.map(({ target }) => target))
  const opened = await openRepository(cli, session, 'image')
  if (isRefusal(opened)) return opened
  const job = { cli, session, opened, prepared, add, renew }
  if (imported !== undefined) return publishSigned(job, imported)
  return exported === undefined ? publishNow(job, key as string) : ask(job, key as string, exported)
}

const inAYear = (cli: Cli): Instant => instant(Math.ceil((cli.world.clock.now() + YEAR) / 1000) * 1000)

/** Said before anything is uploaded or carried away; the server would say it of the finished metadata. */
function checkRole({ cli, opened }: Job, key: PublicKey, reference: string): Refusal | null {
  const subject = reference.split('?')[0] as string
  if (!canSignMetadata(key)) {
    return refuse('key-algorithm-unsupported', subject, 'a key that signs metadata', key.alg)
  }
  const kid = keyId(key, cli.world.crypto)
  const { keyids } = opened.set.root.signed.roles.targets
  if (keyids.includes(kid)) return null
  return refuse('signer-not-in-role', subject, `a key of the image repository: ${keyids.join(', ')}`, kid)
}

/** What is to be signed, and the bytes of the bins that are in force, by name, as far as the root of today vouches for them. */
type Written = Publication & { readonly current: ReadonlyMap<string, Uint8Array> }

/** The targets first, then the bins that go with them, as one list. */
const documentsOf = ({ targets, bins, current }: Written, before: Uint8Array | null): ToSign[] => [
  { name: 'targets', signed: targets, before },
  ...[...bins].map(([name, signed]) => ({ name, signed, before: current.get(name) ?? null })),
]

async function publishNow(job: Job, reference: string): Promise<Work> {
  const { cli, opened, add, renew } = job
  const signer = await cli.openSigner(reference)
  if (isRefusal(signer)) return signer
  const stranger = checkRole(job, signer.key, reference)
  if (stranger !== null) return stranger
  const expires = inAYear(cli)
  // All of it is public, and was signed lately: the answer was lost, and there is nothing to say again. Later on, the
  // same releases are signed anew, so that they stay valid.
  const lately = !renew && expires - opened.set.targets.signed.expires < DAY
  const standing = lately && (await arePublished(opened, add))
  if (isRefusal(standing)) return standing
  if (standing) return publishedAlready(job)
  const written = await write(job, expires)
  if (isRefusal(written)) return written
  const refusal = await upload(job)
  if (refusal !== null) return refusal
  const documents = documentsOf(written, null)
  const signatures: Signature[] = []
  for (const { signed } of documents) {
    const signature = await signer.sign(signableBytes(signed), 'der')
    if (isRefusal(signature)) return signature
    signatures.push(signatureBy(signer.key, signature, cli.world.crypto))
  }
  return handIn(job, documents, [signatures])
}

/** A request for the key of the targets, which is on another machine. Nothing goes to the server yet. */
async function ask(job: Job, reference: string, path: string): Promise<Work> {
  const { cli, opened } = job
  // A private key in its place is refused: whoever has that has no reason to ask.
  const key = loadPublicKey(reference)
  if (isRefusal(key)) return key
  const stranger = checkRole(job, key, reference)
  if (stranger !== null) return stranger
  const written = await write(job, inAYear(cli))
  if (isRefusal(written)) return written
  const request = requestMetadata(documentsOf(written, opened.set.targets.bytes), key, cli.world)
  return isRefusal(request) ? request : exportRequest(cli, path, request)
}

/**
 * Publishes what was signed elsewhere. The documents are made again here, from the releases and from what is published
 * today, and the signatures must be over exactly these: only the expiry is taken from the requests.
 */
async function publishSigned(job: Job, paths: readonly string[]): Promise<Work> {
  const { cli, opened } = job
  const requests: OpenRequest[] = []
  for (const path of paths) {
    const request = openRequestFile(cli, path)
    if (isRefusal(request)) return request
    requests.push(request)
  }
  const said = requests[0]?.said
  const asked = said?.kind === 'metadata' ? said.documents[0]?.signed : undefined
  const now = opened.set.targets.signed
  // The answer to the first time was lost: what was signed is what is in force, with these releases in it.
  const inForce = asked !== undefined && sameBytes(signableBytes(asked.raw), signableBytes(now.raw))
  const standing = inForce && (await arePublished(opened, job.add))
  if (isRefusal(standing)) return standing
  if (standing) return publishedAlready(job)
  const written = await write(job, asked?.expires ?? inAYear(cli))
  if (isRefusal(written)) return written
  const documents = documentsOf(written, null)
  const given: Signature[][] = []
  for (const [index, request] of requests.entries()) {
    const signatures = takeSignatures(documents, request, paths[index] as string, cli.world)
    if (isRefusal(signatures)) return signatures
    given.push(signatures)
  }
  const refusal = await upload(job)
  return refusal ?? handIn(job, documents, given)
}

/** Blobs first, metadata last: until the server has accepted the metadata, nobody can see any of it. */
async function upload({ cli, session, prepared }: Job): Promise<Refusal | null> {
  for (const { blobs, path } of prepared) {
    for (const { target, bytes } of blobs) {
      cli.output.progress(`Uploading ${target.path}, ${bytes.length} bytes`)
      const refusal = await session.put(`/v1/blobs/${target.sha256}`, bytes)
      if (refusal !== null) return { ...refusal, subject: `${path}: ${refusal.subject}` }
    }
  }
  return null
}

/** `given`: for each signer the signatures over the documents, in their order. */
async function handIn(job: Job, documents: readonly ToSign[], given: readonly (readonly Signature[])[]): Promise<Work> {
  const files = documents.map(({ name, signed }, index) => {
    const signatures = given.map(one => one[index] as Signature)
    return [name, toBase64(seal(signed, signatures))] as const
  })
  const [[, metadata], ...bins] = files as [(typeof files)[number], ...typeof files]
  if (bins.length > 16) job.cli.output.progress(`Handing in ${bins.length} hash bins`)
  const body = bins.length === 0 ? { metadata } : { metadata, bins: Object.fromEntries(bins) }
  const result = await job.session.post<{ version: number; published: string[] }>('/v1/releases', body)
  return isRefusal(result) ? result : answer(job, result.version)
}

function publishedAlready(job: Job): Work {
  job.cli.output.progress('Published already.')
  return answer(job, job.opened.set.targets.signed.version)
}

const answer = ({ cli, prepared }: Job, version: number): Work => ({
  json: { repositoryVersion: version, releases: prepared.map(({ path }) => path) },
  text: table(
    cli.output,
    ['release', 'version', 'SHA-256 of the envelope'],
    prepared.map(({ path, version, blobs }) => [path, version, blobs[0]!.target.sha256]),
  ),
})

/** Whether the repository says of all these targets exactly this. */
async function arePublished(opened: OpenedRepository, add: readonly Target[]): Promise<boolean | Refusal> {
  for (const target of add) {
    const found = await opened.target(target.path)
    // The top-level targets do not have it, and a delegated role that might was never published: nobody says it yet.
    if (isRefusal(found)) return found.code === 'metadata-unlisted' ? false : found
    if (found === null || !sameFile(found, target)) return false
    if (!sameBytes(canonicalJson(found.custom), canonicalJson(target.custom))) return false
  }
  return true
}

/**
 * What is to be signed: the targets, and the bins that change, or all of them to renew them or after a change of keys. The
 * same releases and the same expiry give the same, on any machine.
 */
async function write({ cli, opened, add, renew }: Job, expires: Instant): Promise<Written | Refusal> {
  const { set, binFiles } = opened
  const { crypto } = cli.world
  const [root, before] = [set.root.signed, set.targets.signed]
  if (!hasBins(before)) {
    const made = publication(root, before, { add }, expires, crypto)
    return isRefusal(made) ? made : { ...made, current: new Map() }
  }
  const layout = succinctOf(before)
  const { keyids, threshold } = root.roles.targets
  const rekeyed = layout.threshold !== threshold || layout.keyids.join() !== keyids.join()
  const paths = add.map(({ path }) => path)
  const names = renew || rekeyed ? binNames(layout) : binsOf(before, paths, crypto)
  const files = await binFiles(names)
  if (isRefusal(files)) return files
  const bins = new Map([...files].map(([name, { signed }]) => [name, signed]))
  const made = publicationInBins(root, before, bins, { add }, expires, crypto)
  if (isRefusal(made)) return made
  // Bins by the keys of before are nothing that a signer could verify: all that is in the next ones is shown.
  return { ...made, current: new Map(rekeyed ? [] : [...files].map(([name, { bytes }]) => [name, bytes])) }
}

/** What the fleet wants of a release: asked before anything is uploaded; the server judges by it again. */
async function fetchPolicy(cli: Cli, session: Session): Promise<PublishPolicy | Refusal> {
  const where = '/v1/publish-policy'
  const told = await session.get<PublishPolicyJson>(where)
  if (isRefusal(told)) return told
  const written = parseConfig<PublishPolicyJson>(PublishPolicyJson, told, where)
  return isRefusal(written) ? written : publishPolicyOf(written, where, cli.world.crypto)
}

/** A release folder as targets: the envelope, the payload that it names, the evidence, as the fleet wants it, and its patches. */
function prepare(cli: Cli, folder: string, policy: PublishPolicy): Prepared | Refusal {
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const seen = inspectRelease(files, cli.world)
  if (isRefusal(seen)) return seen
  const { crypto } = cli.world
  const { facts } = seen
  const evidence = readEvidence(folder)
  if (isRefusal(evidence)) return evidence
  const judged = checkEvidence({ facts, payload: imagesIn(facts, files.payload) }, evidence, cli.world, policy)
  if (isRefusal(judged)) return judged
  const base = `${facts.class}/${facts.version}`
  const payloadPath = `${base}/payload.bin`
  if (facts.encryption !== null && files.contentKeys.length === 0) {
    return refuse('content-keys-missing', folder, 'content-keys.cbor', 'none')
  }
  const more = EVIDENCE.flatMap(kind => {
    const bytes = evidence[kind]
    if (bytes === null) return []
    return [{ kind, target: { path: `${base}/${EVIDENCE_FILES[kind].name}`, ...sized(bytes), custom: null }, bytes }]
  })
  const named = Object.fromEntries(
    more.map(({ kind, target: { path, sha256, length } }) => [kind, { path, sha256, length }]),
  )
  const found = readPatches(folder)
  if (isRefusal(found)) return found
  const patches = found.map(({ base: from, memory, bytes }) => {
    return { bytes, ref: { base: from, memory, path: patchPath(`${base}/envelope.suit`, from), ...sized(bytes) } }
  })
  const brought = patches.length === 0 ? {} : { patches: patches.map(({ ref }) => ref) }
  const custom = { ...releaseTarget(facts, payloadPath, files.contentKeys), ...named, ...brought } as unknown as Json
  const envelope = { path: `${base}/envelope.suit`, ...sized(files.envelope), custom }
  const payload = { path: payloadPath, ...carriedBy(facts), custom: null }
  const blobs = [
    { target: envelope, bytes: files.envelope },
    { target: payload, bytes: files.payload },
    ...more.map(({ target, bytes }) => ({ target, bytes })),
    ...patches.map(({ ref: { path, length, sha256 }, bytes }) => ({
      target: { path, length, sha256, custom: null },
      bytes,
    })),
  ]
  return { blobs, path: envelope.path, version: facts.version }

  function sized(bytes: Uint8Array): { length: number; sha256: string } {
    return { length: bytes.length, sha256: toHex(crypto.sha256(bytes)) }
  }
}
