import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import type { KnownHead, LogVerdict } from '../../src/core/ledger/verify.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { headOf } from '../../src/flows/audit.ts'
import { refuseToGoOn } from '../../src/flows/log-start.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

/**
 * The writer of the log is killed (SIGKILL) at seeded moments while many callers write, and started again. Whatever was answered is in the
 * log, once; the log opens, verifies from its first entry on, and continues what was signed before.
 */
const SEED = Number(process.env.VOLTSEAL_SEED ?? 20261122)
const MOMENTS = Number(process.env.VOLTSEAL_MOMENTS ?? 2)

describe('the writer of the log, killed', () => {
  it(`at ${MOMENTS} moments of seed ${SEED}: nothing answered is lost, nothing stands twice, and it is one log`, async test => {
    const made = await QuietFleet.make({ above: tmpdir() })
    const { folder } = made
    made.shut()
    const answered = new Set<number>()
    let known: KnownHead | null = null
    let state = SEED >>> 0
    const drawn = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    try {
      for (let moment = 0; moment < MOMENTS; moment += 1) {
        const wanted = 40 + drawn(400)
        for (const number of await killedAfter(folder, moment * 1_000_000, wanted)) answered.add(number)
        const fleet = QuietFleet.at(folder)
        const { store, name, auditSigner, crypto } = fleet.world
        const key = { name, key: auditSigner.key }
        assert.equal(await refuseToGoOn(store, { ...key, retired: [] }, crypto), null)
        const verdict: LogVerdict = orThrow(await verifyStore(store, key, crypto, known))
        assert.deepEqual(verdict.findings, [], `moment ${moment}`)
        known = orThrow(headOf(await store.log(), key, crypto))
        const held = await numbersOf(store, verdict.size)
        assert.equal(new Set(held).size, held.length, `moment ${moment}: an entry stands twice`)
        const there = new Set(held)
        for (const number of answered) assert(there.has(number), `moment ${moment}: ${number} was answered and is lost`)
        fleet.shut()
      }
      assert(answered.size > 40 * MOMENTS)
      test.diagnostic(`${answered.size} entries were answered, ${known?.size} are in the log`)
    } finally {
      QuietFleet.at(folder).close()
    }
  })
})

async function numbersOf(store: QuietFleet['world']['store'], size: number): Promise<number[]> {
  const numbers: number[] = []
  for (let from = 0; from < size; from += 1000) {
    for (const { index, bytes } of await store.entries(from, from + 1000)) {
      const { kind, detail } = orThrow(parseEntry(bytes, `entry ${index}`))
      if (kind === 'intrusion-signal') numbers.push(Number(detail.number))
    }
  }
  return numbers
}

/** Runs a writer, kills it when it has answered so many, and answers all that it said it had. */
async function killedAfter(folder: string, first: number, wanted: number): Promise<number[]> {
  const said: number[] = []
  const program = join(import.meta.dirname, 'appender.ts')
  const flags = ['--disable-warning=ExperimentalWarning', program, folder, String(first)]
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'], env })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    said.push(Number(line))
    if (said.length === wanted) child.kill('SIGKILL')
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL', 'it ended by itself')
  return said
}
