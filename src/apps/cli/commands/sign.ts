import type { Command } from 'commander'
import { readRelease, replaceEnvelope } from '../../../adapters/release-folder.ts'
import { loadSigner } from '../../../adapters/signer-file.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { inspectRelease } from '../../../flows/release.ts'
import { signEnvelope } from '../../../flows/sign.ts'
import type { Cli, Work } from '../cli.ts'
import { keyIdOf } from '../key-id.ts'
import { listing } from '../table.ts'
import { DEVELOPMENT_WARNING } from './key.ts'
import { factLines } from './release.ts'

export function addSign(program: Command, cli: Cli): void {
  program
    .command('sign')
    .description('add your signature to a release; several people sign one after another')
    .argument('<release>', 'a release folder')
    .requiredOption('--key <file>', 'your private key')
    .action(cli.act((folder: string, options: { key: string }) => sign(cli, folder, options.key)))
}

async function sign(cli: Cli, folder: string, keyFile: string): Promise<Work> {
  const { world, output } = cli
  const signer = loadSigner(keyFile)
  if (isRefusal(signer)) return signer
  const kid = keyIdOf(signer.key, keyFile, world.crypto)
  if (isRefusal(kid)) return kid
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  // A person signs what the manifest says, and only if the image beside it is the one that it names.
  const seen = inspectRelease(files, world)
  if (isRefusal(seen)) return seen
  const signed = await signEnvelope(files.envelope, kid, { crypto: world.crypto, signer })
  if (isRefusal(signed)) return signed
  const refusal = replaceEnvelope(folder, signed.envelope)
  if (refusal !== null) return refusal
  if (signed.development) output.warn(DEVELOPMENT_WARNING)
  const signatures = seen.claimedSigners.length + 1
  return {
    json: {
      release: folder,
      kid: signed.kid,
      development: signed.development,
      signatures,
      manifest: seen.manifestDigest,
    },
    text: listing(output, [
      ['signed', folder],
      ['by key', signed.kid],
      ['signatures', String(signatures)],
      ['manifest', seen.manifestDigest],
      ...factLines(seen.facts),
    ]),
  }
}
