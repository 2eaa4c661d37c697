import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import { Bench, type Run } from './interruption/bench.ts'
import { Died, Interruptor } from './interruption/interruptor.ts'
import { approveAndStart, publishAndPlan } from './interruption/people.ts'

/** The transfer of a payload breaks after each of its chunks in turn, and goes on by range: no byte comes twice. */
const CHUNK = 1024
const IMAGE = 12 * CHUNK + 300

describe('a download that is torn', () => {
  let bench: Bench
  before(async () => {
    bench = await Bench.make(IMAGE)
  })
  after(() => bench.stop())

  const chunks = Math.ceil(IMAGE / CHUNK)
  const how = {
    'the line breaks': () => {},
    'the gateway dies': () => {
      throw new Died()
    },
  }
  for (const [what, end] of Object.entries(how)) {
    it(`goes on where it stopped, ${what} after any of ${chunks} chunks`, async () => {
      for (let cut = 0; cut <= chunks; cut += 1) {
        const gateway = new Interruptor(0, 'lost')
        const run = bench.copy(new Interruptor(0, 'lost'), gateway)
        try {
          await publishAndPlan(run)
          await approveAndStart(run)
          const payload = run.bench.release[1]!.target
          let torn = 0
          let carried = 0
          run.carry = (body, id) => {
            if (id.sha256 !== payload.sha256) return body
            torn += 1
            return torn === 1 ? cutAfter(cut, body, end) : pieces(body)
          }
          run.onBytes = (id, length) => {
            if (id.sha256 === payload.sha256) carried += length
          }
          const first = await refresh(run)
          if (what === 'the gateway dies') run.restartGateway()
          if (cut < chunks) {
            assert.ok(first === 'died' || (isRefusal(first) && first.code === 'download-truncated'), `cut ${cut}`)
            assert.equal(await run.gateway.blobs.has(payload), false, `cut ${cut}: half a blob has a name`)
            assert.equal(await run.gateway.blobs.partial(payload), cut * CHUNK)
          }
          assert.equal(await refresh(run), null, `cut ${cut}`)
          assert.equal(await run.gateway.blobs.verify(payload), null)
          assert.equal(carried, IMAGE, `cut ${cut}: bytes came twice, or were skipped`)
          assert.equal(await run.gateway.blobs.partial(payload), 0)
          await flushOutbox(run.gateway)
          const told = (await run.entries()).filter(({ detail }) => detail.sha256 === payload.sha256)
          assert.deepEqual(
            told.map(({ kind }) => kind),
            ['download-finished'],
          )
        } finally {
          run.close()
        }
      }
    })
  }
})

async function refresh(run: Run) {
  try {
    return await refreshSite(run.gateway)
  } catch (error) {
    if (error instanceof Died) return 'died' as const
    throw error
  }
}

async function* pieces(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const bytes of body) {
    for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK)
  }
}

async function* cutAfter(count: number, body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  let passed = 0
  for await (const piece of pieces(body)) {
    if (passed === count) return end()
    yield piece
    passed += 1
  }
}
