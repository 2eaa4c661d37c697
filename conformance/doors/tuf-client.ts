import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { isRefusal, type Refusal, sentence } from '../../src/core/refusal/refusal.ts'
import { findTarget } from '../../src/core/trust/find-target.ts'
import { refresh } from '../../src/core/trust/refresh.ts'
import { resume, storedFiles } from '../../src/core/trust/stored-set.ts'
import type { CurrentSet, TrustedSet } from '../../src/core/trust/trusted-set.ts'
import { keepTarget, readFolder, storedTarget, writeFolder } from './tuf-folder.ts'
import { driveOver, fetchTarget } from './tuf-http.ts'

/**
 * A TUF client with the command line that the conformance suite of the TUF project asks for (CLIENT-CLI.md of
 * theupdateframework/tuf-conformance): `init FILE`, `refresh`, `download`. It is the verifier of src/core/trust over plain
 * HTTP and a folder. Exit code 0, or 1 with the refusal on stderr.
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'metadata-dir': { type: 'string' },
    'metadata-url': { type: 'string' },
    'target-name': { type: 'string' },
    'target-base-url': { type: 'string' },
    'target-dir': { type: 'string' },
  },
})
const [command, file] = positionals

function option(name: keyof typeof values): string {
  const value = values[name]
  if (value === undefined || value === '') throw new Error(`--${name} is missing`)
  return value
}

/** What is trusted so far: each file is verified again; one that does not verify is fetched anew. */
function trusted(): TrustedSet | Refusal {
  const resumed = resume('repository', readFolder(option('metadata-dir')), nodeCrypto, { dialect: 'tuf' })
  return isRefusal(resumed) ? resumed : resumed.set
}

/** The client workflow. What was verified is kept, whether or not it came to its end. */
async function refreshed(): Promise<CurrentSet | Refusal> {
  const set = trusted()
  if (isRefusal(set)) return set
  const workflow = refresh(set, systemClock.now(), nodeCrypto)
  const done = await driveOver(option('metadata-url'), workflow)
  writeFolder(option('metadata-dir'), storedFiles(done.set))
  return done.at === 'current' ? done.set : done.refusal
}

async function download(): Promise<null | Refusal> {
  const name = option('target-name')
  const folder = option('target-dir')
  const set = await refreshed()
  if (isRefusal(set)) return set
  const search = findTarget(set, name, systemClock.now(), nodeCrypto)
  const found = await driveOver(option('metadata-url'), search)
  if (isRefusal(found)) return found
  writeFolder(option('metadata-dir'), storedFiles(found.set))
  const { target } = found
  if (target === null) throw new Error(`no role speaks of ${name}`)
  if (storedTarget(folder, target, nodeCrypto)) return null
  const bytes = await fetchTarget(option('target-base-url'), target, set.root.signed.consistent, nodeCrypto)
  if (isRefusal(bytes)) return bytes
  keepTarget(folder, target, bytes)
  return null
}

async function run(): Promise<null | Refusal> {
  if (command === 'init' && file !== undefined) {
    writeFolder(option('metadata-dir'), new Map([['root.json', new Uint8Array(readFileSync(file))]]))
    const set = trusted()
    return isRefusal(set) ? set : null
  }
  if (command === 'refresh') {
    const set = await refreshed()
    return isRefusal(set) ? set : null
  }
  if (command === 'download') return download()
  throw new Error('init FILE, refresh or download')
}

try {
  const refusal = await run()
  if (refusal !== null) process.stderr.write(`Refused: ${sentence(refusal)}\n`)
  process.exitCode = refusal === null ? 0 : 1
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
