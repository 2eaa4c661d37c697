import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { type HttpsServer, isForBrowsers, peer, requirePeer, sendRefusal } from '../../../adapters/http-server.ts'
import { utf8 } from '../../../core/encoding/bytes.ts'
import { after, millis } from '../../../core/encoding/units.ts'
import type { Once, Repeatable } from '../../../core/fleet/answer-rows.ts'
import type { Identity } from '../../../core/fleet/identity.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import type { Who } from '../../../flows/admit.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import type { Access, AccountAccess, GatewayAccess, OpenAccess, SharedAccess } from '../../../wire/access.ts'
import { KEPT_MILLIS, readIdempotencyKey } from '../../../wire/idempotency.ts'
import { type BodyOf, isRaw, type QueryOf, type RouteSpec } from '../../../wire/route.ts'
import { attempting, whoOf } from '../gate.ts'
import type { Page } from './page.ts'
import type { FleetDoor } from './parts.ts'

type Gateway = Identity & { readonly kind: 'gateway' }

/** Who asks, by what a route says of who may. */
type PeerOf<A extends Access> = A extends GatewayAccess
  ? Gateway
  : A extends SharedAccess
    ? Gateway | Who
    : A extends OpenAccess
      ? null
      : Who

/** What a route was asked. The query and the body are as its schemas say; names in the path are any text. */
export type Asked<S extends RouteSpec> = {
  readonly params: Readonly<Record<string, string>>
  readonly query: QueryOf<S>
  readonly body: BodyOf<S>
  readonly peer: PeerOf<S['access']>
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What a route came to: what it answers, a refusal, or the reply when it has answered by itself. */
type Outcome = object | null | Refusal | FastifyReply

/**
 * Opens a route: who asks is known before a byte of the body is read, and nothing reaches `handle` that the schemas do
 * not describe. This is the only way to open one.
 */
export function shows<S extends RouteSpec>(
  server: HttpsServer,
  spec: S,
  handle: (asked: Asked<S>) => Outcome | Promise<Outcome>,
): void {
  const { method, query, body, bodyLimit } = spec
  // Nobody who comes there is a gateway: what is for gateways alone is not there either.
  if (spec.access.for === 'gateways' && isForBrowsers(server)) return
  const schema: FastifySchema = {
    ...(query === undefined ? {} : { querystring: query }),
    ...(body === undefined || isRaw(body) ? {} : { body }),
  }
  server.route({
    method,
    url: urlOf(spec),
    schema,
    ...(bodyLimit === undefined ? {} : { bodyLimit }),
    config: { access: spec.access },
    handler: async (request, reply) => {
      const asked = { ...(request as unknown as Asked<S>), peer: callerOf(request, spec.access), request, reply }
      const { query, body } = request
      const outcome = await handle({ ...asked, params: paramsOf(spec, request), query, body } as Asked<S>)
      // A reply can be awaited: a route that answered with it comes to nothing, once it is sent.
      return outcome === undefined ? reply : send(reply, spec, outcome)
    },
  })
}

/** The path as the router takes it: `*` stands for all that is left. */
const urlOf = ({ path, rest }: RouteSpec): string =>
  path.replace(/\{\w+\}$/, last => (rest === true ? '*' : last)).replaceAll(/\{(\w+)\}/g, ':$1')

function paramsOf({ path, rest }: RouteSpec, { params }: FastifyRequest): Record<string, string> {
  const { '*': left = '', ...named } = params as Record<string, string>
  const [, last = ''] = /\{(\w+)\}$/.exec(path) ?? []
  return rest === true ? { ...named, [last]: left } : named
}

/** Who asks: the gate has judged them, and what is not theirs has not come here. */
function callerOf(request: FastifyRequest, access: Access): Gateway | Who | null {
  if (access.for === 'strangers') return null
  if (access.for === 'gateways') return requirePeer(request, 'gateway')
  const identity = access.for === 'gateways-or' ? peer(request) : null
  return identity?.kind === 'gateway' ? identity : whoOf(request)
}

/** An attempt to change something: its name in the log, what does it, and its answer where that is not the result itself. */
export type Change<T> = {
  readonly attempt: string
  readonly run: () => Promise<T | Refusal>
  readonly say?: (result: T) => object
  /**
   * What follows from it and takes long: once what was decided is durable, and in turns of its own. It is also done when the
   * request is repeated, and goes on from where it stands.
   */
  readonly follow?: () => Promise<unknown>
}

/**
 * Opens a route by which a person changes something whose request or answer holds a secret: neither may become durable, so
 * that it is carried out each time that it is asked for. Otherwise as `changes`.
 */
export function changesSecrets<S extends RouteSpec & { readonly access: AccountAccess }, T extends object | null>(
  server: HttpsServer,
  spec: S,
  plan: (asked: Asked<S>) => Change<T>,
): void {
  shows(server, spec, async asked => {
    const { attempt, run } = plan(asked)
    attempting(asked.request, attempt)
    return run()
  })
}

/**
 * Opens a route by which a person changes something. With an `Idempotency-Key` it may be repeated: it is carried out
 * once, and its answer becomes durable with what it decides. A refused attempt is an event of its own: the gate puts it into
 * the log before it is answered.
 */
export function changes<S extends RouteSpec & { readonly access: AccountAccess }, T extends object | null>(
  server: HttpsServer,
  { world }: FleetDoor,
  spec: S,
  plan: (asked: Asked<S>) => Change<T>,
): void {
  shows(server, spec, async asked => {
    const person = asked.peer.id
    const { attempt, run, say, follow } = plan(asked)
    attempting(asked.request, attempt)
    const write = (result: T): Uint8Array => utf8(JSON.stringify(say === undefined ? result : say(result)))
    const request = repeatable(asked.request, person, world)
    if (isRefusal(request)) return request
    const result = request === null ? written(await run(), write) : await world.store.once(request, run, write)
    if (isRefusal(result)) return result
    await follow?.()
    if (result.at === 'repeated') asked.reply.header('idempotent-replayed', 'true')
    return asked.reply.code(successOf(spec)).type('application/json; charset=utf-8').send(Buffer.from(result.answer))
  })
}

function written<T>(result: T | Refusal, write: (result: T) => Uint8Array): Once | Refusal {
  return isRefusal(result) ? result : { at: 'done', answer: write(result) }
}

/** What a request is kept under, when it has a key. Refuses `idempotency-key-malformed`. */
function repeatable(request: FastifyRequest, person: string, world: FleetWorld): Repeatable | null | Refusal {
  const key = readIdempotencyKey(request.headers['idempotency-key'])
  if (key === null || isRefusal(key)) return key
  const now = world.clock.now()
  // The body as it was read: members in their order. Whoever repeats a request sends it as it was.
  const whole = `${request.method} ${request.url}\n${JSON.stringify(request.body)}`
  return { person, key, fingerprint: world.crypto.sha256(utf8(whole)), now, expires: after(now, millis(KEPT_MILLIS)) }
}

const successOf = ({ answers }: RouteSpec): number => Number(Object.keys(answers)[0])

function send(reply: FastifyReply, spec: RouteSpec, outcome: object | null): FastifyReply {
  if (isRefusal(outcome)) return sendRefusal(reply, outcome)
  const status = successOf(spec)
  if (!isPage(outcome)) return reply.code(status).send(outcome ?? undefined)
  linkTo(reply, outcome.next)
  return reply.code(status).send(outcome.items)
}

const isPage = (outcome: object | null): outcome is Page<unknown> =>
  outcome !== null && 'items' in outcome && 'next' in outcome

/** RFC 8288: says where the next page is, with the same filters, when there is one. */
export function linkTo(reply: FastifyReply, cursor: string | null): void {
  if (cursor === null) return
  const [path = '', query = ''] = reply.request.url.split('?')
  const fields = new URLSearchParams(query)
  fields.set('cursor', cursor)
  reply.header('link', `<${path}?${fields}>; rel="next"`)
}
