import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventScope } from '../../../src/apps/fleet/api/event-scope.ts'
import type { Grant, Role } from '../../../src/core/fleet/roles.ts'
import type { AuditEntry } from '../../../src/core/ledger/entry.ts'
import { record } from '../../../src/flows/audit.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const at = (role: Role, site: string): Grant => ({ role, scope: { at: 'site', site } })
const over = (role: Role): Grant => ({ role, scope: { at: 'fleet' } })

describe('what of the log somebody may see as it happens', () => {
  let fleet: QuietFleet
  let entries: AuditEntry[]
  before(async () => {
    fleet = await QuietFleet.make({ approvers: 1, threshold: 1 })
    await fleet.site('quay')
    await fleet.site('reef')
    const actor = { kind: 'fleet', id: 'quiet' } as const
    await fleet.world.store.exclusive(() =>
      record(fleet.world, {}, [
        { kind: 'controller-confirmed', actor, site: 'quay', controller: 'c0', detail: {} },
        { kind: 'controller-confirmed', actor, site: 'reef', controller: 'c0', detail: {} },
        { kind: 'wave-opened', actor, campaign: 'nobody-knows', detail: {} },
        { kind: 'access-refused', actor, detail: { attempt: 'publish' } },
      ]),
    )
    entries = (await fleet.entries()).slice(-4)
  })
  after(() => fleet.close())

  const rows: readonly (readonly [string, readonly Grant[], readonly boolean[]])[] = [
    ['an auditor of the fleet', [over('auditor')], [true, true, true, true]],
    ['a planner of the fleet', [over('planner')], [true, true, true, false]],
    ['an operator of one site', [at('operator', 'quay')], [true, false, false, false]],
    ['an operator of the other', [at('operator', 'reef')], [false, true, false, false]],
    ['an auditor of one site', [at('auditor', 'quay')], [true, false, false, false]],
    ['an operator of a site that is not there', [at('operator', 'dock')], [false, false, false, false]],
    ['a release manager', [over('release-manager')], [false, false, false, false]],
    ['nobody', [], [false, false, false, false]],
  ]
  for (const [name, grants, expected] of rows) {
    test(`attack: an event outside the reader’s scope: ${name}`, async () => {
      const who = { id: 'ada', disabled: false, grants, narrowed: null, by: 'certificate' } as const
      const scope = eventScope(fleet.world, who as unknown as Parameters<typeof eventScope>[1])
      const seen = await Promise.all(entries.map(entry => scope.entry(entry)))
      assert.deepEqual(seen, expected)
      const narrowed = { ...who, narrowed: [at('operator', 'reef')] }
      const narrow = eventScope(fleet.world, narrowed as unknown as Parameters<typeof eventScope>[1])
      const left = await Promise.all(entries.map(entry => narrow.entry(entry)))
      assert.deepEqual(left, [false, expected[1], false, false], 'a token that is narrower sees less')
    })
  }
})
