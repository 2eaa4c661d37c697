import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import type { Instant } from '../../src/core/encoding/units.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../src/core/refusal/refusal.ts'
import { findTarget } from '../../src/core/trust/find-target.ts'
import { refresh } from '../../src/core/trust/refresh.ts'
import { resume, storedFiles } from '../../src/core/trust/stored-set.ts'
import type { CurrentSet, TrustedSet } from '../../src/core/trust/trusted-set.ts'
import { keepTarget, readFolder, storedTarget, writeFolder } from './tuf-folder.ts'
import { driveOver, fetchTarget } from './tuf-http.ts'

/** What the client is given from outside: one instant for all that it does, and where it says why it refuses. */
export type ClientWorld = { readonly now: Instant; readonly say: (text: string) => void }

const USAGE = `tuf-client --metadata-dir DIR init FILE
tuf-client --metadata-dir DIR --metadata-url URL refresh
tuf-client --metadata-dir DIR --metadata-url URL --target-name NAME --target-base-url URL --target-dir DIR download`

/**
 * A TUF client with the command line that the conformance suite of the TUF project asks for (CLIENT-CLI.md of
 * theupdateframework/tuf-conformance): `init FILE`, `refresh`, `download`. It is the verifier of src/core/trust over plain
 * HTTP and a folder. Answers the exit code: 0, or 1 when it has said why not.
 */
export async function tufClient(args: readonly string[], { now, say }: ClientWorld): Promise<0 | 1> {
  if (args.includes('--help') || args.includes('-h')) {
    say(`${USAGE}\n`)
    return 0
  }
  try {
    const refusal = await run(args, now)
    if (refusal !== null) say(`Refused: ${sentence(refusal)}\n`)
    return refusal === null ? 0 : 1
  } catch (error) {
    say(`${(error as Error).message}\n`)
    return 1
  }
}

type Options = Readonly<Record<string, string | undefined>>

async function run(args: readonly string[], now: Instant): Promise<null | Refusal> {
  const { values, positionals } = parseArgs({
    args: [...args],
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
  if (command === 'init' && file !== undefined) return init(values, file)
  if (command === 'refresh') {
    const set = await refreshed(values, now)
    return isRefusal(set) ? set : null
  }
  if (command === 'download') return download(values, now)
  throw new Error('expected init FILE, refresh or download')
}

function option(values: Options, name: string): string {
  const value = values[name]
  if (value === undefined || value === '') throw new Error(`--${name} is missing`)
  return value
}

/** The root becomes the trusted one as it is, when it is a root that its own keys have signed. */
function init(values: Options, file: string): null | Refusal {
  const files = new Map([['root.json', new Uint8Array(readFileSync(file))]])
  const set = resume('repository', files, nodeCrypto, { dialect: 'tuf' })
  if (isRefusal(set)) return set
  writeFolder(option(values, 'metadata-dir'), files)
  return null
}

/** What is trusted so far: each file is verified again; one that does not verify is fetched anew. */
function trusted(values: Options): TrustedSet | Refusal {
  const resumed = resume('repository', readFolder(option(values, 'metadata-dir')), nodeCrypto, { dialect: 'tuf' })
  return isRefusal(resumed) ? resumed : resumed.set
}

/** The client workflow. What was verified is kept, whether or not it came to its end. */
async function refreshed(values: Options, now: Instant): Promise<CurrentSet | Refusal> {
  const set = trusted(values)
  if (isRefusal(set)) return set
  const done = await driveOver(option(values, 'metadata-url'), refresh(set, now, nodeCrypto))
  writeFolder(option(values, 'metadata-dir'), storedFiles(done.set))
  return done.at === 'current' ? done.set : done.refusal
}

async function download(values: Options, now: Instant): Promise<null | Refusal> {
  const name = option(values, 'target-name')
  const folder = option(values, 'target-dir')
  const set = await refreshed(values, now)
  if (isRefusal(set)) return set
  const found = await driveOver(option(values, 'metadata-url'), findTarget(set, name, now, nodeCrypto))
  if (isRefusal(found)) return found
  writeFolder(option(values, 'metadata-dir'), storedFiles(found.set))
  const { target } = found
  if (target === null) return refuse('file-missing', name, 'a role that speaks of it', 'none')
  // No digest would make these a file: a server, or a folder, would take them for a way up.
  if (name.split('/').some(part => part === '' || part === '.' || part === '..')) {
    return refuse('file-missing', name, 'a path of names', 'one with an empty name, . or ..')
  }
  if (storedTarget(folder, target, nodeCrypto)) return null
  const bytes = await fetchTarget(option(values, 'target-base-url'), target, set.root.signed.consistent, nodeCrypto)
  if (isRefusal(bytes)) return bytes
  keepTarget(folder, target, bytes)
  return null
}
