import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { roleDocs } from '../../../scripts/role-docs.ts'
import { millis } from '../../../src/core/encoding/units.ts'
import { ACTION_NAMES, type Action, ROLE_NAMES, type Role } from '../../../src/core/fleet/roles.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { makeToken } from '../../../src/flows/appoint.ts'
import { ROUTES } from '../../../src/wire/fleet-routes.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'
import { running } from '../../worlds/running.ts'
import { ASKS, type Ask, isLetIn, PLAN, REGION, SITE } from './role-requests.ts'

/** Everywhere; where the site is, and where it is not. */
const SCOPES = ['fleet', `region:${REGION}`, 'region:uk', `site:${SITE}`, 'site:pier'] as const

describe('every cell of the table of roles, at the real door', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site(SITE, 2)
    await fleet.site('pier', 1, { region: 'uk' })
    await fleet.campaign(PLAN, running(PLAN))
    door = await PeopleDoor.open(fleet)
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })

  for (const role of ROLE_NAMES) {
    it(`${role}, in each scope, does what the table says and nothing else`, async () => {
      for (const scope of SCOPES) await cell(role, scope)
    })
  }

  async function cell(role: Role, scope: string): Promise<void> {
    const id = `${role}-${scope.replace(':', '-')}`
    await door.account(id, [`${role}@${scope}`], 'service')
    const client = door.client({ bearer: await tokenOf(id) })
    for (const [action, [method, path, body]] of Object.entries(ASKS) as [keyof typeof ASKS, Ask][]) {
      const answer = await send(client, method, path, body)
      const got = isRefusal(answer) && answer.code === 'role-missing' ? 'refused' : 'let in'
      const wanted = isLetIn(role, scope, action) ? 'let in' : 'refused'
      assert.equal(got, wanted, `${action} by ${role}@${scope}: ${isRefusal(answer) ? answer.code : answer.status}`)
    }
    client.close()
  }

  /** An administrator makes the tokens of services. */
  async function tokenOf(id: string): Promise<string> {
    const asked = { label: 'cell', grants: null, lifeMillis: millis(60_000) }
    const made = await makeToken(door.reception, await door.who('administrator'), id, asked)
    if (isRefusal(made)) throw new Error(made.code)
    return made.secret
  }
})

describe('the table of roles', () => {
  it('is what docs/roles.md says (node scripts/role-docs.ts)', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/roles.md'), 'utf8')
    assert.ok(page === roleDocs(), 'run: node scripts/role-docs.ts')
  })

  it('has no action that no route asks for, and every route says who may use it', () => {
    const asked = new Set(
      ROUTES.flatMap(({ access }): Action[] => {
        if (access.for === 'command') return ['start', 'pause', 'resume', 'halt', 'retry', 'roll-back']
        return 'action' in access ? [access.action] : []
      }),
    )
    const idle = ACTION_NAMES.filter(action => !asked.has(action))
    assert.deepEqual(idle, [])
    assert.ok(ROUTES.every(({ access }) => access !== undefined))
  })
})
