import type { EntryForm } from './entry-form.ts'

/** What the entries of campaigns say (see entry-details.ts). */

const wave = { wave: 'its number, from 0', name: 'its name' } as const
const counts = { confirmed: 'how many confirmed', failed: 'how many failed', total: 'how many there are' } as const
const attempt = { attempt: 'which try it is, from 1' } as const
const report = { report: 'the number of the controller’s own report that says so' } as const
const because = { by: 'person, or the rule that did it', reason: 'why' } as const
const result = { result: 'reverted, refused, timeout or overtaken', code: 'the controller’s own word for why' } as const

const MOVES = 'core/campaign/rollout-moves.ts'
const OUTCOMES = 'core/campaign/rollout-outcomes.ts'
const ORDERS = 'core/campaign/rollout-orders.ts'

export const campaignForms = {
  'campaign-created': {
    by: 'fleet',
    flow: 'flows/plan.ts',
    says: {
      title: 'what people call it',
      criticality: 'how urgent it is',
      sha256: 'SHA-256 of the plan',
      releases: 'path and SHA-256 of each envelope',
      waves: 'name and size of each wave',
    },
  },
  'approval-signed': {
    by: 'fleet',
    flow: 'flows/approve.ts',
    says: { have: 'signatures that count by now', need: 'how many it takes', reason: 'what the approver said' },
  },
  'plan-rejected': { by: 'fleet', flow: 'flows/vouch.ts', says: { reason: 'why' } },
  'campaign-approved': { by: 'fleet', flow: 'core/campaign/rollout.ts', says: {} },
  'content-keys-wrapped': {
    by: 'fleet',
    flow: 'flows/wrap.ts',
    says: { wraps: 'how many came', replaced: 'how many stood there before', missing: 'how many are still missing' },
  },
  'campaign-started': { by: 'fleet', flow: MOVES, says: { waves: 'how many there are' } },
  'campaign-paused': { by: 'fleet', flow: MOVES, says: because },
  'campaign-resumed': { by: 'fleet', flow: MOVES, says: { wave: wave.wave, to: 'the state that it goes on in' } },
  'campaign-retried': { by: 'fleet', flow: MOVES, says: { wave: wave.wave, controllers: 'how many get another turn' } },
  'campaign-halted': { by: 'fleet', flow: MOVES, says: because },
  'campaign-done': { by: 'fleet', flow: MOVES, says: { ...counts, overtaken: 'how many ran something newer' } },
  'campaign-rolling-back': {
    by: 'fleet',
    flow: MOVES,
    says: { reason: 'why', controllers: 'how many have something to go back from' },
  },
  'campaign-rolled-back': {
    by: 'fleet',
    flow: MOVES,
    says: { returned: 'how many went back', kept: 'how many did not' },
  },
  'campaign-priority-raised': { by: 'fleet', flow: MOVES, says: { priority: '0 to 100' } },
  'wave-opened': { by: 'fleet', flow: MOVES, says: { ...wave, controllers: 'how many are in it' } },
  'wave-soaking': { by: 'fleet', flow: MOVES, says: { ...wave, until: 'when the soak ends' } },
  'wave-passed': { by: 'fleet', flow: MOVES, says: { ...wave, ...counts, said: 'what the gate found, in sentences' } },
  'wave-failed': { by: 'fleet', flow: MOVES, says: { ...wave, ...counts, said: 'what the gate found, in sentences' } },

  'controller-assigned': {
    by: 'fleet',
    flow: 'flows/campaign.ts',
    says: {
      path: 'the release’s path',
      wave: 'the wave of its turn',
      from: 'the version that it attested before',
      back: 'true: it is sent back',
    },
  },
  'controller-confirmed': {
    by: 'fleet',
    flow: OUTCOMES,
    says: { ...report, step: 'which step of its path', of: 'how many steps it has' },
  },
  'controller-failed': {
    by: 'fleet',
    flow: OUTCOMES,
    says: {
      ...result,
      ...report,
      ...attempt,
      per: 'the budget that it does not fit into',
      amount: 'of what',
      needs: 'what it needs',
      allowed: 'what the budget allows',
    },
  },
  'controller-retried': { by: 'fleet', flow: OUTCOMES, says: { ...result, ...attempt, until: 'when the try begins' } },
  'controller-again': { by: 'fleet', flow: MOVES, says: attempt },
  'controller-regressed': { by: 'fleet', flow: OUTCOMES, says: { ...result, ...report } },
  'controller-recovered': {
    by: 'fleet',
    flow: OUTCOMES,
    says: { ...report, step: 'which step of its path', of: 'how many steps it has' },
  },
  'controllers-joined': {
    by: 'fleet',
    flow: MOVES,
    says: { controllers: 'how many', some: 'the first twenty, as SITE/CONTROLLER' },
  },
  'controller-overtaken': { by: 'fleet', flow: OUTCOMES, says: report },
  'controller-returned': { by: 'fleet', flow: OUTCOMES, says: report },
  'controller-left': { by: 'fleet', flow: OUTCOMES, says: { why: 'why' } },
  'controller-kept': { by: 'fleet', flow: ORDERS, says: { why: 'why' } },
} as const satisfies Readonly<Record<string, EntryForm>>
