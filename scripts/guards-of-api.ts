import type { Guard } from './guard.ts'

const API = 'tests/apps/fleet/api.test.ts'
const DOORS = 'tests/apps/doors.test.ts'
const HOOKS = 'tests/adapters/webhook-https.test.ts'
const DELIVER = 'tests/flows/deliver.test.ts'
const SCOPE = 'tests/apps/fleet/event-scope.test.ts'
const ANSWERS = 'tests/adapters/store-sqlite/answers.test.ts'

/** The guards of the fleet's API as such: who may ask, pages, repeated requests, events and webhooks. */
export const API_GUARDS: readonly Guard[] = [
  {
    stops: 'a caller of the wrong kind at a route of the API',
    file: 'src/apps/fleet/gate.ts',
    text: "    if (access.for === 'gateways') return void requirePeer(request, 'gateway')\n",
    without: "    if (access.for === 'gateways') return\n",
    tests: DOORS,
  },
  {
    stops: 'a cursor of another list',
    file: 'src/wire/cursor.ts',
    text: 'return fits && writeCursor(list, place) === cursor ? place : invalid',
    without: 'return fits ? place : invalid',
    tests: API,
  },
  {
    stops: 'a cursor with parts of another sort',
    file: 'src/wire/cursor.ts',
    text: "return typeof part === sorts[at] && (typeof part === 'string' || (Number.isSafeInteger(part) && part >= 0))",
    without: 'return part !== null || sorts[at] !== undefined',
    tests: API,
  },
  {
    stops: 'an idempotency key that came with another request',
    file: 'src/adapters/store-sqlite/answers.ts',
    text: 'if (sameBytes(before.fingerprint, fingerprint)) return',
    without: 'if (before.fingerprint.length === fingerprint.length) return',
    tests: ANSWERS,
  },
  {
    stops: 'a request that is replayed with another body',
    file: 'src/apps/fleet/api/serve-route.ts',
    text: `\\n\${JSON.stringify(request.body)}`,
    without: '',
    tests: API,
  },
  {
    stops: 'a decision that is made again when its answer was lost',
    file: 'src/adapters/store-sqlite/answers.ts',
    text: 'await commit({ ...held, answers: [{ ...request, answer }] })',
    without: 'await commit(held)',
    tests: ANSWERS,
  },
  {
    stops: 'a reader of events that takes nothing',
    file: 'src/adapters/http-events.ts',
    text: '    if (await this.#room()) return this.#open\n',
    without: '    return this.#open\n',
    tests: 'tests/adapters/http-events.test.ts',
  },
  {
    stops: 'events from a place that the log has not come to',
    file: 'src/apps/fleet/api/events.ts',
    text: '  if (last < size) return last + 1\n',
    without: '  return last < size ? last + 1 : null\n',
    tests: API,
  },
  {
    stops: 'more streams of events than one account may hold',
    file: 'src/apps/fleet/api/events.ts',
    text: 'if (mine >= MOST.each || all >= MOST.all) {',
    without: 'if (all < 0) {',
    tests: API,
  },
  {
    stops: 'a webhook to an address of this machine or its networks',
    file: 'src/adapters/webhook-https.ts',
    text: '    if (isIP(host) !== 0 && !this.#permits(host)) return this.#refuse(host, host)\n',
    without: '',
    tests: HOOKS,
  },
  {
    stops: 'a webhook to a name that leads into this machine or its networks',
    file: 'src/adapters/webhook-https.ts',
    text: 'const bad = found.find(({ address }) => !this.#permits(address))',
    without: 'const bad = found.find(({ address }) => address === this.#ca)',
    tests: HOOKS,
  },
  {
    stops: 'a webhook to what is no address to be told',
    file: 'src/flows/deliver.ts',
    text: '    if (bad !== null) return bad\n',
    without: '',
    tests: DELIVER,
  },
  {
    stops: 'telling a subscriber who was removed meanwhile',
    file: 'src/flows/deliver.ts',
    text: '    if (now === null || now.next !== row.next || now.since !== row.since) return null\n',
    without: '',
    tests: DELIVER,
  },
  {
    stops: 'news of a webhook that cannot be told anything',
    file: 'src/core/ledger/webhook.ts',
    text: '  if (SILENT.has(entry.kind)) return false\n',
    without: '',
    tests: DELIVER,
  },
  {
    stops: 'a webhook’s secret that is shown again',
    file: 'src/apps/fleet/api/webhooks.ts',
    text: 'const viewOf = ({ secret: _, ...row }: WebhookRow',
    without: 'const viewOf = ({ ...row }: WebhookRow',
    tests: API,
  },
  {
    stops: 'answers that the database shows to its reader',
    file: 'src/adapters/store-sqlite/answers.ts',
    text: 'expires, sealed(answer, request))',
    without: 'expires, Buffer.concat([new Uint8Array(12), answer, new Uint8Array(16)]))',
    tests: ANSWERS,
  },
  {
    stops: 'an event of a site outside the reader’s scope',
    file: 'src/apps/fleet/api/event-scope.ts',
    text: '      if (entry.site !== undefined) return site(entry.site)\n',
    without: '      if (entry.site !== undefined) return true\n',
    tests: SCOPE,
  },
  {
    stops: 'an event of the whole fleet for who may not read its log',
    file: 'src/apps/fleet/api/event-scope.ts',
    text: 'return entry.campaign !== undefined && (await campaign(entry.campaign))',
    without: 'return everywhere || (entry.campaign !== undefined && (await campaign(entry.campaign)))',
    tests: SCOPE,
  },
]
