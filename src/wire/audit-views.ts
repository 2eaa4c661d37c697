import { type Static, Type } from 'typebox'
import { List } from './fleet-views.ts'

/** What the fleet server answers of its log to who looks for something in it. Times are instants. */

const closed = { additionalProperties: false }
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])

/**
 * An entry in a list. `who` with names where the reader may see accounts; `at` and `who` null: its bytes were in the archive before there
 * was a search. `from`: the gateway that wrote it first, and its number there. `summary` null: its bytes are not at hand.
 */
export const FoundEntry = Type.Object(
  {
    index: Type.Integer(),
    at: orNull(Type.Integer()),
    kind: Type.String(),
    code: orNull(Type.String()),
    site: orNull(Type.String()),
    controller: orNull(Type.String()),
    campaign: orNull(Type.String()),
    who: orNull(Type.Object({ kind: Type.String(), id: Type.String() }, closed)),
    from: orNull(Type.Object({ gateway: Type.String(), sequence: Type.Integer() }, closed)),
    summary: orNull(Type.String()),
  },
  { ...closed, title: 'FoundEntry' },
)
export type FoundEntry = Static<typeof FoundEntry>

/**
 * GET /v1/audit/search: in the order that was asked for. `next`: where to go on, as `below` or `above`; null: there is nothing more. A page
 * may be empty and have a next one: one request looks at a million entries at most. `size`: of the log.
 */
export const FoundEntries = Type.Object(
  { size: Type.Integer(), entries: List(FoundEntry), next: orNull(Type.Integer()) },
  { ...closed, title: 'FoundEntries' },
)
export type FoundEntries = Static<typeof FoundEntries>

/** GET /v1/audit/kinds: how many entries of each kind the log has, or had in a period. */
export const KindsView = Type.Object(
  { size: Type.Integer(), kinds: Type.Record(Type.String(), Type.Integer()) },
  { ...closed, title: 'KindsView' },
)
export type KindsView = Static<typeof KindsView>

/** GET /v1/audit/policy: the keys of the log and of its witnesses, and how many of them have to sign (C2SP tlog-policy). */
export const PolicyView = Type.Object({ policy: Type.String() }, { ...closed, title: 'PolicyView' })
export type PolicyView = Static<typeof PolicyView>
