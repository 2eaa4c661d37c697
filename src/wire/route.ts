import { type Static, type TSchema, Type } from 'typebox'
import type { RefusalCode } from '../core/refusal/registry.ts'
import type { Access } from './access.ts'

/** A body that is not JSON. */
export type Raw = { readonly type: string; readonly what: string }

/**
 * A route of the fleet's API: the one text that the server validates requests by, that tests hold every answer to, and
 * that the OpenAPI document is made of.
 */
export type RouteSpec = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As OpenAPI writes it: `/v1/campaigns/{id}`. */
  readonly path: `/${string}`
  /** Its name in the OpenAPI document (operationId). */
  readonly id: string
  readonly tag: string
  readonly summary: string
  readonly access: Access
  /** What the names in braces mean. */
  readonly params?: Readonly<Record<string, TSchema>>
  /** The last name in braces takes all that is left of the path, slashes too. */
  readonly rest?: true
  readonly query?: TSchema
  readonly body?: TSchema | Raw
  /** The largest body, in bytes, where it may be more than 4 MiB. */
  readonly bodyLimit?: number
  /** By status. Null: no body. */
  readonly answers: Readonly<Record<number, TSchema | Raw | null>>
  /** Its request or its answer holds a secret: nothing of it is kept, and it is carried out each time that it is asked for. */
  readonly secret?: true
  /** A list that is given out in pages: its answer may carry a `Link` to the next one (see core/fleet/page.ts). */
  readonly paged?: true
  /** The codes that a caller of this route has to reckon with, beside those of every route. */
  readonly codes: readonly RefusalCode[]
}

/** A route as it stands, with the types of its parts. */
export const route = <const S extends RouteSpec>(spec: S): S => spec

export const isRaw = (body: TSchema | Raw | null | undefined): body is Raw =>
  typeof body === 'object' && body !== null && 'what' in body && typeof body.what === 'string'

/** What a request of a route holds, by its schema; nothing where it has none. */
export type BodyOf<S extends RouteSpec> = S extends { readonly body: infer B extends TSchema } ? Static<B> : unknown
export type QueryOf<S extends RouteSpec> = S extends { readonly query: infer Q extends TSchema } ? Static<Q> : unknown

const closed = { additionalProperties: false }

/** The query of a list: from where on, and how many at most. Numbers are digits: a query knows only text. */
export const pageFields = {
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 512, description: 'from the Link of the page before; opaque' }),
  ),
  limit: Type.Optional(
    Type.String({ pattern: '^(?:[1-9][0-9]{0,2}|1000)$', description: 'how many at most: 1 to 1000; absent: 200' }),
  ),
}
export const PageQuery = Type.Object(pageFields, closed)
export type PageQuery = Static<typeof PageQuery>
