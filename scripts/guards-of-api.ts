import type { Guard } from './guard.ts'

const API = 'tests/apps/fleet/api.test.ts'
const DOORS = 'tests/apps/doors.test.ts'
const HOOKS = 'tests/adapters/webhook-https.test.ts'
const DELIVER = 'tests/flows/deliver.test.ts'
const SCOPE = 'tests/apps/fleet/event-scope.test.ts'
const ANSWERS = 'tests/adapters/store-sqlite/answers.test.ts'
const STREAMS = 'tests/apps/fleet/streams.test.ts'
const REACH = 'tests/apps/fleet/reach.test.ts'
const KEYED = 'tests/apps/fleet/keyed.test.ts'

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
    text: 'await commit({ ...underWay.held, answers: [{ ...request, answer }] })',
    without: 'await commit({ ...underWay.held })',
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
    text: 'if (mine >= MOST.each || this.#all >= MOST.all) return null',
    without: 'if (this.#all < 0) return null',
    tests: API,
  },
  {
    stops: 'an open stream of who is disabled or was revoked',
    file: 'src/apps/fleet/api/events.ts',
    text: 'const who = await admitAgain(world, first)',
    without: 'const who = await admitAgain({ ...world, store: world.store }, first).then(() => first)',
    tests: STREAMS,
  },
  {
    stops: 'an open stream whose token was revoked or has expired',
    file: 'src/flows/admit.ts',
    text: 'return refuseEnded(stored, row.used, world.clock.now()) ?? whoOf',
    without: 'return whoOf',
    tests: STREAMS,
  },
  {
    stops: 'a place for a reader that is kept by who hung up',
    file: 'src/adapters/http-events.ts',
    text: '    if (this.#raw.destroyed) done()\n    else this',
    without: '    this',
    tests: 'tests/adapters/http-events.test.ts',
  },
  {
    stops: 'a reader of old events who lets nobody else have their turn',
    file: 'src/apps/fleet/api/events.ts',
    text: '        await breathe()\n',
    without: '',
    tests: STREAMS,
  },
  {
    stops: 'bodies that come byte by byte and hold lines open',
    file: 'src/adapters/http-server.ts',
    text: 'const late = setTimeout(() => raw.complete || raw.destroy(), body)',
    without: 'const late = setTimeout(() => raw.complete, body)',
    tests: 'tests/adapters/http-server.test.ts',
  },
  {
    stops: 'an upload that stands still',
    file: 'src/adapters/http-server.ts',
    text: '  raw.socket.setTimeout(silence)\n',
    without: '',
    tests: 'tests/adapters/http-server.test.ts',
  },
  {
    stops: 'a cursor that names what its reader may not see',
    file: 'src/apps/fleet/views.ts',
    text: 'seen.all ? world.store.controllersBehind(after, count) : controllersSeen(world, seen, after, count)',
    without: 'world.store.controllersBehind(after, count)',
    tests: REACH,
  },
  {
    stops: 'a campaign elsewhere, told by whether its name is a place in a list',
    file: 'src/apps/fleet/campaign-views.ts',
    text: 'if (seen.all || (await isSeen(world, row.id, seen))) rows.push(row)',
    without: 'rows.push(row)',
    tests: REACH,
  },
  {
    stops: 'a site elsewhere, named by what refuses a campaign',
    file: 'src/apps/fleet/places.ts',
    text: "const known = beyond.find(place => mayDo(who, 'read-inventory', place) === null)",
    without: 'const known = beyond[0]',
    tests: REACH,
  },
  {
    stops: 'a site elsewhere, named by the status of the fleet',
    file: 'src/apps/fleet/views.ts',
    text: 'if (await seen.at(id)) sites.push(id)',
    without: 'sites.push(id)',
    tests: REACH,
  },
  {
    stops: 'a site that is moved into a region by who has a role there',
    file: 'src/apps/fleet/places.ts',
    text: 'return place.region === site.region ? [wanted] : [regionPlace(place.region), regionPlace(site.region)]',
    without: 'return [wanted, place]',
    tests: REACH,
  },
  {
    stops: 'a step of a repeatable request that does not see the one before it',
    file: 'src/adapters/store-sqlite/answers.ts',
    text: '      await settle(request, commit)\n      return work()\n',
    without: '      return work()\n',
    tests: ANSWERS,
  },
  {
    stops: 'an answer that is given to another account',
    file: 'src/adapters/store-sqlite/answers.ts',
    text: "'SELECT fingerprint, answer FROM answer WHERE person = ? AND key = ? AND expires > ?'",
    without: "'SELECT fingerprint, answer FROM answer WHERE person >= substr(?, 1, 0) AND key = ? AND expires > ?'",
    tests: KEYED,
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
    text: '      if (entry.site !== undefined) return seen.at(entry.site)\n',
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
