import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { signatureBy } from '../../src/core/trust/repository.ts'
import { approve, command, createCampaign, draftOf } from '../../src/flows/campaign.ts'
import { publishRelease, storeBlob } from '../../src/flows/publish.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import { acceptControllerReport, flushOutbox } from '../../src/flows/report.ts'
import { Bench, type Run } from './interruption/bench.ts'
import { Died, Interruptor } from './interruption/interruptor.ts'

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
          await orderUpdate(run)
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

/** Everything before the download: published, planned, approved, started. */
async function orderUpdate(run: Run): Promise<void> {
  for (const { target, bytes } of run.bench.release) {
    assert.equal(await storeBlob(run.fleet, target, 1 << 20, pieces([bytes])), null)
  }
  orThrow(await publishRelease(run.fleet, 'ada', await run.metadata()))
  for (const controller of run.controllers) {
    await controller.step(
      async bytes => orThrow(await acceptControllerReport(run.gateway, controller.id, bytes)),
      async () => null,
      new Map(),
    )
  }
  await flushOutbox(run.gateway)
  const asked = {
    id: 'update',
    title: 'Update',
    criticality: 'feature',
    select: {},
    retries: 1,
    maxFailures: 0,
  } as const
  const times = { soakMillis: 1_000, timeoutMillis: 3_600_000, validMillis: 86_400_000 }
  orThrow(await createCampaign(run.fleet, 'ada', { ...asked, ...times, releases: ['bms/2.0.0/envelope.suit'] }, false))
  for (const name of ['approver-0', 'approver-1']) {
    const { signed } = orThrow(await draftOf(run.fleet, 'update'))
    const signer = run.bench.key(name)
    const signature = orThrow(await signer.sign(signableBytes(signed), 'der'))
    orThrow(await approve(run.fleet, 'ada', 'update', signatureBy(signer.key, signature, crypto)))
  }
  assert.equal(await command(run.fleet, 'ada', 'update', 'start', null), null)
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
