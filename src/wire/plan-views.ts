import { type Static, type TSchema, Type } from 'typebox'
import { CampaignSummary, List, StatusView } from './fleet-views.ts'

/** What the fleet server answers about a plan. */

const closed = { additionalProperties: false }

/** A site's sheet of a plan (core/campaign/sheet.ts). */
export const SheetView = Type.Object(
  {
    kind: Type.Literal('voltseal-sheet'),
    v: Type.Literal(1),
    campaign: Type.String(),
    site: Type.String(),
    turns: List(
      Type.Object(
        {
          controller: Type.String(),
          wave: Type.Integer(),
          steps: List(Type.Object({ release: Type.Integer(), order: Type.Integer() }, closed)),
        },
        closed,
      ),
    ),
  },
  closed,
)

const Refused = List(Type.Object({ code: Type.String(), controllers: Type.Integer(), why: Type.String() }, closed))
const Planned = List(Type.Object({ opens: Type.Integer(), through: Type.Integer(), judged: Type.Integer() }, closed))

/**
 * What a plan comes to, however large it is: of each wave how many, where, and what the plant misses while they are offline, in watts,
 * if all of them were at once and as far as the rules let them; what becomes of what; who is passed over, by rule; and when the waves
 * would be (instants) if nothing failed and nobody waited. A wave that would not be through in the time of the plan is not there.
 */
const outline = {
  waves: List(
    Type.Object(
      {
        name: Type.String(),
        controllers: Type.Integer(),
        sites: Type.Integer(),
        /** Those that came into the wave because others of it need them first. */
        brought: Type.Integer(),
        watts: Type.Integer(),
        wattsAtOnce: Type.Integer(),
      },
      closed,
    ),
  ),
  changes: List(
    Type.Object(
      {
        class: Type.String(),
        from: Type.String(),
        to: Type.String(),
        via: List(Type.String()),
        controllers: Type.Integer(),
      },
      closed,
    ),
  ),
  /** Changes of fewer controllers, which are not in the list. */
  otherChanges: Type.Integer(),
  refused: Refused,
  planned: Planned,
} as const

export const PlanOutline = Type.Object(outline, { ...closed, title: 'PlanOutline' })
export type PlanOutline = Static<typeof PlanOutline>

/**
 * What a plan would do: its outline, and of the first sites (those behind `behind`, where the request names one) the order of steps inside
 * them, and the next times at which they may restart (instants).
 */
