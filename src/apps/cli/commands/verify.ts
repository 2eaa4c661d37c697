import type { Command } from 'commander'
import { readRelease } from '../../../adapters/release-folder.ts'
import { loadPublicKey } from '../../../adapters/signer-file.ts'
import type { Anchor } from '../../../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { verifyRelease } from '../../../flows/sign.ts'
import { several, whole } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { keyIdOf } from '../key-id.ts'
import { evidenceJson, evidenceLines, readJudged } from '../release-evidence.ts'
import { type Cell, listing } from '../table.ts'
import { factLines } from './release.ts'
import { verifyPlaintext } from './release-encryption.ts'

export function addVerify(program: Command, cli: Cli): void {
  program
    .command('verify')
    .description('verify a release: signatures, manifest, and the image’s length and digest')
    .argument('<release>', 'a release folder')
    .requiredOption('--key <file>', 'a trusted public key (.pub); repeatable', several)
    .option('--threshold <n>', 'how many of the keys must have signed', whole, 1)
    .option(
      '--provenance-key <file>',
      'a public key that signs provenance: a statement must be there; repeatable',
      several,
    )
    .option('--wrapping-key <file>', 'decrypt an encrypted release too, with the private key it is encrypted to')
    .action(cli.act((folder: string, options: Options) => verify(cli, folder, options)))
}

type Options = { key: readonly string[]; threshold: number; provenanceKey?: readonly string[]; wrappingKey?: string }

async function verify(cli: Cli, folder: string, options: Options): Promise<Work> {
  const { key: keyFiles, threshold, provenanceKey = [], wrappingKey } = options
  if (threshold < 1) return refuse('usage-error', 'verify --threshold', 'at least 1', String(threshold))
  if (threshold > keyFiles.length) {
    return refuse('usage-error', 'verify --threshold', `at most the number of keys, ${keyFiles.length}`, `${threshold}`)
  }
  const anchors = loadAnchors(cli, keyFiles)
  if (isRefusal(anchors)) return anchors
  const builders = loadAnchors(cli, provenanceKey)
  if (isRefusal(builders)) return builders
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const opened = verifyRelease(files, anchors, threshold, cli.world)
  if (isRefusal(opened)) return { ...opened, subject: `${folder}, ${opened.subject}` }
  const { facts } = opened
  const unfit = wrappingKey === undefined ? null : await verifyPlaintext(cli, facts, files, wrappingKey)
  if (unfit !== null) return { ...unfit, subject: `${folder}, ${unfit.subject}` }
  const decrypted = facts.encryption === null ? {} : { decrypted: wrappingKey !== undefined }
  if (facts.encryption !== null && wrappingKey === undefined) {
    cli.output.progress('Encrypted: verified is the ciphertext. To verify the images too: --wrapping-key')
  }
  const demand = builders.length === 0 ? [] : (['provenance'] as const)
  const release = { facts: opened.facts, payload: files.payload }
  const evidence = readJudged(cli, folder, release, { demand, builders: [], keys: builders })
  if (isRefusal(evidence)) return evidence
  const signers: [string, Cell][] = opened.signers.map(kid => ['signed by', kid])
  return {
    json: {
      verified: true,
      release: folder,
      signers: opened.signers,
      manifest: opened.manifestDigest,
      facts,
      ...decrypted,
      evidence: evidenceJson(evidence),
    },
    text: listing(cli.output, [
      ['verified', { text: folder, tone: 'good' }],
      ...signers,
      ['manifest', opened.manifestDigest],
      ...factLines(facts),
      ...evidenceLines(evidence),
    ]),
  }
}

function loadAnchors(cli: Cli, paths: readonly string[]): Anchor[] | Refusal {
  const anchors: Anchor[] = []
  for (const path of paths) {
    const key = loadPublicKey(path)
    if (isRefusal(key)) return key
    const kid = keyIdOf(key, path, cli.world.crypto)
    if (isRefusal(kid)) return kid
    anchors.push({ kid, key })
  }
  return anchors
}
