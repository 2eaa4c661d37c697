import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { instant } from '../../src/core/encoding/units.ts'
import { nextTry, TRIES } from '../../src/core/ledger/webhook.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import { record } from '../../src/flows/audit.ts'
import { type Delivery, deliver, type NewWebhook, sendAgain, subscribe, unsubscribe } from '../../src/flows/deliver.ts'
import type { HookLink } from '../../src/flows/webhook-ports.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { Died, Interruptor, type Mode } from './interruption/interruptor.ts'

const SECRET = new Uint8Array(32).fill(9)

type Got = { readonly id: string; readonly type: string; readonly index: number }

/** A receiver as Standard Webhooks describes it: verifies each message, and answers as it is told. */
class Receiver implements HookLink {
  refuses(url: string): null | Refusal {
    return new URL(url).hostname === '10.0.0.1'
      ? refuse('webhook-address-refused', '10.0.0.1', 'another', 'this')
      : null
  }

  readonly got: Got[] = []
  answers: (index: number) => number | Refusal = () => 204

  async post(_url: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<number | Refusal> {
    const [id, time] = [headers['webhook-id'] ?? '', headers['webhook-timestamp'] ?? '']
    const text = Buffer.from(body).toString('utf8')
    const signature = createHmac('sha256', SECRET).update(`${id}.${time}.${text}`).digest('base64')
    assert.equal(headers['webhook-signature'], `v1,${signature}`)
    const { type, data } = JSON.parse(text) as { type: string; data: { index: number; kind: string } }
    assert.equal(type, data.kind)
    const answer = this.answers(data.index)
    this.got.push({ id, type, index: data.index })
    return answer
  }
}

describe('webhooks', () => {
  let fleet: QuietFleet
  let receiver: Receiver
  let by: Delivery
  beforeEach(async () => {
    fleet = await QuietFleet.make({ approvers: 1, threshold: 1 })
    receiver = new Receiver()
    by = { webhooks: fleet.webhooks, link: receiver, chance: () => 1 }
  })
  afterEach(() => fleet.close())

  const asked: NewWebhook = { id: 'desk', url: 'https://desk.example/hook', events: [], site: null, secret: SECRET }
  const hook = async (change: Partial<NewWebhook> = {}) =>
    orThrow(await subscribe(fleet.world, by, 'ada', { ...asked, ...change }))
  const happen = (count: number, site?: string) =>
    fleet.world.store.exclusive(() =>
      record(
        fleet.world,
        {},
        Array.from({ length: count }, (_, n) => {
          const at = site === undefined ? {} : { site }
          return { kind: 'log-opened', actor: { kind: 'fleet', id: 'f' }, detail: { anchors: [n] }, ...at } as const
        }),
      ),
    )
  const round = () => deliver(fleet.world, by)
  const indices = (): number[] => receiver.got.map(({ index }) => index)
  const row = async () => (await by.webhooks.webhook('desk'))!

  test('tells what happens from now on, in order, signed, once', async () => {
    await happen(3)
    const { next } = await hook()
    await happen(300)
    for (let n = 0; n < 8; n += 1) await round()
    assert.deepEqual(
      indices(),
      [...Array(300).keys()].map(n => next + n),
    )
    assert.equal(receiver.got[0]?.id, `desk.${next}`)
  })

  test('tells each subscriber what it wants, and of its site', async () => {
    await hook({ events: ['wave-opened'] })
    await hook({ id: 'site', site: 'quay' })
    await happen(2)
    await happen(1, 'quay')
    await happen(1, 'reef')
    await round()
    assert.deepEqual(
      receiver.got.map(({ id }) => id.split('.')[0]),
      ['site'],
    )
    // What nobody wants is passed by for good.
    const { size } = await fleet.world.store.log()
    assert.equal((await row()).next, size)
  })

  test('tries again later and later, and keeps the order', async () => {
    const { next } = await hook()
    await happen(3)
    receiver.answers = () => 503
    const pauses: number[] = []
    for (let n = 1; n < TRIES; n += 1) {
      await round()
      const { due, failures, fault } = await row()
      assert.equal(failures, n)
      assert.match(fault ?? '', /503/)
      pauses.push((due - fleet.clock.now()) / 1000)
      await round()
      assert.equal(receiver.got.length, n, 'not before its time')
      fleet.clock.advance(due - fleet.clock.now())
    }
    assert.deepEqual(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600])
    assert.ok(
      indices().every(index => index === next),
      'the ones behind it wait',
    )
    receiver.answers = () => 200
    await round()
    assert.deepEqual(indices().slice(-3), [next, next + 1, next + 2])
    assert.equal((await row()).failures, 0)
  })

  test('a pause is between half and all of its length, by chance', () => {
    for (const [chance, pause] of [
      [0, 2500],
      [0.5, 3750],
      [1, 5000],
    ] as const) {
      assert.equal(nextTry(instant(0), 1, chance), pause)
    }
    assert.equal(nextTry(instant(0), 10_000, 1), 3_600_000)
  })

  test('sets a message aside after the last try, goes on, and sends it again when a person says so', async () => {
    const { next } = await hook()
    await happen(2)
    receiver.answers = index => (index === next ? refuse('not-reachable', 'a', 'b', 'c') : 200)
    for (let n = 0; n < TRIES; n += 1) {
      await round()
      fleet.clock.advance(3_600_000)
    }
    assert.deepEqual(indices().slice(-1), [next + 1])
    const letters = await by.webhooks.letters('desk', null, 10)
    assert.deepEqual(
      letters.map(({ index, again }) => [index, again]),
      [[next, false]],
    )
    const told = (await fleet.entries()).filter(({ kind }) => kind === 'delivery-abandoned')
    assert.equal(told.length, 1)
    // Being set aside is no news for those who cannot be told.
    await round()
    assert.deepEqual(indices().slice(-1), [next + 1])
    orThrow(await sendAgain(fleet.world, by.webhooks, 'ada', 'desk', next))
    await round()
    assert.equal((await by.webhooks.letter('desk', next))?.again, false, 'it failed again')
    receiver.answers = () => 200
    orThrow(await sendAgain(fleet.world, by.webhooks, 'ada', 'desk', next))
    await round()
    assert.deepEqual(await by.webhooks.letters('desk', null, 10), [])
    assert.deepEqual(receiver.got.at(-1), { id: `desk.${next}`, type: 'log-opened', index: next })
    const unknown = await sendAgain(fleet.world, by.webhooks, 'ada', 'desk', next)
    assert.equal(isRefusal(unknown) && unknown.code, 'not-found')
  })

  test('a subscription that is removed is told no more, also in the middle of a round', async () => {
    await hook()
    await happen(5)
    receiver.answers = () => {
      void unsubscribe(fleet.world, by.webhooks, 'ada', 'desk')
      return 200
    }
    await round()
    assert.equal(receiver.got.length, 1)
    assert.equal(await by.webhooks.webhook('desk'), null)
    const again = await unsubscribe(fleet.world, by.webhooks, 'ada', 'desk')
    assert.equal(isRefusal(again) && again.code, 'not-found')
  })

  test('attack: addresses that are none', async () => {
    for (const url of [
      'http://desk.example/',
      'https://user:secret@desk.example/',
      'https://desk.example/#a',
      'https:///etc/passwd',
      'file:///etc/passwd',
      'https://desk.example/\nhost: other',
      `https://desk.example/${'a'.repeat(1024)}`,
      'javascript:alert(1)',
      'https://desk.example:99999/',
      'https://1.2.3.4.5/',
      'https://[::1/',
    ]) {
      const made = await subscribe(fleet.world, by, 'ada', { ...asked, url })
      assert.equal(isRefusal(made) && made.code, 'webhook-url-refused', url)
    }
    const inside = await subscribe(fleet.world, by, 'ada', { ...asked, url: 'https://10.0.0.1/' })
    assert.equal(isRefusal(inside) && inside.code, 'webhook-address-refused')
    await hook()
    const twice = await subscribe(fleet.world, by, 'ada', asked)
    assert.equal(isRefusal(twice) && twice.code, 'webhook-exists')
  })

  test('the server dies at each step: every message comes, in order, and one that comes twice has its id', async () => {
    const { next } = await hook()
    await happen(4)
    const wanted = [next, next + 1, next + 2, next + 3]
    const before = await row()
    for (const mode of ['lost', 'unanswered'] as const satisfies readonly Mode[]) {
      for (let at = 1; at <= 4; at += 1) {
        await fleet.world.store.commit({ webhooks: [before] })
        receiver.got.length = 0
        const interruptor = new Interruptor(at, mode)
        const dying = { ...fleet.world, store: interruptor.store(fleet.world.store) }
        await assert.rejects(deliver(dying, by), Died)
        // The next process goes on where the log of what was told ends.
        await round()
        const ids = receiver.got.map(({ id }) => id)
        assert.deepEqual([...new Set(indices())], wanted, `${mode} ${at}`)
        assert.deepEqual(
          indices(),
          indices().toSorted((a, b) => a - b),
        )
        assert.equal(ids.length - new Set(ids).size, mode === 'lost' ? 1 : 0)
      }
    }
  })
})
