import assert from 'node:assert/strict'
import { Value } from 'typebox/value'
import type { Answer } from '../../src/adapters/link-https/client.ts'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'
import { routeOf } from '../../src/wire/fleet-routes.ts'
import { isRaw } from '../../src/wire/route.ts'

/** Holds what a fleet server answered to what its API says of the route. */

type Schema = Parameters<typeof Value.Check>[0]

/** Which answers were seen, as `ROUTE STATUS`, in this process. */
export const seen = new Set<string>()

/** Throws for an answer that the route does not describe. A refusal was read as a problem already. */
export function checkAnswer<A extends Answer | Refusal>(method: string, url: string, answer: A): A {
  const route = routeOf(method, url)
  if (route === null || isRefusal(answer)) return answer
  const { status, body, headers } = answer as Answer
  const what = `${method} ${url}: ${status}`
  assert.ok(Object.hasOwn(route.answers, status), `${what} is not described`)
  const described = route.answers[status]
  const type = `${headers['content-type'] ?? ''}`.split(';')[0]
  if (described === null || described === undefined) assert.equal(body.length, 0, `${what}: a body`)
  else if (isRaw(described)) assert.equal(type, described.type, what)
  else {
    assert.equal(type, 'application/json', what)
    const value: unknown = JSON.parse(fromUtf8(body) ?? 'not UTF-8')
    const [fault] = Value.Errors(described as Schema, value)
    assert.equal(fault, undefined, `${what}: ${JSON.stringify(fault)}`)
  }
  if (headers.link !== undefined) assert.equal(route.paged, true, `${what}: a Link`)
  seen.add(`${route.id} ${status}`)
  return answer
}
