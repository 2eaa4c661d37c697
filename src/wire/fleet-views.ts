import { type Static, type TSchema, Type } from 'typebox'
import { AnchorJson, Sha256Name } from './fleet-api.ts'

/** What the fleet server answers. One schema serves the types, the tests of every answer and the OpenAPI document. */

const closed = { additionalProperties: false }
/** A list that nobody writes to. */
export const List = <T extends TSchema>(items: T) => Type.Immutable(Type.Array(items))

/** What an enrolled site is given: certificates, authorities, the roots of the three repositories, the anchors. */
export const EnrolledSite = Type.Object(
  {
    site: Type.String(),
    fleet: Type.Object(
      {
        url: Type.String(),
        ca: Type.String(),
      },
      closed,
    ),
    siteCa: Type.String(),
    gateway: Type.Object(
      {
        cert: Type.String(),
        serverCert: Type.String(),
      },
      closed,
    ),
    /** By controller id; `reportKey` is base64 of its SubjectPublicKeyInfo. */
    controllers: Type.Record(
      Type.String(),
      Type.Object(
        {
          cert: Type.String(),
          reportKey: Type.String(),
        },
        closed,
      ),
    ),
    /** The first root of each repository, base64 of the file. */
    roots: Type.Object(
      {
        image: Type.String(),
        approval: Type.String(),
        director: Type.String(),
      },
      closed,
    ),
    anchors: List(AnchorJson),
    /** The key of the fleet's audit log, of which the gateway is a witness, as a C2SP verifier key. */
    log: Type.String(),
  },
  { ...closed, title: 'EnrolledSite' },
)
export type EnrolledSite = Static<typeof EnrolledSite>

/** GET /v1/campaigns/ID/wraps: for whom a content key is still to be wrapped, and of which release; `?again=true`: for whom at all. */
export const WrapsView = List(
  Type.Object(
    {
      site: Type.String(),
      controller: Type.String(),
      path: Type.String(),
      envelope: Type.String(),
    },
    closed,
  ),
)
export type WrapsView = Static<typeof WrapsView>

export const CampaignControllerView = Type.Object(
  {
    site: Type.String(),
    controller: Type.String(),
    class: Type.String(),
    wave: Type.Integer(),
    /** The version that it attested when its turn began; null before that. */
    from: Type.Union([Type.String(), Type.Null()]),
    to: Type.String(),
    /** The slot that it runs from, and its security counter, as last attested. */
    slot: Type.Union([Type.String(), Type.Null()]),
    counter: Type.Union([Type.Integer(), Type.Null()]),
    /** waiting, queued, assigned, confirmed, failed and so on: see core/campaign/turn.ts. */
    state: Type.String(),
    /** How it failed; of one that is assigned, why its site does not give it its turn, as the site last said. */
    detail: Type.Union([Type.String(), Type.Null()]),
    /** From assignment to outcome, in milliseconds; null while it is open. */
    tookMillis: Type.Union([Type.Integer(), Type.Null()]),
  },
  { ...closed, title: 'CampaignControllerView' },
)
export type CampaignControllerView = Static<typeof CampaignControllerView>

/** GET /v1/campaigns and /v1/campaigns/ID. Its controllers are a list of their own: /v1/campaigns/ID/controllers. */
export const CampaignSummary = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    /** As in core/campaign/rollout-state.ts; `rolled-back` when it is done because everything went back. */
    state: Type.String(),
    /** The wave under way, from 1; 0 before the first; of one that is over the furthest that it came to. */
    wave: Type.Integer(),
    waves: Type.Integer(),
    reason: Type.Union([Type.String(), Type.Null()]),
    approvals: Type.Object(
      {
        have: Type.Integer(),
        need: Type.Integer(),
      },
      closed,
    ),
    /** 0 to 100; it rises as the plan's deadline draws near. */
    priority: Type.Integer(),
    /** What the campaign waits for, a sentence each. */
    waits: List(Type.String()),
    /** How many controllers stand where. */
    counts: Type.Record(Type.String(), Type.Integer()),
    /** The same of each wave. */
    tallies: List(Type.Object({ name: Type.String(), counts: Type.Record(Type.String(), Type.Integer()) }, closed)),
  },
  { ...closed, title: 'Campaign' },
)
export type CampaignSummary = Static<typeof CampaignSummary>

/** A campaign with the first of its controllers, by wave: what command line and console show. */
export type CampaignView = CampaignSummary & { readonly controllers: readonly CampaignControllerView[] }

