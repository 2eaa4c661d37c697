import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { openFleetStore, type SqliteFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { fromUtf8, utf8 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { Repeatable } from '../../../src/core/fleet/answer-rows.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'

const NOW = 1_800_000_000_000
const request = (change: Partial<Repeatable> = {}): Repeatable => ({
  person: 'ada',
  key: 'one',
  fingerprint: new Uint8Array(32).fill(1),
  now: instant(NOW),
  expires: instant(NOW + 1000),
  ...change,
})

describe('a request that may be repeated', () => {
  let folder: string
  let store: SqliteFleetStore
  const open = (): void => {
    store = orThrow(openFleetStore(join(folder, 'fleet.sqlite')))
  }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-answers-'))
    open()
  })
  afterEach(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  let carriedOut = 0
  /** A decision: the file says how often it was made. */
  const decide = (text: string) => async (): Promise<string> =>
    store.exclusive(async () => {
      carriedOut += 1
      await store.commit({ files: [{ repo: 'r', path: 'p', bytes: utf8(text) }] })
      return text
    })
  const once = async (text: string, change: Partial<Repeatable> = {}, work = decide(text)): Promise<string> => {
    const result = orThrow(await store.once(request(change), work, utf8))
    return `${result.at} ${fromUtf8(result.answer)}`
  }
  const standing = async (): Promise<string | null> => fromUtf8((await store.file('r', 'p')) ?? utf8('nothing'))

  test('is carried out once; another key, person or day is another request', async () => {
    carriedOut = 0
    assert.equal(await once('a'), 'done a')
    assert.equal(await once('b'), 'repeated a')
    assert.equal(await standing(), 'a')
    assert.equal(await once('c', { key: 'two' }), 'done c')
    assert.equal(await once('d', { person: 'grace' }), 'done d')
    assert.equal(await once('e', { now: instant(NOW + 1000), expires: instant(NOW + 2000) }), 'done e')
    assert.equal(carriedOut, 4)
  })

  test('attack: the same key with another request', async () => {
    await once('a')
    const other = await store.once(request({ fingerprint: new Uint8Array(32).fill(2) }), decide('b'), utf8)
    assert.equal(isRefusal(other) && other.code, 'idempotency-key-reused')
    assert.equal(await standing(), 'a')
  })

  test('attack: who reads the database finds neither keys nor answers', async () => {
    const [key, answer] = ['a-key-of-somebody', 'whsec_something-that-is-shown-once']
    await once(answer, { key }, async () => {
      await store.commit({ files: [{ repo: 'r', path: 'p', bytes: utf8('x') }] })
      return answer
    })
    store.close()
    const files = readdirSync(folder).map(name => readFileSync(join(folder, name)))
    for (const text of [key, answer]) assert.ok(!files.some(file => file.includes(text)), text)
    open()
    assert.equal(await once('other', { key }), `repeated ${answer}`)
  })

  test('the server dies before the decision is durable: nothing is there, and it is carried out when it comes again', async () => {
    const dying = async (): Promise<string> => {
      await decide('a')()
      throw new Error('died')
    }
    await assert.rejects(once('a', {}, dying), /died/)
    store.close()
    open()
    assert.equal(await standing(), 'nothing')
    assert.equal(await once('b'), 'done b')
  })

  test('the server dies before it answers: the same answer, and nothing twice', async () => {
    carriedOut = 0
    await once('a')
    store.close()
    open()
    assert.equal(await once('b'), 'repeated a')
    assert.equal(carriedOut, 1)
  })

  test('its answer cannot be written: what it decided is not there either', async () => {
    const unsayable = (): Uint8Array => {
      throw new Error('no answer')
    }
    await assert.rejects(store.once(request(), decide('a'), unsayable), /no answer/)
    assert.equal(await standing(), 'nothing')
  })

  test('a refusal, and what decides nothing, are not kept', async () => {
    const refused = async (): Promise<string | Refusal> => refuse('not-found', 'a', 'b', 'c')
    assert.ok(isRefusal(await store.once(request(), refused, utf8)))
    assert.equal(await once('looked', {}, async () => 'looked'), 'done looked')
    assert.equal(await once('a'), 'done a')
  })

  test('many at once are carried out once', async () => {
    carriedOut = 0
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => once(`${n}`)))
    assert.deepEqual(new Set(answers), new Set(['done 0', 'repeated 0']))
    assert.equal(carriedOut, 1)
  })

  test('of several decisions each is durable before the next one, and the answer comes with the last', async () => {
    const twice = async (): Promise<string> => {
      await decide('a')()
      const kept = await decide('b')()
      assert.equal(await standing(), 'a')
      return kept
    }
    const dying = async (): Promise<string> => {
      await twice()
      throw new Error('died')
    }
    await assert.rejects(once('a', {}, dying), /died/)
    assert.equal(await standing(), 'a')
    assert.equal(await once('a', {}, twice), 'done b')
    assert.equal(await standing(), 'b')
    assert.equal(await once('c'), 'repeated b')
  })

  test('each step of it finds what the one before decided, also where all of them began at once', async () => {
    const step = (): Promise<void> =>
      store.exclusive(async () => {
        const before = await standing()
        await store.commit({ files: [{ repo: 'r', path: 'p', bytes: utf8(`${before}+`) }] })
      })
    const steps = async (): Promise<string> => {
      await step()
      await Promise.all([step(), step()])
      // A last turn that decides nothing: what came before is durable, and its answer is kept all the same.
      return store.exclusive(async () => `${await standing()}`)
    }
    assert.equal(await once('a', {}, steps), 'done nothing+++')
    store.close()
    open()
    assert.equal(await standing(), 'nothing+++')
    assert.equal(await once('a', {}, steps), 'repeated nothing+++')
  })

  test('what it began and did not wait for is durable by itself, behind its end', async () => {
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    let later: Promise<unknown> = Promise.resolve()
    const begun = async (): Promise<string> => {
      later = over.then(decide('later'))
      return decide('a')()
    }
    assert.equal(await once('a', {}, begun), 'done a')
    end()
    await later
    assert.equal(await standing(), 'later')
  })

  test('answers that nobody asks for any more are dropped', async () => {
    for (let n = 0; n < 50; n += 1) {
      await once('a', { key: `${n}`, now: instant(NOW + n * 100), expires: instant(NOW + n * 100 + 1000) })
    }
    assert.equal(await once('b', { key: '0', now: instant(NOW), expires: instant(NOW + 1000) }), 'done b')
    assert.equal(await once('b', { key: '49', now: instant(NOW + 4900) }), 'repeated a')
  })
})
