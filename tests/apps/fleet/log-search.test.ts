import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Asked, kinds, search } from '../../../src/apps/fleet/log-search.ts'
import { policy } from '../../../src/apps/fleet/log-views.ts'
import type { Holder } from '../../../src/core/fleet/roles.ts'
import { readPolicy } from '../../../src/core/ledger/log-policy.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { record } from '../../../src/flows/audit.ts'
import { person } from '../../../src/flows/persons.ts'
import type { FoundEntries } from '../../../src/wire/audit-views.ts'
import { witnessKey } from '../../core/ledger/signed-log.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const auditor: Holder = {
  id: 'ida',
  disabled: false,
  grants: [{ role: 'auditor', scope: { at: 'fleet' } }],
  narrowed: null,
}
/** Whoever may read the log and not who the accounts are: no role of today, but each view judges for itself. */
const stranger: Holder = { ...auditor, grants: [] }

describe('searching the log', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  const found = async (asked: Asked, reader = auditor): Promise<FoundEntries> =>
    orThrow(await search(fleet.world, asked, reader))
  const indices = ({ entries }: FoundEntries): number[] => entries.map(({ index }) => index)

  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('quay', 2)
    door = await PeopleDoor.open(fleet)
    await door.account('ida', ['auditor@fleet'])
    for (const [number, who] of ['olga', 'piet', 'olga', 'olga'].entries()) {
      const detail = { event: `number ${number}` }
      await fleet.world.store.exclusive(() =>
        record(fleet.world, {}, [{ kind: 'policy-changed', actor: person(who), site: 'quay', detail }]),
      )
      fleet.clock.advance(60_000)
    }
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })

  it('goes down from the newest and up from any entry, page by page, each entry once', async () => {
    const all = await found({ limit: '1000' })
    assert.equal(all.next, null)
    assert.deepEqual(
      indices(all),
      Array.from({ length: all.size }, (_, at) => all.size - 1 - at),
    )
    const down: number[] = []
    for (let below: number | null = all.size; below !== null; ) {
      const page = await found({ below: `${below}`, limit: '3' })
      down.push(...indices(page))
      below = page.next
    }
    assert.deepEqual(down, indices(all))
    const up: number[] = []
    for (let above: number | null = 1; above !== null; ) {
      const page = await found({ above: `${above}`, limit: '3' })
      up.push(...indices(page))
      above = page.next
    }
    assert.deepEqual(
      up,
      Array.from({ length: all.size - 2 }, (_, at) => at + 2),
    )
  })

  it('by what an entry says, with the words that people read it by', async () => {
    const page = await found({ site: 'quay', kind: 'policy-changed' })
    assert.deepEqual(
      page.entries.map(({ summary }) => summary),
      ['event number 3', 'event number 2', 'event number 1', 'event number 0'],
    )
    assert.deepEqual(page.entries[0]?.who, { kind: 'person', id: 'olga' })
    const at = page.entries.map(one => one.at as number)
    const period = { since: `${at[2]}`, until: `${at[0]}`, kind: 'policy-changed' }
    assert.deepEqual(indices(await found(period)), indices(page).slice(1, 3))
    assert.deepEqual((await found({ code: 'report-replayed' })).entries, [])
    const counts = await kinds(fleet.world, period)
    assert.deepEqual(counts.kinds, { 'policy-changed': 2 })
  })

  it('by a person’s name, for who may see accounts', async () => {
    assert.equal((await found({ actor: 'olga' })).entries.length, 3)
    assert.equal((await found({ actor: 'nobody' })).entries.length, 0)
    const gateways = await found({ actor: fleet.world.name })
    assert.ok(gateways.entries.length > 0 && gateways.entries.every(({ who }) => who?.id === fleet.world.name))
  })

  it('attack: whose a pseudonym is, out of a search by name', async () => {
    assert.deepEqual((await found({ actor: 'olga' }, stranger)).entries, [])
    const shown = await found({ kind: 'policy-changed' }, stranger)
    const pseudonym = shown.entries[0]?.who?.id ?? ''
    assert.match(pseudonym, /^person:[0-9a-f]{64}$/, 'nor is the name in what it finds')
    assert.equal((await found({ actor: pseudonym }, stranger)).entries.length, 3, 'as the log has it, it is found')
    assert.doesNotMatch(JSON.stringify(await found({}, stranger)), /olga|piet/)
  })

  it('over the door, in both directions at once never', async () => {
    const ida = door.client({ bearer: await door.token('ida') })
    const answer = orThrow(await send(ida, 'GET', '/v1/audit/search?kind=policy-changed&limit=2'))
    assert.equal(JSON.parse(Buffer.from(answer.body).toString('utf8')).entries.length, 2)
    const both = await send(ida, 'GET', '/v1/audit/search?below=3&above=1')
    assert.equal('code' in both && both.code, 'request-malformed')
  })

  it('names the keys that a reader of the log goes by, and nobody’s address', async () => {
    const { crypto, name, auditSigner } = fleet.world
    const word = witnessKey('w.example', 5)
    const told = orThrow(readPolicy(`witness a ${word} https://w.example/\nquorum a\n`, crypto))
    const read = orThrow(readPolicy(policy(fleet.world, told).policy, crypto))
    assert.deepEqual(read.logs, [{ key: { name, key: auditSigner.key }, url: null }])
    assert.deepEqual([...read.witnesses], [['a', { key: told.witnesses.get('a')?.key, url: null }]])
    assert.equal(read.quorum, 'a')
  })
})
