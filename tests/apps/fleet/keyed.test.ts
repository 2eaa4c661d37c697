import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import type { Answer } from '../../../src/adapters/link-https/client.ts'
import { fromUtf8 } from '../../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const outcome = (answer: Answer | Refusal): string | number => (isRefusal(answer) ? answer.code : answer.status)
const textOf = (answer: Answer | Refusal): string => fromUtf8(orThrow(answer).body) ?? ''

/** Where the server dies: before or behind the next transaction. */
type Death = 'before' | 'behind'

/** A request that changes something, and what of it is there: each must be all there or not at all, with one entry in the log. */
type Row = {
  readonly name: string
  readonly ask: (n: number) => Promise<readonly [path: string, body: object]>
  readonly there: (n: number) => Promise<boolean>
  readonly told: (entry: { kind: string; detail: Record<string, unknown> }, n: number) => boolean
}

describe('a request under a key, when the server dies at each of its writes', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  let death: Death | null = null
  let writes = 0
  const exec = DatabaseSync.prototype.exec

  before(async () => {
    fleet = await QuietFleet.make()
    door = await PeopleDoor.open(fleet)
    await door.account('root', ['administrator@fleet'])
    // The server's transactions end here, and nowhere else.
    DatabaseSync.prototype.exec = function (sql: string) {
      if (sql !== 'COMMIT') return exec.call(this, sql)
      writes += 1
      if (death === null) return exec.call(this, sql)
      if (death === 'behind') exec.call(this, sql)
      throw new Error('the server died')
    }
  })
  after(async () => {
    DatabaseSync.prototype.exec = exec
    await door?.close()
    fleet?.close()
  })

  const post = async (who: string, path: string, body: object, key: string) =>
    send(door.client(await door.certificate(who)), 'POST', path, body, { 'idempotency-key': `"${key}"` })
  const json = async <T>(answer: Promise<Answer | Refusal>): Promise<T> => JSON.parse(textOf(await answer)) as T
  const rows: readonly Row[] = [
    {
      name: 'an account is made',
      ask: async n => ['/v1/accounts', { id: `new-${n}`, kind: 'person', name: 'New', roles: ['auditor@fleet'] }],
      there: async n => (await fleet.world.store.account(`new-${n}`)) !== null,
      told: ({ kind, detail }, n) => kind === 'account-changed' && detail.account === `new-${n}`,
    },
    {
      name: 'a webhook is made, whose secret is shown once',
      ask: async n => ['/v1/webhooks', { id: `hook-${n}`, url: 'https://desk.example/' }],
      there: async n => (await fleet.webhooks.webhook(`hook-${n}`)) !== null,
      told: ({ kind, detail }, n) => kind === 'webhook-created' && detail.webhook === `hook-${n}`,
    },
  ]
  let n = 0
  for (const { name, ask, there, told } of rows) {
    for (const when of ['before', 'behind'] as const) {
      it(`${name}: it dies ${when} the write`, async () => {
        n += 1
        const [path, body] = await ask(n)
        const key = `a-key-of-its-own-${n}`
        ;[writes, death] = [0, when]
        assert.equal(outcome(await post('root', path, body, key)), 'internal-error')
        assert.equal(writes, 1)
        assert.equal(await there(n), when === 'behind')
        death = null
        const first = await post('root', path, body, key)
        assert.equal(orThrow(first).headers['idempotent-replayed'], when === 'behind' ? 'true' : undefined)
        assert.equal(textOf(await post('root', path, body, key)), textOf(first))
        assert.ok(await there(n))
        assert.equal((await fleet.entries()).filter(entry => told(entry as never, n)).length, 1)
      })
    }
  }

  it('attack: somebody else’s key: another account that sends it asks for itself', async () => {
    const body = { id: 'twin', url: 'https://desk.example/' }
    const key = 'a-key-that-was-overheard'
    const first = await json<{ secret: string }>(post('root', '/v1/webhooks', body, key))
    const other = await post('administrator', '/v1/webhooks', body, key)
    assert.equal(outcome(other), 'webhook-exists', 'the secret is not told')
    assert.equal((await json<{ secret: string }>(post('root', '/v1/webhooks', body, key))).secret, first.secret)
    // Who lost the role in between gets no answer either: who asks is judged before what was answered is looked for.
    await door.account('brief', ['administrator@fleet'])
    const mine = 'a-key-of-a-brief-account'
    assert.equal(outcome(await post('brief', '/v1/webhooks', { ...body, id: 'brief' }, mine)), 200)
    orThrow(await post('root', '/v1/accounts/brief/changes', { roles: ['auditor@fleet'] }, 'a-key-that-takes-a-role'))
    assert.equal(outcome(await post('brief', '/v1/webhooks', { ...body, id: 'brief' }, mine)), 'role-missing')
  })
})
