import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import type { AuditEntry } from '../../src/core/ledger/entry.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { signatureBy } from '../../src/core/trust/repository.ts'
import { approve, draftOf } from '../../src/flows/approve.ts'
import { command, tick } from '../../src/flows/campaign.ts'
import { giveTurns } from '../../src/flows/coordinate.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import { offerFor } from '../../src/flows/offer.ts'
import { openCampaign } from '../../src/flows/opened.ts'
import { createCampaign } from '../../src/flows/plan.ts'
import { publishRelease, storeBlob } from '../../src/flows/publish.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import { acceptControllerReport } from '../../src/flows/report.ts'
import { askForNews } from '../../src/flows/wall-time.ts'
import { anywhere } from '../worlds/anywhere.ts'
import { usualPlan } from '../worlds/asked.ts'
import { Bench, type Publication, type Run } from './interruption/bench.ts'
import { Died, Interruptor, type Mode } from './interruption/interruptor.ts'

/**
 * A whole update, from the release to the last confirmed controller, in which one process dies at one durable change:
 * just before it, or just after it with nobody told. Every change of the run gets its turn. The end must be the same.
 */
const ROUNDS = 60
const PERSON = 'ada'
const ASKED = usualPlan('update', ['bms/2.0.0/envelope.suit'])

/** Does a piece of work until its process lives through it. */
async function through<T>(run: Run, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Died)) throw error
      run.revive()
    }
  }
  throw new Error('it died three times')
}

/** A person's command: given again when nobody answered. `done` are the codes that say that it was carried out before. */
async function ask<T>(run: Run, work: () => Promise<T | Refusal>, ...done: string[]): Promise<T | null> {
  const answer = await through(run, work)
  if (isRefusal(answer) && done.includes(answer.code)) return null
  return orThrow(answer)
}

async function publish(run: Run): Promise<void> {
  for (const { target, bytes } of run.bench.release) {
    await ask(run, () => storeBlob(run.fleet, target, 1 << 20, once(bytes)))
  }
  const metadata = await run.metadata()
  await ask(run, () => publishRelease(run.fleet, PERSON, { metadata }))
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function approveBy(run: Run, name: string): Promise<void> {
  const { signed } = orThrow(await draftOf(run.fleet, ASKED.id))
  const signer = run.bench.key(name)
  const signature = signatureBy(signer.key, orThrow(await signer.sign(signableBytes(signed), 'der')), crypto)
  await ask(run, () => approve(run.fleet, name, ASKED.id, signature), 'campaign-already-approved')
}

/** One round of everything that goes on by itself; whatever dies is started again, and goes on in the next round. */
async function round(run: Run): Promise<void> {
  const images = new Map([
    [run.bench.imageDigest, { version: '2.0.0', sequence: 2_000_000, digest: run.bench.imageDigest }],
  ])
  const mortal = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      const result = await work()
      if (isRefusal(result) && result.code !== 'not-reachable') orThrow(result)
    } catch (error) {
      if (!(error instanceof Died)) throw error
    }
    run.revive()
  }
  run.clock.advance(1_000)
  await mortal(() => tick(run.fleet))
  await mortal(async () => {
    const news = await askForNews(run.gateway, run.tag)
    if (news === null || isRefusal(news)) return news
    const refusal = await refreshSite(run.gateway)
    if (refusal === null) run.tag = news
    return refusal
  })
  for (const controller of run.controllers) {
    const say = async (bytes: Uint8Array) => orThrow(await acceptControllerReport(run.gateway, controller.id, bytes))
    const offered = async () => orThrow(await offerFor(run.gateway, controller.id))
    await mortal(() => controller.step(say, offered, images))
  }
  await mortal(() => giveTurns(run.gateway))
  await mortal(() => flushOutbox(run.gateway))
}

async function stateOf(run: Run): Promise<string> {
  return orThrow(await openCampaign(run.fleet, ASKED.id)).rollout.state.at
}

/** The whole update. `spoilt`: a byte of the cached payload changes before the second controller is offered it. */
async function update(run: Run, spoilt: boolean): Promise<void> {
  await publish(run)
  // The fleet plans only what it has heard of.
  for (let rounds = 0; rounds < 3; rounds += 1) await round(run)
  await ask(run, () => createCampaign(run.fleet, PERSON, ASKED, false, anywhere))
  await approveBy(run, 'approver-0')
  await approveBy(run, 'approver-1')
  await ask(
    run,
    async () => (await command(run.fleet, PERSON, ASKED.id, 'start', null)) ?? true,
    'campaign-already-started',
  )
  let rounds = 0
  let touched = false
  while ((await stateOf(run)) !== 'done') {
    rounds += 1
    assert.ok(rounds < ROUNDS, `not done after ${rounds} rounds: ${await stateOf(run)}`)
    await round(run)
    if (!spoilt || touched || (await stateOf(run)) !== 'soaking') continue
    const payload = run.bench.release[1]!
    run.spoil(payload.target.sha256, payload.bytes)
    touched = true
  }
  for (let more = 0; more < 3; more += 1) await round(run)
}

