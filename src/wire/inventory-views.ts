import { type Static, Type } from 'typebox'
import { INCIDENTS } from '../core/fleet/incidents.ts'
import { List } from './fleet-views.ts'

/** What the fleet server answers of its inventory. Times are instants. */

const closed = { additionalProperties: false }
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])
const Said = Type.Union([Type.Literal('attested'), Type.Literal('claimed'), Type.Literal('nothing')])

/** GET /v1/inventory/controllers: a controller as its site places it, its records claim it, and it attested itself. */
export const InventoryView = Type.Object(
  {
    site: Type.String(),
    id: Type.String(),
    region: Type.String(),
    class: Type.String(),
    hardware: Type.String(),
    cabinet: orNull(Type.String()),
    rack: orNull(Type.String()),
    labels: List(Type.String()),
    /** `imported`: by a list; its gateway is not enrolled. */
    standing: Type.Union([Type.Literal('imported'), Type.Literal('enrolled'), Type.Literal('removed')]),
    claimed: orNull(Type.Object({ version: Type.String(), at: Type.Integer() }, closed)),
    /** What its last report says, whose signature was verified for this answer. */
    attested: orNull(
      Type.Object(
        {
          version: Type.String(),
          digest: Type.String(),
          state: Type.String(),
          counter: Type.Integer(),
          anchors: List(Type.String()),
          at: Type.Integer(),
        },
        closed,
      ),
    ),
    seenAt: orNull(Type.Integer()),
    /** Why what is stored of it is not believed: a refusal's code. Null: its report bears all of it out. */
    fault: orNull(Type.String()),
  },
  { ...closed, title: 'InventoryView' },
)
export type InventoryView = Static<typeof InventoryView>

/**
 * GET /v1/inventory/count: how many match; null where only reading them all would tell. `unknown`: how many more would
 * match but for the version or the counter, which nobody knows of them.
 */
export const CountView = Type.Object(
  { controllers: orNull(Type.Integer()), sites: orNull(Type.Integer()), unknown: orNull(Type.Integer()) },
  { ...closed, title: 'CountView' },
)
export type CountView = Static<typeof CountView>

/** GET /v1/inventory/sites: a site with controllers that match, and how many. */
export const SiteCountView = Type.Object(
  { site: Type.String(), region: Type.String(), controllers: Type.Integer() },
  { ...closed, title: 'SiteCountView' },
)
export type SiteCountView = Static<typeof SiteCountView>

/** GET /v1/inventory/versions: the version map of a place; `place` is empty for the fleet. An empty version: nobody knows. */
export const VersionsView = Type.Object(
  {
    place: Type.String(),
    versions: List(
      Type.Object(
        { class: Type.String(), version: Type.String(), said: Said, controllers: Type.Integer() },
        { ...closed, title: 'VersionCountView' },
      ),
    ),
  },
  { ...closed, title: 'VersionsView' },
)
export type VersionsView = Static<typeof VersionsView>

/** GET /v1/controllers/SITE/ID/versions: each version that it was said to run, oldest first, at most the newest 1,000. */
export const VersionSaidView = Type.Object(
  {
    at: Type.Integer(),
    said: Type.Union([Type.Literal('attested'), Type.Literal('claimed')]),
    version: Type.String(),
    digest: orNull(Type.String()),
  },
  { ...closed, title: 'VersionSaidView' },
)
export type VersionSaidView = Static<typeof VersionSaidView>

/**
 * POST /v1/inventory/checks: how many controllers were checked, where to go on (null: that was the last site), and what was
 * found, as refusals. What was found is in the audit log, and written anew from what holds.
 */
export const CheckView = Type.Object(
  {
    controllers: Type.Integer(),
    next: orNull(Type.String()),
    findings: List(
      Type.Object(
        { code: Type.String(), subject: Type.String(), expected: Type.String(), actual: Type.String() },
        { ...closed, title: 'Finding' },
      ),
    ),
  },
  { ...closed, title: 'CheckView' },
)
export type CheckView = Static<typeof CheckView>

const RateView = Type.Object(
  { count: Type.Integer(), rate: orNull(Type.Number()), low: orNull(Type.Number()), high: orNull(Type.Number()) },
  { ...closed, title: 'RateView' },
)

/**
 * GET /v1/inventory/incidents: what happened to a version. `rate`, `low` and `high` are per 1,000 controller-days, with exact
 * 95 % limits (core/fleet/poisson.ts); null where nothing was watched.
 */
export const IncidentsView = Type.Object(
  {
    class: Type.String(),
    version: Type.String(),
    controllerDays: Type.Number(),
    incidents: Type.Object(
      Object.fromEntries(INCIDENTS.map(kind => [kind, RateView])) as Record<
        (typeof INCIDENTS)[number],
        typeof RateView
      >,
      closed,
    ),
  },
  { ...closed, title: 'IncidentsView' },
)
export type IncidentsView = Static<typeof IncidentsView>

/** POST /v1/inventory/imports: the number of the import that was begun. */
export const ImportBegun = Type.Object({ import: Type.Integer() }, { ...closed, title: 'ImportBegun' })
export type ImportBegun = Static<typeof ImportBegun>

/** POST /v1/inventory/imports/N/lines: how many lines are staged, and what is wrong with each of the others, as a refusal. */
export const LinesStaged = Type.Object(
  {
    staged: Type.Integer(),
    faults: List(
      Type.Object(
        { line: Type.Integer(), code: Type.String(), expected: Type.String(), actual: Type.String() },
        { ...closed, title: 'LineFault' },
      ),
    ),
  },
  { ...closed, title: 'LinesStaged' },
)
export type LinesStaged = Static<typeof LinesStaged>

/** POST /v1/inventory/imports/N/end: how many controllers are in the inventory now by this import. */
export const ImportEnded = Type.Object({ taken: Type.Integer() }, { ...closed, title: 'ImportEnded' })
export type ImportEnded = Static<typeof ImportEnded>

/** GET /v1/inventory/compliance: how a site stands with a campaign. */
export const ComplianceView = Type.Object(
  {
    site: Type.String(),
    region: Type.String(),
    done: Type.Integer(),
    left: Type.Integer(),
    late: Type.Integer(),
  },
  { ...closed, title: 'ComplianceView' },
)
export type ComplianceView = Static<typeof ComplianceView>

/** GET /v1/inventory/deadlines: the campaigns that are due. */
export const DeadlineView = Type.Object(
  { campaign: Type.String(), title: Type.String(), deadline: Type.Integer() },
  { ...closed, title: 'DeadlineView' },
)
export type DeadlineView = Static<typeof DeadlineView>
