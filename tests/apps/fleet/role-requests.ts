import { toBase64 } from '../../../src/core/encoding/bytes.ts'
import { ACTIONS, type Action, ROLE_NAMES, type Role } from '../../../src/core/fleet/roles.ts'
import { planOf } from '../../core/campaign/plans.ts'

/** What the tests of the table of roles ask a door with. */

export const PLAN = planOf([2])
export const SITE = 'harbour'
export const REGION = 'nl'

export type Ask = readonly [method: string, path: string, body?: object]
const COMMANDS = `/v1/campaigns/${PLAN.id}/commands`

/**
 * A request for each action, about the site: one that whoever may do it is refused for another reason, or that changes
 * nothing. An action without one does not compile.
 */
export const ASKS: Readonly<Record<Action, Ask>> = {
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
export function isLetIn(role: Role, scope: string, action: Action): boolean {
  const { at, may } = ACTIONS[action]
  if (may[ROLE_NAMES.indexOf(role)] !== true) return false
  // A plan is judged at its sites when they are known: here none is published, and whoever plans anywhere gets so far.
  if (at === 'shared' || action === 'plan') return true
  return (at === 'fleet' ? ['fleet'] : ['fleet', `region:${REGION}`, `site:${SITE}`]).includes(scope)
}
