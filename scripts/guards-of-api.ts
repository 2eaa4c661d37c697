import type { Guard } from './guard.ts'

const API = 'tests/apps/fleet/api.test.ts'
const DOORS = 'tests/apps/doors.test.ts'
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
]
