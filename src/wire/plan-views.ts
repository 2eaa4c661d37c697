import { type Static, Type } from 'typebox'
import { List } from './fleet-views.ts'

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

/**
 * What a plan would do: of each wave how many, where, and what the plant misses while they are offline, in watts, if all of
 * them were at once and as far as the rules let them; and of the first sites the order of steps inside them, and the next
 * times at which they may restart (instants).
 */
export const PlanPreview = Type.Object(
  {
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
