import assert from 'node:assert/strict'
import type { World } from '../../sim/doors/world.ts'
import type { Answer } from '../../src/adapters/link-https/client.ts'
import { fromBase64 } from '../../src/core/encoding/bytes.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import type { EntryKind } from '../../src/core/ledger/entry-kinds.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { routeOf } from '../../src/wire/fleet-routes.ts'
import type { AuditPage } from '../../src/wire/fleet-views.ts'
import { ask } from './people.ts'

/** What an accepted request of each route that changes something leaves in the log: one of these kinds, or nothing, and why. */
export const LEAVES: Readonly<Record<string, readonly EntryKind[] | string>> = {
  signIn: ['access-granted'],
  askChallenge: 'it changes nothing: it says how one may sign in',
  signOut: ['access-ended'],
  askPasskey: 'it changes nothing: it says what an authenticator is asked for',
  addPasskey: ['account-changed'],
  renamePasskey: ['account-changed'],
  removePasskey: ['account-changed'],
  endSessions: ['access-ended'],
  addAccount: ['account-changed'],
  changeAccount: ['account-changed'],
  forgetAccount: ['account-forgotten'],
  changePassword: ['account-changed'],
  makeToken: ['account-changed'],
  revokeCredential: ['access-ended'],
  certifyAccount: ['certificate-event'],
  enrolSite: ['site-registered', 'certificate-event'],
  sendUpstream: ['controller-report', 'download-finished'],
  sendWitnessing:
    'a signature of the log: beside the log, or each would be followed by the next one. A refusal is a witness-alarm',
  showPlant: 'a picture for who looks at a site: it is kept in memory, while they look',
  storeBlob: 'bytes that nothing points to: what is published with them is an entry with their digest',
  publish: ['release-published', 'repository-updated'],
  makePatch: ['patch-wanted'],
  closeCeremony: ['ceremony-closed', 'root-rotated'],
  createCampaign: ['campaign-created'],
  approveCampaign: ['approval-signed'],
  rejectCampaign: ['plan-rejected'],
  bringWraps: ['content-keys-wrapped'],
  commandCampaign: ['campaign-started', 'campaign-paused', 'campaign-resumed', 'campaign-retried', 'campaign-halted'],
  checkInventory: 'it changes nothing where all is well: what is not is an intrusion-signal',
  beginImport: 'it waits for its end, which is the entry',
  stageImport: 'it waits for its end, which is the entry',
  endImport: ['inventory-imported'],
  sealPack: ['evidence-exported'],
  beginPack: 'it waits for the seal, which is the entry',
  cancelPack: 'what is not made is not sealed; what was sealed is an entry',
  createWebhook: ['webhook-created'],
  removeWebhook: ['webhook-removed'],
  sendAgain: ['delivery-repeated'],
  testReceiver: ['siem-tested'],
}

/** Which routes have left what they leave, in this process. */
export const kept = new Set<string>()

/**
 * Does a call of an API, and looks at what it left in the log: by whom it was asked, and of the kind of its route. Throws for one that
 * was accepted and left nothing, unless it is asked for what is in force already.
 */
export async function leaving<A extends Answer | Refusal>(
  world: World,
  method: string,
  path: string,
  work: () => Promise<A>,
  isNews = true,
): Promise<A> {
  const route = routeOf(method, path)
  const kinds = route === null ? undefined : LEAVES[route.id]
  if (route === null || kinds === undefined || typeof kinds === 'string') return work()
  const size = async (): Promise<number> => (await ask<{ size: number }>(world, '/v1/audit/checkpoint')).size
  const from = await size()
  const answer = await work()
  if (isRefusal(answer) || (answer as Answer).headers['idempotent-replayed'] === 'true') return answer
  const { entries } = await ask<AuditPage>(world, `/v1/audit/entries?from=${from}&to=${await size()}`)
  const left = entries.map(({ bytes }) => orThrow(parseEntry(fromBase64(bytes)!, 'an entry')))
  const asker = route.access.for === 'gateways' ? ['gateway', 'controller'] : ['person']
  const found = left.some(({ kind, actor }) => kinds.includes(kind) && asker.includes(actor.kind))
  assert.ok(found || !isNews, `${route.id} left ${left.map(({ kind }) => kind).join(', ') || 'nothing'}`)
  if (found) kept.add(route.id)
  return answer
}
