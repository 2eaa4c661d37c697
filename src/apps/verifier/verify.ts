import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { inflateNode } from '../../adapters/inflate-node.ts'
import { type LogPolicy, noWitness, readPolicy } from '../../core/ledger/log-policy.ts'
import { PACK_LIMITS } from '../../core/ledger/pack/layout.ts'
import { LIMITS, verdictLines } from '../../core/ledger/pack/told.ts'
import { type PackVerdict, verifyPack } from '../../core/ledger/pack/verify.ts'
import { parseVerifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../core/refusal/refusal.ts'
import { registry } from '../../core/refusal/registry.ts'

/**
 * The verifier that lies in every evidence pack as `verify.mjs`: one file, built by `npm run build:verifier`, which needs Node.js from 20
 * on, no network and nothing else. It verifies what `voltseal evidence verify` does, without the log.
 */

const USAGE = `node verify.mjs FILE.zip --key KEY
Verifies an evidence pack. Nothing is fetched, nothing is written.

  --key KEY       the key of the log (NAME+ID+BASE64), from somebody you trust
  --policy FILE   the keys of the log and of its witnesses, and how many of these must have signed (C2SP tlog-policy)
  --events-only   take a pack that no entry of the log seals: its events are proven, its report is not
  --json          print the verdict as JSON

Exit code 0: verified. 20: not. 64: asked for in another way. 65, 66: not a pack, not there.
`

const say = (text: string): boolean => process.stdout.write(`${text}\n`)

function fail(refusal: Refusal): number {
  process.stderr.write(`Refused: ${sentence(refusal)}\n`)
  return registry[refusal.code].exit
}

function main(argv: readonly string[]): number {
  const asked = argumentsOf(argv)
  if (asked === null) {
    process.stderr.write(USAGE)
    return 64
  }
  const { file, key, policy: policyFile, eventsOnly, json } = asked
  const policy = policyOf(key, policyFile)
  if (isRefusal(policy)) return fail(policy)
  const zip = bytesOf(file)
  if (isRefusal(zip)) return fail(zip)
  const verdict = run(zip, policy, eventsOnly)
  if (json) say(JSON.stringify(jsonOf(verdict)))
  else print(verdict)
  const [first] = verdict.findings
  return first === undefined ? 0 : registry[first.code].exit
}

function argumentsOf(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        policy: { type: 'string' },
        'events-only': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    const [file, ...more] = positionals
    if (file === undefined || more.length > 0) return null
    const { key, policy, json, 'events-only': eventsOnly } = values
    return { file, key, policy, eventsOnly, json }
  } catch {
    return null
  }
}

function policyOf(key: string | undefined, file: string | undefined): LogPolicy | null | Refusal {
  if (file !== undefined) {
    const bytes = bytesOf(file)
    return isRefusal(bytes) ? bytes : readPolicy(new TextDecoder().decode(bytes), nodeCrypto)
  }
  if (key === undefined) return null
  const read = parseVerifierKey(nodeCrypto, key)
  return read === null
    ? refuse('key-malformed', '--key', 'a C2SP verifier key: NAME+ID+BASE64', JSON.stringify(key.slice(0, 40)))
    : noWitness(read)
}

function bytesOf(file: string): Uint8Array | Refusal {
  try {
    const { size } = statSync(file)
    if (size > PACK_LIMITS.bytes) return refuse('pack-too-large', file, `at most ${PACK_LIMITS.bytes} bytes`, `${size}`)
    return new Uint8Array(readFileSync(file))
  } catch (error) {
    const { code = 'none' } = error as NodeJS.ErrnoException
    return refuse(code === 'ENOENT' ? 'file-missing' : 'file-unreadable', file, 'a file that can be read', code)
  }
}

function run(zip: Uint8Array, policy: LogPolicy | null, eventsOnly: boolean): PackVerdict {
  const verifying = verifyPack(nodeCrypto, zip, inflateNode, { policy, eventsOnly })
  for (let step = verifying.next(); ; step = verifying.next()) {
    if (step.done) return step.value
    const { done, of } = step.value
    if (process.stderr.isTTY && of > 1000) process.stderr.write(`\r${done} of ${of} events${done === of ? '\n' : ''}`)
  }
}

function print(verdict: PackVerdict): void {
  for (const [name, value] of verdictLines(verdict)) say(`${name.padEnd(12)} ${value}`)
  for (const finding of verdict.findings) say(`\n${finding.code}\n  ${sentence(finding)}`)
  if (verdict.dropped > 0) say(`\nand ${verdict.dropped} further findings`)
  say(`\n${LIMITS}`)
}

const jsonOf = ({ sound, findings, dropped, proven, manifest, seal, checkpoint }: PackVerdict): object => ({
  sound,
  proven,
  events: manifest?.events.length ?? null,
  origin: checkpoint?.origin ?? null,
  size: checkpoint?.size ?? null,
  seal,
  findings,
  dropped,
})

// Whoever read the output has gone; the exit code still says what came of it.
process.stdout.on('error', () => {})
process.exitCode = main(process.argv.slice(2))
