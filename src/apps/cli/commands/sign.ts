import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { readBytes } from '../../../adapters/config-file.ts'
import { type ReleaseFiles, readRelease, replaceEnvelope } from '../../../adapters/release-folder.ts'
import { loadPublicKey } from '../../../adapters/signer-file.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { readSignature, type SigningRequest, withSignature } from '../../../core/trust/signing-request.ts'
import { inspectRelease } from '../../../flows/release.ts'
import { requestEnvelope, signRequest, takeIntoEnvelope } from '../../../flows/request.ts'
import { signEnvelope } from '../../../flows/sign.ts'
import type { Cli, Work } from '../cli.ts'
import { keyIdOf } from '../key-id.ts'
import { PRIVATE_KEY } from '../signing-key.ts'
import { describeRequest, exportRequest, openRequestFile, saveRequest } from '../signing-requests.ts'
import { listing } from '../table.ts'
import { factLines } from './release.ts'

type Options = { key?: string; export?: string; import?: string; signature?: string; root?: string }

export function addSign(program: Command, cli: Cli): void {
  program
    .command('sign')
    .description('add your signature to a release, or to a signing request from another machine')
    .argument('<release-or-request>', 'a release folder, or a signing request; a request without --key is only shown')
    .option('--key <key>', `your private key ${PRIVATE_KEY}; with --export the public key that is asked`)
    .option('--export <file>', 'write a signing request for a key that is on another machine')
    .option('--import <file>', 'add the signature of a signing request that came back')
    .option('--signature <file>', 'put a signature by another tool, over the request’s bytes, into the request')
    .option('--root <file>', 'a root that you trust: shows what a request for metadata changes')
    .action(cli.act((path: string, options: Options) => sign(cli, path, options)))
}

/** Which of its works the command is asked for: each takes some of the options, and none twice. */
function sign(cli: Cli, path: string, options: Options): Promise<Work> | Work {
  const given = Object.keys(options).toSorted().join(' ')
  const wrong = (expected: string): Refusal => refuse('usage-error', 'voltseal sign', expected, given || 'no option')
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) {
    const { key, signature, root } = options
    if (given === 'key' || given === 'key root') return signFile(cli, path, key as string, root)
    if (given === 'signature') return putSignature(cli, path, signature as string)
    if (given === '' || given === 'root') return showFile(cli, path, root)
    return wrong('--key, --signature or neither, for a signing request')
  }
  const files = readRelease(path)
  if (isRefusal(files)) return files
  // A person signs what the manifest says, and only if the image beside it is the one that it names.
  const seen = inspectRelease(files, cli.world)
  if (isRefusal(seen)) return seen
  if (given === 'export key') return ask(cli, files, options.key as string, options.export as string)
  if (given === 'import') return take(cli, path, files, options.import as string)
  return given === 'key' ? signRelease(cli, path, files, options.key as string) : wrong('--key KEY, for a release')
}

async function signRelease(cli: Cli, folder: string, files: ReleaseFiles, reference: string): Promise<Work> {
  const { world } = cli
  const signer = await cli.openSigner(reference)
  if (isRefusal(signer)) return signer
  const kid = keyIdOf(signer.key, reference.split('?')[0] as string, world.crypto)
  if (isRefusal(kid)) return kid
  const signed = await signEnvelope(files.envelope, kid, { crypto: world.crypto, signer })
  if (isRefusal(signed)) return signed
  return kept(cli, folder, files, signed, { development: signed.development })
}

/** Writes the envelope with its new signature, and says what has been signed. */
function kept(
  cli: Cli,
  folder: string,
  files: ReleaseFiles,
  signed: { readonly envelope: Uint8Array; readonly kid: string },
  more: object,
): Work {
  const refusal = replaceEnvelope(folder, signed.envelope)
  if (refusal !== null) return refusal
  const seen = inspectRelease({ ...files, envelope: signed.envelope }, cli.world)
  if (isRefusal(seen)) return seen
  const signatures = seen.claimedSigners.length
  return {
    json: { release: folder, kid: signed.kid, ...more, signatures, manifest: seen.manifestDigest },
    text: listing(cli.output, [
      ['signed', folder],
      ['by key', signed.kid],
      ['signatures', String(signatures)],
      ['manifest', seen.manifestDigest],
      ...factLines(seen.facts),
    ]),
  }
}

// --- A key on another machine ---

function ask(cli: Cli, files: ReleaseFiles, reference: string, path: string): Work {
  // A private key in its place is refused: whoever has that has no reason to ask.
  const key = loadPublicKey(reference)
  if (isRefusal(key)) return key
  const request = requestEnvelope(files.envelope, key, cli.world)
  return isRefusal(request) ? request : exportRequest(cli, path, request)
}

function take(cli: Cli, folder: string, files: ReleaseFiles, path: string): Work {
  const opened = openRequestFile(cli, path)
  if (isRefusal(opened)) return opened
  const signed = takeIntoEnvelope(files.envelope, opened, path, cli.world)
  return isRefusal(signed) ? signed : kept(cli, folder, files, signed, {})
}

function showFile(cli: Cli, path: string, root: string | undefined): Work {
  const opened = openRequestFile(cli, path)
  return isRefusal(opened) ? opened : describeRequest(cli, path, opened, root)
}

async function signFile(cli: Cli, path: string, reference: string, root: string | undefined): Promise<Work> {
  const opened = openRequestFile(cli, path)
  if (isRefusal(opened)) return opened
  const signer = await cli.openSigner(reference)
  if (isRefusal(signer)) return signer
  // What cannot be shown is not signed.
  const shown = describeRequest(cli, path, opened, root)
  if (isRefusal(shown)) return shown
  const signed = await signRequest(opened, path, { crypto: cli.world.crypto, signer })
  return isRefusal(signed) ? signed : saved(cli, path, signed, root)
}

function putSignature(cli: Cli, path: string, signatureFile: string): Work {
  const opened = openRequestFile(cli, path)
  if (isRefusal(opened)) return opened
  const file = readBytes(signatureFile, 16 * 1024)
  if (isRefusal(file)) return file
  const tried = readSignature(file).map(bytes => withSignature(opened.request, bytes, cli.world.crypto, signatureFile))
  const signed = tried.find(one => !isRefusal(one)) ?? tried[0]
  if (signed === undefined) {
    return refuse('signing-request-signature-invalid', signatureFile, 'a signature', 'an empty file')
  }
  return isRefusal(signed) ? signed : saved(cli, path, signed, undefined)
}

function saved(cli: Cli, path: string, signed: SigningRequest, root: string | undefined): Work {
  const refusal = saveRequest(cli, path, signed)
  if (refusal !== null) return refusal
  const reopened = openRequestFile(cli, path)
  if (isRefusal(reopened)) return reopened
  cli.output.progress(`Signed. Next: carry ${path} back, and there: --import ${path}`)
  return describeRequest(cli, path, reopened, root)
}