/** What the log tells, without when: each step with what it is about. Reports that were said twice count once. */
function told(entries: readonly AuditEntry[], release: Publication): string[] {
  const released = new Set(release.map(({ target }) => target.sha256))
  const lines = entries.map(({ kind, controller, campaign, release, code, detail }) => {
    const { event, version, size, sha256, repository, have } = detail
    const about = kind === 'controller-report' ? [event, version] : [version, size, repository, have]
    // The plan's digest is another one in each run: it carries the time.
    const blob = kind !== 'download-finished' ? undefined : released.has(String(sha256)) ? sha256 : 'the plan'
    return [kind, controller, campaign, release?.slice(0, 8), code, ...about, blob].filter(Boolean).join(' ')
  })
  const reports = new Set(lines.filter(line => line.startsWith('controller-report')))
  return [...lines.filter(line => !line.startsWith('controller-report')), ...reports].sort()
}

type End = { readonly told: string[]; readonly campaign: string; readonly gateway: string; readonly outbox: number }

async function endOf(run: Run): Promise<End> {
  const { rollout } = orThrow(await openCampaign(run.fleet, ASKED.id))
  const rows = await run.fleet.store.turns.page(ASKED.id, null, 100)
  const turns = rows.map(({ site, controller, at }) => `${site}/${controller} ${at}`)
  // What is out is what is ordered, and nothing that has ended.
  turns.push(...(await run.fleet.store.turns.load()).map(one => JSON.stringify(one)))
  const kept = await run.gateway.store.controllers()
  return {
    told: told(await run.entries(), run.bench.release),
    campaign: [rollout.state.at, ...turns].join(', '),
    gateway: kept.map(({ id, work }) => `${id} ${work}`).join(', '),
    outbox: (await run.gateway.store.outbox(10)).length,
  }
}

describe('a process dies at one of its durable changes', () => {
  let bench: Bench
  before(async () => {
    bench = await Bench.make(8 * 1024)
  })
  after(() => bench.stop())

  for (const spoilt of [false, true]) {
    const what = spoilt ? 'an update with a spoilt cache' : 'an update'
    it(`${what} ends the same, whichever change of the fleet or of the gateway it was`, async context => {
      const never = (): Interruptor => new Interruptor(0, 'lost')
      const [fleet, gateway] = [never(), never()]
      const plain = bench.copy(fleet, gateway)
      await update(plain, spoilt)
      const expected = await endOf(plain)
      assert.equal(expected.campaign, 'done, quay/bms-1 confirmed, quay/bms-2 confirmed')
      assert.equal(expected.outbox, 0)
      assert.equal(expected.told.filter(line => line.startsWith('blob-quarantined')).length, spoilt ? 1 : 0)
      plain.close()
      let runs = 0
      const faults: string[] = []
      // The cache is the gateway's: the fleet's changes are the same ones in both.
      const sides = [...(spoilt ? [] : [['fleet', fleet.changes] as const]), ['gateway', gateway.changes] as const]
      for (const [side, changes] of sides) {
        assert.ok(changes > 15, `${side} changes ${changes} times`)
        for (let at = 1; at <= changes; at += 1) {
          for (const mode of ['lost', 'unanswered'] as const satisfies readonly Mode[]) {
            const mortal = new Interruptor(at, mode)
            const run = bench.copy(side === 'fleet' ? mortal : never(), side === 'gateway' ? mortal : never())
            const name = `change ${at} of the ${side}, ${mode}`
            try {
              await update(run, spoilt)
              assert.ok(mortal.struck, `${name}: it did not die`)
              assert.deepEqual(await endOf(run), expected)
              const verdict = await run.verdict()
              assert.deepEqual([verdict.sound, verdict.findings], [true, []], name)
            } catch (error) {
              faults.push(`${name}: ${(error as Error).message}`)
            } finally {
              run.close()
            }
            runs += 1
          }
        }
      }
      assert.deepEqual(faults, [])
      context.diagnostic(
        `${runs} runs: ${fleet.changes} changes of the fleet, ${gateway.changes} of the gateway, twice each`,
      )
    })
  }
})