/** GET /v1/campaigns/ID/draft: what an approver signs: the `signed` part of the approval targets as they would become. */
export const DraftView = Type.Object(
  {
    signed: Type.Record(Type.String(), Type.Unknown()),
    need: Type.Integer(),
    have: List(Type.String()),
    /** What the signatures are worth together: passkeys make up all that are needed but one. */
    counted: Type.Integer(),
    /** Signatures that were given and count no more, as refusals. */
    void: List(
      Type.Object({ code: Type.String(), subject: Type.String(), expected: Type.String(), actual: Type.String() }),
    ),
    /** With which passkeys of the caller’s account the draft can be signed: the options of `navigator.credentials.get`. */
    passkeys: List(
      Type.Object(
        {
          keyid: Type.String(),
          credentialId: Type.String({ description: 'in base64url' }),
          rpId: Type.String(),
          origin: Type.String(),
          challenge: Type.String({ description: 'in base64url: the digest of the draft, which the signature is over' }),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'DraftView' },
)
export type DraftView = Static<typeof DraftView>

/** GET /v1/status: how long what people and what the server sign still holds, and who has signed the log. Times are instants. */
export const StatusView = Type.Object(
  {
    name: Type.String(),
    metadata: List(
      Type.Object(
        {
          repository: Type.String(),
          role: Type.String(),
          version: Type.Integer(),
          expires: Type.Integer(),
          daysLeft: Type.Integer(),
        },
        closed,
      ),
    ),
    /** The director's bundles of the sites: how many, and when the first of them expires; null without sites. */
    sites: Type.Object(
      {
        count: Type.Integer(),
        firstExpires: Type.Union([Type.Integer(), Type.Null()]),
      },
      closed,
    ),
    /** The audit log. `witnessed`: how many entries enough witnesses have signed; null: the policy wants none. `at` null: nothing yet. */
    log: Type.Object(
      {
        entries: Type.Integer(),
        witnessed: Type.Union([Type.Integer(), Type.Null()]),
        witnesses: List(
          Type.Object(
            { name: Type.String(), entries: Type.Integer(), at: Type.Union([Type.Integer(), Type.Null()]) },
            closed,
          ),
        ),
      },
      closed,
    ),
    /** What a person has to see to, as refusals. */
    alarms: List(
      Type.Object(
        {
          code: Type.String(),
          subject: Type.String(),
          expected: Type.String(),
          actual: Type.String(),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'StatusView' },
)
export type StatusView = Static<typeof StatusView>

/** A rule that keeps a controller from its turn. Times are instants: when it was said, and the earliest that it can change. */
export const WaitView = Type.Object(
  {
    rule: Type.String(),
    about: Type.String(),
    sentence: Type.String(),
    value: Type.Union([Type.String(), Type.Null()]),
    threshold: Type.Union([Type.String(), Type.Null()]),
    ageMillis: Type.Union([Type.Integer(), Type.Null()]),
    nextPossible: Type.Union([Type.Integer(), Type.Null()]),
    at: Type.Integer(),
  },
  { ...closed, title: 'WaitView' },
)
export type WaitView = Static<typeof WaitView>

/** GET /v1/controllers and /v1/controllers/SITE/ID: the last attested state. */
export const ControllerView = Type.Object(
  {
    site: Type.String(),
    id: Type.String(),
    class: Type.String(),
    hardware: Type.String(),
    version: Type.Union([Type.String(), Type.Null()]),
    slot: Type.Union([Type.String(), Type.Null()]),
    counter: Type.Union([Type.Integer(), Type.Null()]),
    /** The ids of the keys whose releases it accepts. */
    anchors: Type.Union([List(Type.String()), Type.Null()]),
    state: Type.Union([Type.String(), Type.Null()]),
    reportedAt: Type.Union([Type.Integer(), Type.Null()]),
    sequence: Type.Integer(),
    /** Why its site does not give it its turn to restart, as the site last said; null: it has not said so. */
    waits: Type.Union([WaitView, Type.Null()]),
  },
  { ...closed, title: 'ControllerView' },
)
export type ControllerView = Static<typeof ControllerView>

/**
 * What a controller says in an entry that happened to it, in its own words (core/slot/history.ts, core/trust/report.ts). `at`: by
 * its clock; 0: it did not know the time. `decision`: the number of the decision; null: it stands in a report.
 */
const StepView = Type.Object(
  {
    at: Type.Integer(),
    event: Type.String(),
    decision: Type.Union([Type.Integer(), Type.Null()]),
    phase: Type.Union([Type.String(), Type.Null()]),
    slot: Type.Union([Type.String(), Type.Null()]),
    version: Type.Union([Type.String(), Type.Null()]),
    cause: Type.Union([Type.String(), Type.Null()]),
  },
  { ...closed, title: 'StepView' },
)
export type StepView = Static<typeof StepView>

/** GET /v1/controllers/SITE/ID/history: entries of the audit log, oldest first. `steps`: only of what the controller signed. */
export const HistoryView = Type.Object(
  {
    index: Type.Integer(),
    at: Type.Integer(),
    kind: Type.String(),
    code: Type.Union([Type.String(), Type.Null()]),
    summary: Type.String(),
    campaign: Type.Union([Type.String(), Type.Null()]),
    steps: List(StepView),
  },
  { ...closed, title: 'HistoryView' },
)
export type HistoryView = Static<typeof HistoryView>

/** GET /v1/breaks: where a sequence of a site does not go on. `controller` null: its gateway's own log. Numbers with both ends. */
export const BreakView = Type.Object(
  {
    number: Type.Integer(),
    site: Type.String(),
    controller: Type.Union([Type.String(), Type.Null()]),
    code: Type.String(),
    from: Type.Integer(),
    to: Type.Integer(),
    at: Type.Integer(),
  },
  { ...closed, title: 'BreakView' },
)
export type BreakView = Static<typeof BreakView>

/** GET /v1/releases. */
export const ReleaseView = Type.Object(
  {
    path: Type.String(),
    class: Type.String(),
    version: Type.String(),
    sequence: Type.Integer(),
    counter: Type.Integer(),
    hardware: List(Type.String()),
    sha256: Type.String(),
    length: Type.Integer(),
  },
  { ...closed, title: 'ReleaseView' },
)
export type ReleaseView = Static<typeof ReleaseView>

/** Pseudonyms that one request asks about at most: an address has its length. */
export const MOST_PEOPLE = 50

/** GET /v1/audit/people: whom pseudonyms of the log stand for: a name, or an address. */
export const PeopleView = Type.Record(Type.String(), Type.String())
export type PeopleView = Static<typeof PeopleView>

/** GET /v1/audit/checkpoint and /v1/audit/entries?from=&to= (at most 1,000 a page). */
export const AuditPage = Type.Object(
  {
    entries: List(
      Type.Object(
        {
          index: Type.Integer(),
          bytes: Type.String(),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'AuditPage' },
)
export type AuditPage = Static<typeof AuditPage>

export const CheckpointView = Type.Object(
  {
    size: Type.Integer(),
    checkpoint: Type.String(),
    key: Type.String(),
  },
  { ...closed, title: 'CheckpointView' },
)
export type CheckpointView = Static<typeof CheckpointView>

export const AnchorView = Type.Object(
  {
    kid: Type.String(),
    /** Whether the fleet takes releases by this key. */
    recognised: Type.Boolean(),
    /** How many controllers accept it, as they attested. */
    acceptedBy: Type.Integer(),
    /** Those that accept no other: none of them takes a release that it has not signed. */
    only: List(Type.String()),
    /** Those that reported and do not accept it. */
    lacking: List(Type.String()),
  },
  { ...closed, title: 'AnchorView' },
)
export type AnchorView = Static<typeof AnchorView>

/** A repository's root: the newest version, and the one that each site's gateway last said it trusts, null for never. */
export const RootsView = Type.Object(
  {
    repository: Type.Union([Type.Literal('image'), Type.Literal('approval'), Type.Literal('director')]),
    sites: List(
      Type.Object(
        {
          site: Type.String(),
          newest: Type.Integer(),
          trusted: Type.Union([Type.Integer(), Type.Null()]),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'RootsView' },
)
export type RootsView = Static<typeof RootsView>

/** GET /v1/anchors: which controllers accept which keys, and which roots the gateways trust. Names are `SITE/CONTROLLER`. */
export const AnchorsView = Type.Object(
  {
    controllers: Type.Integer(),
    anchors: List(AnchorView),
    /** Controllers that have never reported: nobody knows their keys. */
    unknown: List(Type.String()),
    /** Controllers that run a release whose change of keys they have not made, with the key that it is about. */
    undone: List(
      Type.Object(
        {
          controller: Type.String(),
          kind: Type.Union([Type.Literal('add'), Type.Literal('retire')]),
          kid: Type.String(),
        },
        closed,
      ),
    ),
    roots: List(RootsView),
  },
  { ...closed, title: 'AnchorsView' },
)
export type AnchorsView = Static<typeof AnchorsView>

/** POST /v1/upstream: the highest sequence of the gateway's outbox that is durable here. */
export const UpstreamTaken = Type.Object({ acknowledged: Type.Integer() }, { ...closed, title: 'UpstreamTaken' })

/** GET /v1/upstream: how far the fleet has the asking gateway's own log, and its head there, in hex. */
export const UpstreamEnd = Type.Object(
  { sequence: Type.Integer(), head: Sha256Name, restored: Type.Boolean() },
  { ...closed, title: 'UpstreamEnd' },
)
export type UpstreamEnd = Static<typeof UpstreamEnd>

/** POST /v1/releases: the version of the targets, and the paths that are new with it. */
export const Published = Type.Object(
  { version: Type.Integer(), published: List(Type.String()) },
  { ...closed, title: 'Published' },
)

/** POST /v1/ceremonies/REPOSITORY: the root's version, and in how many repositories it is. */
export const CeremonyClosed = Type.Object(
  { version: Type.Integer(), repositories: Type.Integer() },
  { ...closed, title: 'CeremonyClosed' },
)

/** POST /v1/campaigns/ID/approvals. */
export const Approved = Type.Object(
  { need: Type.Integer(), have: Type.Integer(), approved: Type.Boolean() },
  { ...closed, title: 'Approved' },
)

/** POST /v1/campaigns/ID/wraps: how many were taken, and how many are still to come. */
export const WrapsTaken = Type.Object(
  { taken: Type.Integer(), missing: Type.Integer() },
  { ...closed, title: 'WrapsTaken' },
)

/** POST /v1/campaigns/ID/commands: what was decided. How the campaign stands then is asked for by itself. */
export const CommandTaken = Type.Object(
  { campaign: Type.String(), command: Type.String() },
  { ...closed, title: 'CommandTaken' },
)
export type CommandTaken = Static<typeof CommandTaken>