export const PlanPreview = Type.Object(
  {
    ...outline,
    /** Behind these come more sites. */
    more: Type.Boolean(),
    sites: List(
      Type.Object(
        {
          site: Type.String(),
          zone: Type.String(),
          controllers: Type.Integer(),
          /** How many restarts the order takes, and how many any order takes. */
          restarts: Type.Integer(),
          leastRestarts: Type.Integer(),
          /** Null: any time. */
          windows: Type.Union([
            List(
              Type.Object(
                { from: Type.Integer(), to: Type.Integer(), localFrom: Type.String(), localTo: Type.String() },
                closed,
              ),
            ),
            Type.Null(),
          ]),
          steps: List(
            Type.Object(
              {
                order: Type.Integer(),
                wave: Type.Integer(),
                class: Type.String(),
                from: Type.String(),
                to: Type.String(),
                controllers: List(Type.String()),
              },
              closed,
            ),
          ),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'PlanPreview' },
)
export type PlanPreview = Static<typeof PlanPreview>

/**
 * What was planned: the plan's head as canonical JSON, the first of its sheets (all of a plan of few sites; the list of
 * sheets has the others), and who matched but was passed over, with the reason.
 */
export const CampaignDraft = Type.Object(
  {
    id: Type.String(),
    kept: Type.Boolean(),
    /**
     * Which dry run this is of, by the digest of its plan; when it was worked out; and how many entries the log has got since. Null:
     * the plan is kept.
     */
    dryRun: Type.Union([
      Type.Object({ of: Type.String(), at: Type.Integer(), entriesSince: Type.Integer() }, closed),
      Type.Null(),
    ]),
    plan: Type.String(),
    sheets: List(SheetView),
    preview: PlanPreview,
    /** How many were passed over; the list holds the first of them. */
    left: Type.Integer(),
    passedOver: List(
      Type.Object(
        {
          controller: Type.String(),
          code: Type.String(),
          why: Type.String(),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'CampaignDraft' },
)
export type CampaignDraft = Static<typeof CampaignDraft>

const Amounts = { controllers: Type.Integer(), watts: Type.Integer(), wattHours: Type.Integer() }
const Maybe = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/**
 * GET /v1/campaigns/ID: a campaign with all that people watch it by. Times are instants, waves count from 1.
 * - `course`: the states that it came through, and when; of one that an older server ran, from its change on.
 * - `planned`: when its waves would be if nothing failed and nobody waited, from when its first wave opened, or from now; `outline`:
 *   what the dry run said when it was planned; null: an older server planned it.
 * - `gates`: of each wave, every rule of its gate as it stands now.
 * - `out`: what is out of service by its orders, or may be; `budgets`: those of the plan that the fleet keeps, each with all that counts
 *   against it, of whatever campaign.
 * - `commands`: what the caller may tell it now, and why not. `partly`: only a roll-back that says so.
 */
export const CampaignDetail = Type.Object(
  {
    ...CampaignSummary.properties,
    createdAt: Type.Integer(),
    createdBy: Type.String(),
    notBefore: Maybe(Type.Integer()),
    notAfter: Type.Integer(),
    deadline: Maybe(Type.Integer()),
    changeRequest: Maybe(Type.String()),
    criticality: Type.String(),
    since: Maybe(Type.Integer()),
    course: List(Type.Object({ at: Type.String(), wave: Maybe(Type.Integer()), since: Type.Integer() }, closed)),
    planned: Maybe(Planned),
    outline: Maybe(PlanOutline),
    gates: List(
      List(
        Type.Object(
          { rule: Type.String(), passes: Type.Boolean(), compared: Type.Boolean(), sentence: Type.String() },
          closed,
        ),
      ),
    ),
    out: Type.Object(Amounts, closed),
    budgets: List(
      Type.Object(
        {
          per: Type.String(),
          region: Maybe(Type.String()),
          amount: Type.Union([Type.Literal('controllers'), Type.Literal('watts'), Type.Literal('wattHours')]),
          used: Type.Integer(),
          most: Type.Integer(),
        },
        closed,
      ),
    ),
    commands: List(
      Type.Object(
        {
          command: Type.String(),
          possible: Type.Boolean(),
          /** The log takes a reason of it, and it is refused without one. */
          reason: Type.Boolean(),
          partly: Type.Boolean(),
          code: Maybe(Type.String()),
          why: Maybe(Type.String()),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'CampaignDetail' },
)
export type CampaignDetail = Static<typeof CampaignDetail>

/**
 * GET /v1/approvals: a plan that waits for its approvals, with what approvers want to know of it. `back`: the way back of each release
 * that has one; `signers`: whose signature counts, since when and what they said; `void`: those that count no more. `mine`: whether
 * the caller may approve it and may reject it, and why not; `keys`: those of their keys that are in the root.
 */
export const WaitingPlan = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    criticality: Type.String(),
    changeRequest: Maybe(Type.String()),
    createdAt: Type.Integer(),
    createdBy: Type.String(),
    notBefore: Maybe(Type.Integer()),
    notAfter: Type.Integer(),
    controllers: Type.Integer(),
    sites: Type.Integer(),
    /** SHA-256 of the plan's bytes. */
    digest: Type.String(),
    outline: Maybe(PlanOutline),
    releases: List(
      Type.Object(
        {
          path: Type.String(),
          class: Type.String(),
          version: Type.String(),
          counter: Type.Integer(),
          criticality: Type.String(),
          sha256: Type.String(),
          /** The SHA-256 of what is published beside it; null: nothing of the kind. */
          sbom: Maybe(Type.String()),
          provenance: Maybe(Type.String()),
          /** The release that undoes it; null: the plan names none. */
          back: Maybe(Type.String()),
        },
        closed,
      ),
    ),
    need: Type.Integer(),
    /** What the signatures are worth together: passkeys make up all that are needed but one. */
    counted: Type.Integer(),
    signers: List(
      Type.Object(
        {
          account: Maybe(Type.String()),
          keyid: Type.String(),
          at: Maybe(Type.Integer()),
          reason: Maybe(Type.String()),
        },
        closed,
      ),
    ),
    void: StatusView.properties.alarms,
    mine: Type.Object(
      {
        approve: Type.Object(
          { possible: Type.Boolean(), code: Maybe(Type.String()), why: Maybe(Type.String()) },
          closed,
        ),
        reject: Type.Object(
          { possible: Type.Boolean(), code: Maybe(Type.String()), why: Maybe(Type.String()) },
          closed,
        ),
        keys: List(Type.String()),
      },
      closed,
    ),
  },
  { ...closed, title: 'WaitingPlan' },
)
export type WaitingPlan = Static<typeof WaitingPlan>
