import type { Command } from 'commander'
import { readRelease } from '../../../adapters/release-folder.ts'
import { loadSigner } from '../../../adapters/signer-file.ts'
import { sameBytes, toBase64, toHex } from '../../../core/encoding/bytes.ts'
import type { Json } from '../../../core/encoding/canonical-json.ts'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { releaseTarget } from '../../../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { canSignMetadata, keyId } from '../../../core/trust/keys.ts'
import type { Target } from '../../../core/trust/metadata.ts'
import { signableBytes } from '../../../core/trust/read-metadata.ts'
import { seal, signatureBy, withTargets } from '../../../core/trust/repository.ts'
import { inspectRelease } from '../../../flows/release.ts'
import type { Cli, Work } from '../cli.ts'
import { openRepository } from '../repository.ts'
import { type Session, withSession } from '../session.ts'
import { table } from '../table.ts'
import { DEVELOPMENT_WARNING } from './key.ts'

type Options = { key: string; profile?: string }

/** How long published targets stay valid without another publication, in milliseconds. */
const YEAR = 365 * 86_400_000
const DAY = 86_400_000

export function addPublish(program: Command, cli: Cli): void {
  program
    .command('publish')
    .description('put signed releases into the fleet’s image repository')
    .argument('<releases...>', 'release folders')
    .requiredOption('--key <file>', 'the private key of the image repository’s targets')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((folders: string[], options: Options) =>
        withSession(cli, options.profile, session => publish(cli, session, folders, options.key)),
      ),
    )
}

type Prepared = {
  readonly blobs: readonly { target: Target; bytes: Uint8Array }[]
  readonly path: string
  readonly version: string
}

/** Blobs first, metadata last: until the server has accepted the metadata, nobody can see any of it. */
async function publish(cli: Cli, session: Session, folders: readonly string[], keyFile: string): Promise<Work> {
  const signer = loadSigner(keyFile)
  if (isRefusal(signer)) return signer
  if (!canSignMetadata(signer.key)) {
    return refuse('key-algorithm-unsupported', keyFile, 'a key that signs metadata', signer.key.alg)
  }
  const prepared: Prepared[] = []
  for (const folder of folders) {
    const one = prepare(cli, folder)
    if (isRefusal(one)) return one
    prepared.push(one)
  }
  const set = await openRepository(cli, session, 'image')
  if (isRefusal(set)) return set
  const kid = keyId(signer.key, cli.world.crypto)
  const { keyids } = set.root.signed.roles.targets
  // Said here, before anything is uploaded; the server would say it of the finished metadata.
  if (!keyids.includes(kid)) {
    return refuse('signer-not-in-role', keyFile, `a key of the image repository: ${keyids.join(', ')}`, kid)
  }
  const before = set.targets.signed
  const add = prepared.flatMap(({ blobs }) => blobs.map(({ target }) => target))
  const now = cli.world.clock.now()
  const expires = instant(Math.ceil((now + YEAR) / 1000) * 1000)
  const written = withTargets(before, { add }, before.version + 1, expires)
  if (isRefusal(written)) return written
  const rows = prepared.map(({ path, version, blobs }) => [path, version, blobs[0]!.target.sha256])
  const answer = (version: number): Work => ({
    json: { repositoryVersion: version, releases: prepared.map(({ path }) => path) },
    text: table(cli.output, ['release', 'version', 'SHA-256 of the envelope'], rows),
  })
  // All of it is public, and was signed lately: the answer was lost, and there is nothing to say again. Later on, the
  // same releases are signed anew, so that they stay valid.
  const unchanged = { ...written, version: before.version, expires: formatUtc(before.expires) }
  if (sameBytes(signableBytes(unchanged), signableBytes(before.raw)) && expires - before.expires < DAY) {
    cli.output.progress('Published already.')
    return answer(before.version)
  }
  for (const { blobs, path } of prepared) {
    for (const { target, bytes } of blobs) {
      cli.output.progress(`Uploading ${target.path}, ${bytes.length} bytes`)
      const refusal = await session.put(`/v1/blobs/${target.sha256}`, bytes)
      if (refusal !== null) return { ...refusal, subject: `${path}: ${refusal.subject}` }
    }
  }
  const signature = await signer.sign(signableBytes(written), 'der')
  if (isRefusal(signature)) return signature
  const metadata = toBase64(seal(written, [signatureBy(signer.key, signature, cli.world.crypto)]))
  const result = await session.post<{ version: number; published: string[] }>('/v1/releases', { metadata })
  if (isRefusal(result)) return result
  if (signer.development) cli.output.warn(DEVELOPMENT_WARNING)
  return answer(result.version)
}

/** A release folder as two targets: the envelope, and the payload that it names. */
function prepare(cli: Cli, folder: string): Prepared | Refusal {
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const seen = inspectRelease(files, cli.world)
  if (isRefusal(seen)) return seen
  const { crypto } = cli.world
  const { facts } = seen
  const base = `${facts.class}/${facts.version}`
  const payloadPath = `${base}/payload.bin`
  const custom = releaseTarget(facts, payloadPath) as unknown as Json
  const envelope = { path: `${base}/envelope.suit`, ...sized(files.envelope), custom }
  const payload = { path: payloadPath, length: facts.imageSize, sha256: facts.imageDigest, custom: null }
  const blobs = [
    { target: envelope, bytes: files.envelope },
    { target: payload, bytes: files.image },
  ]
  return { blobs, path: envelope.path, version: facts.version }

  function sized(bytes: Uint8Array): { length: number; sha256: string } {
    return { length: bytes.length, sha256: toHex(crypto.sha256(bytes)) }
  }
}
