import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeRandom } from '../../src/adapters/random-node.ts'
import { millis } from '../../src/core/encoding/units.ts'
import { grantText } from '../../src/core/fleet/roles.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { accountsOf, admit } from '../../src/flows/admit.ts'
import { addAccount, credentialsOf, editAccount, makeToken } from '../../src/flows/appoint.ts'
import type { FleetStore } from '../../src/flows/ports.ts'
import { grants } from '../worlds/people-door.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

/** Whether the next commit happens, and whether anybody hears of it. */
type Cut = 'none' | 'before' | 'behind'

describe('accounts, when power fails', () => {
  let fleet: QuietFleet
  let cut: Cut = 'none'
  before(async () => {
    fleet = await QuietFleet.make()
    const through = (store: FleetStore): FleetStore =>
      new Proxy(store, {
        get: (target, name) => {
          const member = Reflect.get(target, name)
          if (name !== 'commit') return typeof member === 'function' ? member.bind(target) : member
          return async (change: Parameters<FleetStore['commit']>[0]) => {
            const now = cut
            cut = 'none'
            if (now !== 'before') await target.commit(change)
            if (now !== 'none') throw new Error('the power is gone')
          }
        },
      })
    fleet.open([], through)
  })
  after(() => fleet?.close())

  const root = async () => orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
  const asked = (id: string) => ({ id, kind: 'person', name: id, grants: grants('auditor@fleet'), keys: [] }) as const
  const names = async () => orThrow(await accountsOf(fleet.world)).map(({ id }) => id)
  const told = async (id: string): Promise<number> =>
    (await fleet.entries()).filter(({ kind, detail }) => kind === 'account-changed' && detail.account === id).length
  const lost = async (when: Cut, work: () => Promise<unknown>): Promise<void> => {
    cut = when
    await assert.rejects(work(), /the power is gone/)
  }

  it('before the commit there is no account and no entry, behind it both; the same request again is answered', async () => {
    await lost('before', async () => addAccount(fleet.world, await root(), asked('ida')))
    assert.deepEqual([(await names()).includes('ida'), await told('ida')], [false, 0])
    await lost('behind', async () => addAccount(fleet.world, await root(), asked('ida')))
    assert.deepEqual([(await names()).includes('ida'), await told('ida')], [true, 1])
    const again = await addAccount(fleet.world, await root(), asked('ida'))
    assert.ok(!isRefusal(again) && again.id === 'ida', 'the answer was lost, not the account')
    assert.equal(await told('ida'), 1, 'nothing is told twice')
    const other = await addAccount(fleet.world, await root(), { ...asked('ida'), name: 'Another Ida' })
    assert.equal((other as Refusal).code, 'account-exists')
  })

  it('attack: of two administrators at once one does not give back what the other took away', async () => {
    const { world } = fleet
    const roles = grants('auditor@fleet', 'planner@fleet')
    orThrow(await addAccount(world, await root(), { ...asked('eve'), grants: roles }))
    const edits = [{ take: grants('planner@fleet') }, { give: grants('operator@site:quay', 'auditor@fleet') }]
    const editor = await root()
    await Promise.all(edits.map(async edit => orThrow(await editAccount(world, editor, 'eve', edit))))
    const eve = orThrow(await accountsOf(world)).find(({ id }) => id === 'eve')
    assert.deepEqual(eve?.grants.map(grantText).toSorted(), ['auditor@fleet', 'operator@site:quay'])
  })

  it('a disabled account and its revoked tokens become durable together, or not at all', async () => {
    orThrow(await addAccount(fleet.world, await root(), asked('max')))
    const max = orThrow(await admit(fleet.world, { by: 'certificate', person: 'max' }))
    const wanted = { label: 'x', grants: null, lifeMillis: millis(60_000) }
    orThrow(await makeToken({ world: fleet.world, random: nodeRandom }, max, 'max', wanted))
    const stands = async () => {
      const account = orThrow(await accountsOf(fleet.world)).find(({ id }) => id === 'max')
      const [token] = orThrow(await credentialsOf(fleet.world, 'max'))
      return [account?.standing.at, token?.revoked === null ? 'in force' : 'revoked']
    }
    const disable = async () => editAccount(fleet.world, await root(), 'max', { disabled: 'left' })
    await lost('before', disable)
    assert.deepEqual(await stands(), ['active', 'in force'])
    await lost('behind', disable)
    assert.deepEqual(await stands(), ['disabled', 'revoked'])
  })
})
