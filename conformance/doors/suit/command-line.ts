import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { loadPublicKey } from '../../../src/adapters/signer-file.ts'
import type { Json } from '../../../src/core/encoding/canonical-json.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import { openDevice } from './device-folder.ts'
import { takeOut } from './envelope.ts'
import { LIMITS } from './limits.ts'
import { PROCEDURES, type Procedure } from './machine.ts'
import { readManifest } from './manifest.ts'
import { openForeign, processForeign } from './process.ts'
import { isRefused, type Refused, say } from './refusal.ts'
import { lines, showEnvelope } from './show.ts'
import type { NamedKey } from './verify.ts'

/** The command line of the door: what `conformance/suit` does with its arguments. */

const USAGE = `suit verify FILE --key K [--key K2 ...] [--threshold N] [--json]
suit show FILE [--json]
suit process FILE --slots DIR [--key K ...] [--threshold N] [--payloads DIR] [--procedure all|update|invoke|uninstall] [--json]`

const OPTIONS = {
  key: { type: 'string', multiple: true },
  threshold: { type: 'string' },
  slots: { type: 'string' },
  payloads: { type: 'string' },
  procedure: { type: 'string' },
  json: { type: 'boolean' },
} as const

const parse = (argv: readonly string[]) => parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS })
type Values = ReturnType<typeof parse>['values']

/** What a command found: an object for scripts, and the refusal when there is one. */
type Answer = { readonly json: { readonly [name: string]: Json }; readonly refusal: Refused | null }

class UsageError extends Error {}

function readFile(path: string): Uint8Array | Refused {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined || !status.isFile())
    return refuse('file-missing', path, 'an envelope', 'no file of that name')
  if (status.size > LIMITS.envelopeBytes) {
    return refuse('envelope-too-large', path, `at most ${LIMITS.envelopeBytes} bytes`, `${status.size} bytes`)
  }
  return new Uint8Array(readFileSync(path))
}

function givenKeys(values: Values): readonly NamedKey[] | Refused {
  const keys: NamedKey[] = []
  for (const path of values.key ?? []) {
    const key = loadPublicKey(path)
    if (isRefused(key)) return key
    keys.push({ name: basename(path), key })
  }
  return keys
}

function threshold(values: Values): number {
  const given = values.threshold ?? '1'
  if (!/^[1-9][0-9]?$/.test(given)) throw new UsageError('--threshold is a number from 1 on')
  return Number(given)
}

const none = (refusal: Refused): Answer => ({ json: {}, refusal })

function verify(bytes: Uint8Array, values: Values): Answer {
  const keys = givenKeys(values)
  if (isRefused(keys)) return none(keys)
  if (keys.length === 0) throw new UsageError('--key is missing')
  const found = openForeign(bytes, keys, threshold(values), nodeCrypto)
  if (isRefused(found)) return none(found)
  const { outer, manifest, signers } = found
  const digest = outer.digest.bytes.toHex()
  return { json: { verified: true, digest, signers, sequenceNumber: manifest.sequenceNumber }, refusal: null }
}

function show(bytes: Uint8Array): Answer {
  const outer = takeOut(bytes)
  if (isRefused(outer)) return none(outer)
  const manifest = readManifest(outer, nodeCrypto)
  return isRefused(manifest) ? none(manifest) : { json: showEnvelope(outer, manifest, nodeCrypto), refusal: null }
}

function run(bytes: Uint8Array, values: Values): Answer {
  if (values.slots === undefined) throw new UsageError('--slots is missing')
  const procedure = (values.procedure ?? 'all') as Procedure
  if (!Object.hasOwn(PROCEDURES, procedure)) throw new UsageError(`--procedure is one of ${Object.keys(PROCEDURES)}`)
  const folder = openDevice(values.slots, values.payloads ?? null)
  if (isRefused(folder)) return none(folder)
  const given = givenKeys(values)
  if (isRefused(given)) return none(given)
  const done = processForeign(
    bytes,
    [...folder.keys, ...given],
    threshold(values),
    folder.device,
    procedure,
    nodeCrypto,
  )
  if (isRefused(done)) return none(done)
  const { refusal, signers, warnings, trace, started, changed } = done
  if (refusal === null) folder.keep(changed, done.sequence)
  const json = {
    processed: refusal === null,
    procedure,
    signers,
    warnings,
    steps: trace.map(step => ({ ...step })),
    started: started.map(start => ({ ...start })),
    written: refusal === null ? [...changed.keys()] : [],
  }
  return { json, refusal }
}

const COMMANDS = new Map<string, (bytes: Uint8Array, values: Values) => Answer>([
  ['verify', verify],
  ['show', show],
  ['process', run],
])

function answer({ positionals, values }: ReturnType<typeof parse>): Answer {
  const [command, path, ...more] = positionals
  const act = COMMANDS.get(command as string)
  if (path === undefined || more.length > 0 || act === undefined) throw new UsageError(USAGE)
  const bytes = readFile(path)
  return isRefused(bytes) ? none(bytes) : act(bytes, values)
}

/** What a command came to: its exit code, 0 or 1, and what goes to stdout and stderr. */
export type Ran = { readonly exit: 0 | 1; readonly out: string; readonly err: string }

/** Runs the door with the arguments of a command line. */
export function suitDoor(argv: readonly string[]): Ran {
  if (argv.includes('--help') || argv.includes('-h')) return { exit: 0, out: `${USAGE}\n`, err: '' }
  try {
    const given = parse(argv)
    const { json, refusal } = answer(given)
    const refused = refusal === null ? {} : { refusal: { ...refusal } }
    const out =
      given.values.json === true
        ? `${JSON.stringify({ ...json, ...refused }, null, 2)}\n`
        : lines(json as Json).trimStart()
    const silent = given.values.json !== true && Object.keys(json).length === 0
    return {
      exit: refusal === null ? 0 : 1,
      out: silent ? '' : out,
      err: refusal === null ? '' : `Refused: ${say(refusal)}\n`,
    }
  } catch (error) {
    return { exit: 1, out: '', err: `${(error as Error).message}\n` }
  }
}
