import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { openGatewayStore, type SqliteGatewayStore } from '../../../src/adapters/store-sqlite/gateway.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'

const entry = (controller: string, n = 0) => ({
  kind: 'entry' as const,
  bytes: utf8(JSON.stringify({ controller, n })),
})
const report = (controller: string) => {
  return { kind: 'report' as const, bytes: utf8(JSON.stringify({ sig: '00', signed: { controller } })) }
}

describe('items of a gateway’s own log about one controller', () => {
  let folder: string
  let store: SqliteGatewayStore
  const path = (): string => join(folder, 'gateway.sqlite')
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-items-'))
    store = orThrow(openGatewayStore(path()))
  })
  afterEach(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const about = async (id: string, limit = 10): Promise<number[]> =>
    (await store.loggedAbout(id, limit)).map(({ sequence }) => sequence)

  it('are found by what they say themselves, the newest so many, oldest first', async () => {
    await store.commit({ outbox: [entry('a'), report('b'), entry('a', 1), report('a'), entry('ab')] })
    assert.deepEqual(await about('a'), [1, 3, 4])
    assert.deepEqual(await about('a', 2), [3, 4])
    assert.deepEqual([await about('b'), await about('ab'), await about('c')], [[2], [5], []])
  })

  it('what is no JSON, or speaks of nobody, is written all the same', async () => {
    const odd = [utf8('not json'), new Uint8Array([255, 0, 254]), new Uint8Array(), utf8('[]'), utf8('{"signed":7}')]
    await store.commit({ outbox: odd.map(bytes => ({ kind: 'entry', bytes })) })
    await store.commit({ outbox: [entry('a')] })
    assert.equal((await store.logged(0, 10)).length, 6)
    assert.deepEqual(await about('a'), [6])
  })

  it('follow a log that goes on under other numbers, and one whose oldest items were dropped', async () => {
    await store.commit({ outbox: [entry('a'), entry('b'), entry('a')] })
    await store.commit({ continued: { sequence: 40, head: new Uint8Array(32) } })
    assert.deepEqual(
      await about('a'),
      (await store.logged(0, 10)).filter((_, n) => n !== 1).map(({ sequence }) => sequence),
    )
    assert.ok((await about('a')).every(sequence => sequence > 40))
  })

  it('of a store of before are found as well: its items get the index when it is opened', async () => {
    await store.commit({ outbox: [entry('a'), report('b')] })
    store.close()
    const before = new DatabaseSync(path())
    const { user_version: version } = before.prepare('PRAGMA user_version').get() as { user_version: number }
    before.exec(`DROP INDEX outbox_about; PRAGMA user_version = ${version - 1}`)
    before.close()
    store = orThrow(openGatewayStore(path()))
    assert.deepEqual([await about('a'), await about('b')], [[1], [2]])
  })

  it('are read without the others: the index has them all', async () => {
    await store.commit({ outbox: Array.from({ length: 50 }, (_, n) => entry(`c${n % 5}`, n)) })
    store.close()
    const database = new DatabaseSync(path())
    const { sql } = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'outbox_about'").get() as {
      sql: string
    }
    const expression = /\(([\s\S]*), sequence\)$/.exec(sql)?.[1]
    const plan = database
      .prepare(
        `EXPLAIN QUERY PLAN SELECT sequence, bytes FROM outbox WHERE ${expression} = ? ORDER BY sequence DESC LIMIT 3`,
      )
      .all('c1')
      .map(row => `${row.detail}`)
      .join('; ')
    database.close()
    store = orThrow(openGatewayStore(path()))
    assert.match(plan, /SEARCH outbox USING INDEX outbox_about/)
    assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
  })
})
