import { type RefusalCode, registry } from '../core/refusal/registry.ts'
import { PROBLEM_TYPE, Problem } from './problem.ts'
import { isRaw, type Raw, type RouteSpec } from './route.ts'

/**
 * The OpenAPI 3.1 document of the fleet's API, from the same schemas that requests are judged by and that tests hold
 * answers to. TypeBox schemas are JSON Schema 2020-12, which OpenAPI 3.1 takes as it is: what is left to do is to give
 * schemas with a title a place of their own, and to say which refusals there are.
 */
export function openApi(routes: readonly RouteSpec[]): object {
  const schemas: Record<string, unknown> = {}
  const place = (schema: unknown): unknown => placed(schema, schemas)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const operations = paths[route.path] ?? {}
    paths[route.path] = operations
    operations[route.method.toLowerCase()] = operation(route, place)
  }
  place(Problem)
  const codes = (Object.keys(registry) as RefusalCode[]).sort()
  schemas.ProblemCode = { type: 'string', enum: codes, description: 'every code that there is: docs/refusals.md' }
  ;(schemas.Problem as { properties: Record<string, unknown> }).properties.code = ref('ProblemCode')
  return {
    openapi: '3.1.0',
    info: {
      title: 'Voltseal fleet API',
      version: '1',
      description:
        'Firmware updates for battery storage and EV charging. Callers prove who they are by a certificate of the fleet’s own authority (TLS 1.3). Every refusal is a problem of RFC 9457 whose type names its code.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'https://{host}', variables: { host: { default: 'localhost:8443' } } }],
    security: [{ certificate: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map(name => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        certificate: {
          type: 'mutualTLS',
          description: 'a certificate of a person or a gateway, of the fleet’s authority',
        },
      },
    },
    'x-refusals': Object.fromEntries(
      codes.map(code => {
        const { status, action, title, fix } = registry[code]
        return [code, { type: `urn:voltseal:refusal:${code}`, status, action, title, fix }]
      }),
    ),
  }
}

/** What any route may be refused for: the request itself, who asks, and the server's own faults. */
const COMMON: readonly RefusalCode[] = ['request-malformed', 'not-permitted', 'not-found', 'internal-error']

const REPEATED: readonly RefusalCode[] = ['idempotency-key-malformed', 'idempotency-key-reused']

type Place = (schema: unknown) => unknown

function operation(route: RouteSpec, place: Place): object {
  const { id, tag, summary, access, body } = route
  return {
    operationId: id,
    tags: [tag],
    summary,
    'x-access': access,
    parameters: parameters(route, place),
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body, place) } }),
    responses: { ...answers(route, place), ...problems(route) },
  }
}

function parameters(route: RouteSpec, place: Place): object[] {
  const { path, params = {}, query } = route
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    return { name, in: 'path', required: true, schema: place(params[name] ?? { type: 'string' }) }
  })
  const { properties = {}, required = [] } = (query ?? {}) as { properties?: object; required?: string[] }
  const asked = Object.entries(properties).map(([name, schema]) => {
    return { name, in: 'query', required: required.includes(name), schema: place(schema) }
  })
  return [...named, ...asked, ...(mayRepeat(route) ? [REPEAT] : [])]
}

/** What people change may be repeated under a key. A PUT is the same twice by itself. */
const mayRepeat = ({ method, access, secret }: RouteSpec): boolean =>
  /^(?:own-or|roles|command)$/.test(access.for) && method !== 'GET' && method !== 'PUT' && secret !== true

const REPEAT = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'repeated with the same key, the request is carried out once and answered as before for 24 hours',
  schema: { type: 'string', pattern: '^"[A-Za-z0-9._:~-]{16,128}"$' },
}

function answers({ answers, paged }: RouteSpec, place: Place): Record<string, object> {
  const link = {
    description: 'RFC 8288: rel="next" names the next page, when there is one',
    schema: { type: 'string' },
  }
  return Object.fromEntries(
    Object.entries(answers).map(([status, body]) => [
      status,
      {
        description: body === null ? 'no body' : isRaw(body) ? body.what : 'as asked',
        ...(paged === true ? { headers: { Link: link } } : {}),
        ...(body === null ? {} : { content: content(body, place) }),
      },
    ]),
  )
}

/** Refusals by their status; a route's own codes are those that its callers meet in ordinary use. */
function problems(route: RouteSpec): Record<string, object> {
  const { codes } = route
  const byStatus = new Map<number, RefusalCode[]>()
  for (const code of new Set([...COMMON, ...(mayRepeat(route) ? REPEATED : []), ...codes])) {
    const { status } = registry[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const body = { [PROBLEM_TYPE]: { schema: ref('Problem') } }
  const listed = [...byStatus].sort(([a], [b]) => a - b)
  return {
    ...Object.fromEntries(
      listed.map(([status, own]) => {
        const description = own.map(code => `${code}: ${registry[code].title}`).join('; ')
        return [status, { description, content: body, 'x-codes': own }]
      }),
    ),
    default: { description: 'any other refusal: its code is in x-refusals', content: body },
  }
}

function content(body: object | Raw, place: Place): object {
  if (isRaw(body as Raw)) return { [(body as Raw).type]: {} }
  return { 'application/json': { schema: place(body) } }
}

const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` })

/** A schema as plain JSON, with every titled part moved to its own place and named from here. */
function placed(schema: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(schema)) return schema.map(part => placed(part, schemas))
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, placed(part, schemas)]))
  // A member called title is a schema; a schema's title is a text.
  const { title, ...rest } = parts
  if (typeof title !== 'string') return parts
  const known = schemas[title]
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(rest))
    throw new Error(`two schemas are called ${title}`)
  schemas[title] = rest
  return ref(title)
}
