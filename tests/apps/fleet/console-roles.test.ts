import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ACTION_NAMES, ROLE_NAMES, type Role } from '../../../src/core/fleet/roles.ts'
import type { WhoView } from '../../../src/wire/account-api.ts'
import { ConsoleBrowser } from '../../worlds/console-browser.ts'
import { outcome } from '../../worlds/page-browser.ts'
import { PeopleDoor } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'
import { running } from '../../worlds/running.ts'
import { ASKS, isLetIn, PLAN, SITE } from './role-requests.ts'

/** Everywhere; where the site of the requests is, and where it is not. */
const SCOPES = ['fleet', `site:${SITE}`, 'site:pier'] as const

describe('every cell of the table of roles, by a session at the console', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  let browser: ConsoleBrowser
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site(SITE, 2)
    await fleet.site('pier', 1, { region: 'uk' })
    await fleet.campaign(PLAN, running(PLAN))
    door = await PeopleDoor.open(fleet)
    browser = await ConsoleBrowser.open(door)
  })
  after(async () => {
    await browser?.close()
    await door?.close()
    fleet?.close()
  })

  for (const role of ROLE_NAMES) {
    it(`attack: privilege escalation by direct calls: ${role} does what the table says and nothing else`, async () => {
      for (const scope of SCOPES) await cell(role, scope)
    })
  }

  async function cell(role: Role, scope: (typeof SCOPES)[number]): Promise<void> {
    const id = `${role}-${scope.replace(':', '-')}`
    await door.account(id, [`${role}@${scope}`])
    await door.password(id)
    const cookie = await browser.cookie(id)
    const { may } = JSON.parse((await browser.page(cookie, 'GET', '/v1/whoami')).text) as WhoView
    for (const action of ACTION_NAMES) {
      const [method, path, body] = ASKS[action]
      const got = outcome(await browser.page(cookie, method, path, body))
      const letIn = isLetIn(role, scope, action)
      assert.equal(
        got === 'role-missing' ? 'refused' : 'let in',
        letIn ? 'let in' : 'refused',
        `${action} by ${id}: ${got}`,
      )
      // What the account is told that it may do is what it may do.
      const told = may[action].includes('fleet') || may[action].includes(`site:${SITE}`)
      // A plan for no site that is known is judged by nothing: whoever plans anywhere is told why.
      if (action !== 'plan') assert.equal(told, letIn, `${action} of ${id}: ${may[action].join(', ')}`)
    }
  }
})
