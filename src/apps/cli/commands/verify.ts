import type { Command } from 'commander'
import { readRelease } from '../../../adapters/release-folder.ts'
import { loadPublicKey } from '../../../adapters/signer-file.ts'
import type { Anchor } from '../../../core/firmware/suit-open.ts'
import { isRefusal, refuse } from '../../../core/refusal/refusal.ts'
import { verifyRelease } from '../../../flows/sign.ts'
import { several, whole } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { keyIdOf } from '../key-id.ts'
import { type Cell, listing } from '../table.ts'
import { factLines } from './release.ts'

export function addVerify(program: Command, cli: Cli): void {
  program
    .command('verify')
    .description('verify a release: signatures, manifest, and the image’s length and digest')
    .argument('<release>', 'a release folder')
    .requiredOption('--key <file>', 'a trusted public key (.pub); repeatable', several)
    .option('--threshold <n>', 'how many of the keys must have signed', whole, 1)
    .action(
      cli.act((folder: string, options: { key: readonly string[]; threshold: number }) =>
        verify(cli, folder, options.key, options.threshold),
      ),
    )
}

function verify(cli: Cli, folder: string, keyFiles: readonly string[], threshold: number): Work {
  if (threshold < 1) return refuse('usage-error', 'verify --threshold', 'at least 1', String(threshold))
  if (threshold > keyFiles.length) {
    return refuse('usage-error', 'verify --threshold', `at most the number of keys, ${keyFiles.length}`, `${threshold}`)
  }
  const anchors: Anchor[] = []
  for (const path of keyFiles) {
    const key = loadPublicKey(path)
    if (isRefusal(key)) return key
    const kid = keyIdOf(key, path, cli.world.crypto)
    if (isRefusal(kid)) return kid
    anchors.push({ kid, key })
  }
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const opened = verifyRelease(files, anchors, threshold, cli.world)
  if (isRefusal(opened)) return { ...opened, subject: `${folder}, ${opened.subject}` }
  const signers: [string, Cell][] = opened.signers.map(kid => ['signed by', kid])
  return {
    json: {
      verified: true,
      release: folder,
      signers: opened.signers,
      manifest: opened.manifestDigest,
      facts: opened.facts,
    },
    text: listing(cli.output, [
      ['verified', { text: folder, tone: 'good' }],
      ...signers,
      ['manifest', opened.manifestDigest],
      ...factLines(opened.facts),
    ]),
  }
}
