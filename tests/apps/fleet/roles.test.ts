import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { roleDocs } from '../../../scripts/role-docs.ts'
import { toBase64 } from '../../../src/core/encoding/bytes.ts'
import { millis } from '../../../src/core/encoding/units.ts'
import { ACTION_NAMES, ACTIONS, type Action, ROLE_NAMES, type Role } from '../../../src/core/fleet/roles.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { makeToken } from '../../../src/flows/appoint.ts'
import { ROUTES } from '../../../src/wire/fleet-routes.ts'
import { planOf } from '../../core/campaign/plans.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'
import { running } from '../../worlds/running.ts'

const PLAN = planOf([2])
const SITE = 'harbour'
const REGION = 'nl'
/** Everywhere; where the site is, and where it is not. */
const SCOPES = ['fleet', `region:${REGION}`, 'region:uk', `site:${SITE}`, 'site:pier'] as const

type Ask = readonly [method: string, path: string, body?: object]
const COMMANDS = `/v1/campaigns/${PLAN.id}/commands`

/**
 * A request for each action, about the site: one that whoever may do it is refused for another reason, or that changes
 * nothing. An action without one does not compile.
 */
const ASKS: Readonly<Record<Action, Ask>> = {
  publish: ['POST', '/v1/releases', { metadata: 'AAAA' }],
  'close-ceremony': ['POST', '/v1/ceremonies/image', {}],
  plan: [
    'POST',
    '/v1/campaigns',
    {
      id: 'none',
      title: 'none',
      criticality: 'feature',
      releases: ['none'],
      soakMillis: 0,
      timeoutMillis: 1,
      validMillis: 1,
      retries: 0,
      maxFailures: 0,
      dryRun: true,
    },
  ],
  approve: ['POST', `/v1/campaigns/${PLAN.id}/approvals`, { keyid: 'a'.repeat(64), sig: 'aa' }],
  reject: ['POST', `/v1/campaigns/${PLAN.id}/rejections`, { reason: 'no' }],
  'wrap-keys': ['GET', `/v1/campaigns/${PLAN.id}/wraps`],
  start: ['POST', COMMANDS, { command: 'start' }],
  pause: ['POST', COMMANDS, { command: 'pause', reason: 'no' }],
  resume: ['POST', COMMANDS, { command: 'resume' }],
  halt: ['POST', COMMANDS, { command: 'halt', reason: 'no' }],
  retry: ['POST', COMMANDS, { command: 'retry' }],
  'roll-back': ['POST', COMMANDS, { command: 'roll-back', reason: 'no' }],
  enrol: [
    'POST',
    '/v1/sites',
    {
      site: siteFile(),
      gateway: { csr: 'none', serverCsr: 'none', hosts: ['127.0.0.1'], reportKey: toBase64(new Uint8Array(8)) },
      controllers: [],
    },
  ],
  'carry-orders': ['GET', `/v1/sites/${SITE}/director/timestamp.json`],
  'read-inventory': ['GET', `/v1/controllers/${SITE}/c0`],
  'read-campaigns': ['GET', `/v1/campaigns/${PLAN.id}`],
  'read-releases': ['GET', '/v1/releases'],
  'read-metrics': ['GET', '/metrics'],
  'read-webhooks': ['GET', '/v1/webhooks'],
  'manage-webhooks': ['DELETE', '/v1/webhooks/none'],
  'fetch-files': ['GET', '/v1/repos/image/timestamp.json'],
  'read-status': ['GET', '/v1/status'],
  'read-audit': ['GET', '/v1/audit/checkpoint'],
  'read-accounts': ['GET', '/v1/accounts'],
  'manage-accounts': ['POST', '/v1/accounts/nobody/changes', { name: 'Nobody' }],
}

function siteFile(): object {
  return {
    site: SITE,
    name: SITE,
    region: REGION,
    zone: 'Europe/Amsterdam',
    vendor: 'voltworks.example',
    gateway: { id: 'g' },
    links: [{ id: 'lan', kind: 'ethernet' }],
    classes: { bms: { hardware: 'r1', slot: '64KiB', bootloader: 1 } },
    controllers: [{ id: 'c0', class: 'bms', link: 'lan' }],
  }
}

/** What a cell of the table means for a request about the site, put another way than the program puts it. */
function isLetIn(role: Role, scope: string, action: Action): boolean {
  const { at, may } = ACTIONS[action]
  if (may[ROLE_NAMES.indexOf(role)] !== true) return false
  // A plan is judged at its sites when they are known: here none is published, and whoever plans anywhere gets so far.
  if (at === 'shared' || action === 'plan') return true
  return (at === 'fleet' ? ['fleet'] : ['fleet', `region:${REGION}`, `site:${SITE}`]).includes(scope)
}

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
