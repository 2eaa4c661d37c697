import { type Static, Type } from 'typebox'
import { LEVELS, type Level, SUBJECTS, type Subject } from '../core/fleet/attention.ts'
import { List } from './fleet-views.ts'

/** What needs somebody, as the fleet server answers it. Times are instants. */

const closed = { additionalProperties: false }
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])

/** GET /v1/attention: the worst first. Controllers of a site with the same trouble are one item. */
export const AttentionView = Type.Object(
  {
    level: Type.Unsafe<Level>(Type.Union(LEVELS.map(level => Type.Literal(level)))),
    subject: Type.Unsafe<Subject>(Type.Union(SUBJECTS.map(subject => Type.Literal(subject)))),
    site: orNull(Type.String()),
    region: orNull(Type.String()),
    /** The first of the controllers. */
    controller: orNull(Type.String()),
    controllers: Type.Integer(),
    campaign: orNull(Type.String()),
    /** The refusal's code that explains it. */
    code: orNull(Type.String()),
    /** A clause behind the name of what it is about. */
    text: Type.String(),
    since: orNull(Type.Integer()),
  },
  { ...closed, title: 'AttentionView' },
)
export type AttentionView = Static<typeof AttentionView>

/** GET /v1/attention/summary: how many items there are of each level, and each region with its sites by the worst that is said of them. */
export const AttentionSummary = Type.Object(
  {
    trust: Type.Integer(),
    failed: Type.Integer(),
    attention: Type.Integer(),
    /** There is more than is counted: of one subject, more than the server looks for. */
    more: Type.Boolean(),
    sites: Type.Integer(),
    controllers: Type.Integer(),
    regions: List(
      Type.Object(
        {
          region: Type.String(),
          sites: Type.Integer(),
          controllers: Type.Integer(),
          trust: Type.Integer(),
          failed: Type.Integer(),
          attention: Type.Integer(),
        },
        { ...closed, title: 'RegionView' },
      ),
    ),
  },
  { ...closed, title: 'AttentionSummary' },
)
export type AttentionSummary = Static<typeof AttentionSummary>
export type RegionView = AttentionSummary['regions'][number]
