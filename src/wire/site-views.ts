import { type Static, Type } from 'typebox'
import { List, WaitView } from './fleet-views.ts'

/** What the fleet server answers of one site. Times are instants, powers watts, energies watt-hours. */

const closed = { additionalProperties: false }
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])
const Window = Type.Object({ days: List(Type.String()), from: Type.String(), to: Type.String() }, closed)

/** A board as the site's description places it. */
const PlacedController = Type.Object(
  {
    id: Type.String(),
    class: Type.String(),
    hardware: Type.String(),
    link: Type.String(),
    cabinet: orNull(Type.String()),
    rack: orNull(Type.String()),
    power: orNull(Type.Number()),
    energy: orNull(Type.Number()),
    feeder: orNull(Type.String()),
    behind: orNull(Type.String()),
    circle: orNull(Type.String()),
    labels: List(Type.String()),
  },
  { ...closed, title: 'PlacedController' },
)
export type PlacedController = Static<typeof PlacedController>

/** GET /v1/sites/SITE: the site as it is described, and what goes on there. */
export const SiteView = Type.Object(
  {
    site: Type.String(),
    name: Type.String(),
    region: Type.String(),
    zone: Type.String(),
    gateway: Type.Object(
      {
        id: Type.String(),
        /** When it last called this server; null: not since the server started. */
        heardAt: orNull(Type.Integer()),
        /** Behind how long without a call it counts as silent, in milliseconds. */
        silentAfterMillis: Type.Integer(),
        /** How many items of its own log are durable here. */
        upstream: Type.Integer(),
      },
      closed,
    ),
    classes: List(
      Type.Object(
        {
          class: Type.String(),
          vendor: Type.String(),
          duty: Type.String(),
          restartMillis: Type.Integer(),
          bootloader: Type.Integer(),
        },
        closed,
      ),
    ),
    links: List(Type.Object({ id: Type.String(), kind: Type.String() }, closed)),
    groups: List(Type.Object({ id: Type.String(), members: List(Type.String()), needed: Type.Integer() }, closed)),
    /** In the order of the site's file. */
    controllers: List(PlacedController),
    /** The site's own rules (docs/site.md); its permissives stand in GET /v1/sites/SITE/plant, with their values. */
    limits: Type.Object(
      {
        windows: List(Window),
        blackouts: List(
          Type.Object(
            {
              why: Type.String(),
              days: Type.Optional(List(Type.String())),
              from: Type.Union([Type.String(), Type.Integer()]),
              to: Type.Union([Type.String(), Type.Integer()]),
            },
            closed,
          ),
        ),
        permissives: List(
          Type.Object(
            {
              point: Type.String(),
              threshold: Type.String(),
              maxAgeMillis: Type.Integer(),
              classes: orNull(List(Type.String())),
            },
            closed,
          ),
        ),
        restarting: orNull(Type.Integer()),
      },
      closed,
    ),
  },
  { ...closed, title: 'SiteView' },
)
export type SiteView = Static<typeof SiteView>

const Version = Type.Object(
  { version: Type.String(), sequence: Type.Integer(), digest: Type.String() },
  { ...closed, title: 'ReportedVersion' },
)

/** What a controller's last report says, whose signature was verified for this answer. What it does not say is null. */
const AttestedState = Type.Object(
  {
    sequence: Type.Integer(),
    /** By the controller's clock, and when the fleet took it in by its own. */
    at: Type.Integer(),
    seenAt: orNull(Type.Integer()),
    event: Type.String(),
    state: Type.String(),
    slot: Type.String(),
    running: Version,
    /** What it could go back to: the confirmed image of the other slot. */
    previous: orNull(Version),
    /** What stands in the inactive slot, verified; `armed`: the next reset tries it. */
    staged: orNull(Version),
    armed: Type.Boolean(),
    golden: orNull(Version),
    counter: Type.Integer(),
    anchors: List(Type.String()),
    /** Versions that did not hold, the newest last. */
    attempts: List(
      Type.Object({ version: Type.String(), at: Type.Integer(), phase: Type.String(), cause: Type.String() }, closed),
    ),
    figures: Type.Record(Type.String(), Type.Integer()),
    refusal: orNull(Type.Object({ code: Type.String(), subject: Type.String() }, closed)),
  },
  { ...closed, title: 'AttestedState' },
)
export type AttestedState = Static<typeof AttestedState>

/** Its turn in a campaign that has not ended. */
const PlannedTurn = Type.Object(
  {
    campaign: Type.String(),
    title: Type.String(),
    /** How the campaign stands: running, paused and so on. */
    campaignState: Type.String(),
    /** waiting, queued, assigned and so on: see core/campaign/turn.ts. */
    state: Type.String(),
    /** Of one that is ordered: ordered, staged, granted. */
    stage: orNull(Type.String()),
    wave: Type.Integer(),
    version: Type.String(),
    since: Type.Integer(),
    detail: orNull(Type.String()),
  },
  { ...closed, title: 'PlannedTurn' },
)
export type PlannedTurn = Static<typeof PlannedTurn>

/** GET /v1/sites/SITE/controllers: each registered controller: what it attested, what is planned for it, why it waits. */
export const SiteControllerView = Type.Object(
  {
    id: Type.String(),
    attested: orNull(AttestedState),
    /** Why its stored report is not believed: a refusal's code. */
    fault: orNull(Type.String()),
    turns: List(PlannedTurn),
    waits: orNull(WaitView),
  },
  { ...closed, title: 'SiteControllerView' },
)
export type SiteControllerView = Static<typeof SiteControllerView>
