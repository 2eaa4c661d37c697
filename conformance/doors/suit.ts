import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { loadPublicKey } from '../../src/adapters/signer-file.ts'
import type { Json } from '../../src/core/encoding/canonical-json.ts'
import { refuse } from '../../src/core/refusal/refusal.ts'
import { openDevice } from './suit/device-folder.ts'
import { takeOut } from './suit/envelope.ts'
import { LIMITS } from './suit/limits.ts'
import { PROCEDURES, type Procedure } from './suit/machine.ts'
import { readManifest } from './suit/manifest.ts'
import { openForeign, processForeign } from './suit/process.ts'
import { isRefused, type Refused, say } from './suit/refusal.ts'
import { lines, showEnvelope } from './suit/show.ts'
import type { NamedKey } from './suit/verify.ts'

/**
 * The door for SUIT envelopes of other authors: `verify FILE --key K`, `show FILE`, `process FILE --slots DIR`. Exit code 0,
 * or 1 with the refusal on stderr; `--json` puts one object on stdout in either case. conformance/README.md describes it.
 */

const USAGE = `suit verify FILE --key K [--key K2 ...] [--threshold N] [--json]
suit show FILE [--json]
suit process FILE --slots DIR [--key K ...] [--threshold N] [--payloads DIR] [--procedure all|update|invoke|uninstall] [--json]`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    key: { type: 'string', multiple: true },
    threshold: { type: 'string' },
    slots: { type: 'string' },
    payloads: { type: 'string' },
    procedure: { type: 'string' },
    json: { type: 'boolean' },
  },
})

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

function givenKeys(): readonly NamedKey[] | Refused {
  const keys: NamedKey[] = []
  for (const path of values.key ?? []) {
    const key = loadPublicKey(path)
    if (isRefused(key)) return key
    keys.push({ name: basename(path), key })
  }
  return keys
}

function threshold(): number {
  const given = values.threshold ?? '1'
  if (!/^[1-9][0-9]?$/.test(given)) throw new UsageError('--threshold is a number from 1 on')
  return Number(given)
}

const none = (refusal: Refused): Answer => ({ json: {}, refusal })

function verify(bytes: Uint8Array): Answer {
  const keys = givenKeys()
  if (isRefused(keys)) return none(keys)
  if (keys.length === 0) throw new UsageError('--key is missing')
  const found = openForeign(bytes, keys, threshold(), nodeCrypto)
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

function run(bytes: Uint8Array): Answer {
  if (values.slots === undefined) throw new UsageError('--slots is missing')
  const procedure = (values.procedure ?? 'all') as Procedure
  if (!Object.hasOwn(PROCEDURES, procedure)) throw new UsageError(`--procedure is one of ${Object.keys(PROCEDURES)}`)
  const folder = openDevice(values.slots, values.payloads ?? null)
  if (isRefused(folder)) return none(folder)
  const given = givenKeys()
  if (isRefused(given)) return none(given)
  const done = processForeign(bytes, [...folder.keys, ...given], threshold(), folder.device, procedure, nodeCrypto)
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

const COMMANDS = new Map([
  ['verify', verify],
  ['show', show],
  ['process', run],
])

function answer(): Answer {
  const [command, path, ...more] = positionals
  if (path === undefined || more.length > 0) throw new UsageError(USAGE)
  const act = COMMANDS.get(command as string)
  if (act === undefined) throw new UsageError(USAGE)
  const bytes = readFile(path)
  return isRefused(bytes) ? none(bytes) : act(bytes)
}

try {
  const { json, refusal } = answer()
  if (values.json === true) {
    const refused = refusal === null ? {} : { refusal: { ...refusal } }
    process.stdout.write(`${JSON.stringify({ ...json, ...refused }, null, 2)}\n`)
  } else if (Object.keys(json).length > 0) process.stdout.write(lines(json as Json).trimStart())
  if (refusal !== null) process.stderr.write(`Refused: ${say(refusal)}\n`)
  process.exitCode = refusal === null ? 0 : 1
} catch (error) {
  process.stderr.write(`${error instanceof UsageError ? error.message : (error as Error).message}\n`)
  process.exitCode = 1
}
