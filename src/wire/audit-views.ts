import { type Static, Type } from 'typebox'
import { PackQuery } from './evidence-api.ts'
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

const FaultView = Type.Object(
  { code: Type.String(), subject: Type.String(), expected: Type.String(), actual: Type.String() },
  closed,
)

/**
 * An evidence pack that the server makes. `state`: `done` of `of` says how far it is with it. `sealed`: the entry of the log that seals it.
 * `fault`: why it failed, as a refusal.
 */
export const PackView = Type.Object(
  {
    id: Type.String(),
    begun: Type.Integer(),
    state: Type.Union([
      Type.Literal('reading'),
      Type.Literal('sealing'),
      Type.Literal('waiting'),
      Type.Literal('proving'),
      Type.Literal('verifying'),
      Type.Literal('made'),
      Type.Literal('failed'),
      Type.Literal('cancelled'),
    ]),
    done: Type.Integer(),
    of: Type.Integer(),
    query: PackQuery,
    events: orNull(Type.Integer()),
    bytes: orNull(Type.Integer()),
    sealed: orNull(Type.Integer()),
    fault: orNull(FaultView),
    warnings: List(Type.String()),
  },
  { ...closed, title: 'PackView' },
)
export type PackView = Static<typeof PackView>

const Clause = Type.Object(
  {
    clause: Type.String(),
    about: Type.String(),
    checked: Type.Boolean(),
    enforced: List(Type.Object({ rule: Type.String(), proof: Type.String() }, closed)),
    recorded: List(Type.Object({ what: Type.String(), kinds: List(Type.String()), events: Type.Integer() }, closed)),
    left: Type.String(),
    standing: Type.Union([
      Type.Literal('shown'),
      Type.Literal('partly'),
      Type.Literal('missing'),
      Type.Literal('unrecorded'),
    ]),
  },
  closed,
)

/**
 * GET /v1/audit/standards: clause by clause what is enforced and what is recorded, and how many events of the log, or of a period, bear
 * on it. `standing`: of every record there is an event, of some, of none; or no event shows it. No clause is called met.
 */
export const StandardsView = Type.Object(
  {
    size: Type.Integer(),
    standards: List(
      Type.Object(
        {
          standard: Type.String(),
          title: Type.String(),
          edition: Type.String(),
          source: Type.String(),
          reading: Type.Union([Type.Literal('direct'), Type.Literal('analogue')]),
          clauses: List(Clause),
        },
        { ...closed, title: 'StandardView' },
      ),
    ),
  },
  { ...closed, title: 'StandardsView' },
)
export type StandardsView = Static<typeof StandardsView>
export type StandardView = StandardsView['standards'][number]
export type ClauseView = StandardView['clauses'][number]
