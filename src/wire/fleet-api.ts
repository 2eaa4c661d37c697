import { type Static, type TSchema, Type } from 'typebox'
import { toBase64 } from '../core/encoding/bytes.ts'
import { decryptionKeyStatement } from '../core/fleet/decryption-key.ts'

/**
 * What passes through the fleet server's door. One schema serves validation, types and (later) the OpenAPI document.
 * Who may call what: a person's certificate for everything but `check-in` and `upstream`, a gateway's for those two,
 * for its own site's repositories, and for blobs.
 */

export const Name = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$' })
export const Sha256Name = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Base64 = (maxBytes: number) => Type.String({ maxLength: Math.ceil(maxBytes / 3) * 4 })
const closed = { additionalProperties: false }
/** A list that nobody writes to. */
export const List = <T extends TSchema>(items: T) => Type.Immutable(Type.Array(items))

/** POST /v1/upstream: a gateway's outbox in order, and the site manifest as it stands. */
export const UpstreamBatch = Type.Object(
  {
    manifest: Base64(1 << 20),
    items: Type.Array(
      Type.Object(
        {
          sequence: Type.Integer({ minimum: 1 }),
          kind: Type.Union([Type.Literal('entry'), Type.Literal('report')]),
          bytes: Base64(1 << 16),
        },
        closed,
      ),
      { maxItems: 500 },
    ),
  },
  closed,
)
export type UpstreamBatch = Static<typeof UpstreamBatch>

/**
 * What a device asks for when it is enrolled: a certificate for its own key, and the registration of its report key and of
 * its decryption key, which the report key has signed (`decryptionKeyStatement`). An element of before has none.
 */
export const DeviceRequest = Type.Object(
  {
    id: Name,
    csr: Type.String({ maxLength: 8192 }),
    reportKey: Base64(1024),
    decryption: Type.Optional(Type.Object({ key: Base64(1024), signature: Base64(1024) }, closed)),
  },
  closed,
)
export type DeviceRequest = Static<typeof DeviceRequest>

/** A device's request, made with its secure element. `csr` proves that it holds the key of its certificate. */
export function deviceRequest(
  id: string,
  csr: string,
  element: {
    readonly reportKey: { readonly spki: Uint8Array }
    readonly decryptionKey: Uint8Array | null
    signReport(message: Uint8Array): Uint8Array
  },
): DeviceRequest {
  const request = { id, csr, reportKey: toBase64(element.reportKey.spki) }
  const key = element.decryptionKey
  if (key === null) return request
  const signature = toBase64(element.signReport(decryptionKeyStatement(key)))
  return { ...request, decryption: { key: toBase64(key), signature } }
}

/** POST /v1/sites: a site as its `site.yaml` says (parsed), its gateway's and its controllers' requests. */
export const EnrolSite = Type.Object(
  {
    site: Type.Unknown(),
    gateway: Type.Object(
      {
        csr: Type.String({ maxLength: 8192 }),
        serverCsr: Type.String({ maxLength: 8192 }),
        /** DNS names and addresses under which the site's controllers reach it. */
        hosts: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), { minItems: 1, maxItems: 16 }),
        reportKey: Base64(1024),
      },
      closed,
    ),
    controllers: Type.Array(DeviceRequest, { maxItems: 10_000 }),
    /** Controllers that a person says are other devices than the ones registered: their old keys count for nothing. */
    replaced: Type.Optional(Type.Array(Name, { maxItems: 10_000 })),
  },
  closed,
)
export type EnrolSite = Static<typeof EnrolSite>

/** A firmware anchor: a public key that signs envelopes. `spki` is base64 of its SubjectPublicKeyInfo. */
export const AnchorJson = Type.Object({ kid: Type.String(), alg: Type.String(), spki: Type.String() }, closed)
export type AnchorJson = Static<typeof AnchorJson>

/**
 * What a fleet wants of a release before it is published (`publish` of fleet.yaml, GET /v1/publish-policy): which evidence
 * must be there, whose builds count (any, when the list is empty), whose signature a provenance statement must bear.
 */
export const PublishPolicyJson = Type.Object(
  {
    demand: Type.Array(Type.Union([Type.Literal('sbom'), Type.Literal('provenance')]), { maxItems: 2 }),
    builders: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 64 }),
    provenanceKeys: Type.Array(AnchorJson, { maxItems: 16 }),
  },
  closed,
)
export type PublishPolicyJson = Static<typeof PublishPolicyJson>

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
  },
  { ...closed, title: 'EnrolledSite' },
)
export type EnrolledSite = Static<typeof EnrolledSite>

/** Bins of hashed target paths that change with the top-level targets, by role name. */
const Bins = Type.Record(Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }), Base64(8 << 20), {
  maxProperties: 1 << 14,
})
/** The largest body that carries bins, in bytes: all bins of a repository of a hundred thousand targets. */
export const MAX_BINS_BODY = 64 << 20

/**
 * POST /v1/releases: new image-targets metadata, already signed, whose new blobs have been uploaded before; with the bins
 * that change, in a repository that has bins or gets them.
 */
export const PublishRelease = Type.Object({ metadata: Base64(4 << 20), bins: Type.Optional(Bins) }, closed)
export type PublishRelease = Static<typeof PublishRelease>

/**
 * POST /v1/ceremonies/REPOSITORY (image, approval, director): what was signed at a ceremony: the next root, the next
 * targets, or both. Answers the root's version and in how many repositories it is.
 */
export const CloseCeremony = Type.Object(
  { root: Type.Optional(Base64(512 << 10)), targets: Type.Optional(Base64(8 << 20)), bins: Type.Optional(Bins) },
  closed,
)
export type CloseCeremony = Static<typeof CloseCeremony>

const Names = Type.Array(Name, { maxItems: 1000 })
const Span = Type.Integer({ minimum: 0, maximum: 90 * 86_400_000 })

/**
 * POST /v1/campaigns: what is asked for; the server makes the plan of it (core/campaign/draft.ts): one controller of
 * each class as the canary, then the rest. With `dryRun` nothing is kept.
 */
export const CreateCampaign = Type.Object(
  {
    id: Name,
    title: Type.String({ minLength: 1, maxLength: 160 }),
    changeRequest: Type.Optional(Type.String({ minLength: 1, maxLength: 120 })),
    criticality: Type.Union([
      Type.Literal('security'),
      Type.Literal('safety'),
      Type.Literal('feature'),
      Type.Literal('content'),
    ]),
    releases: Type.Array(Type.String({ maxLength: 512 }), { minItems: 1, maxItems: 64 }),
    sites: Type.Optional(Names),
    classes: Type.Optional(Names),
    controllers: Type.Optional(Type.Array(Type.String({ maxLength: 130 }), { maxItems: 1000 })),
    soakMillis: Span,
    timeoutMillis: Span,
    validMillis: Span,
    retries: Type.Integer({ minimum: 0, maximum: 10 }),
    maxFailures: Type.Integer({ minimum: 0, maximum: 50_000 }),
    /** Whoever does not accept a release's keys yet gets the next release on the way there. */
    stepping: Type.Optional(Type.Boolean()),
    dryRun: Type.Boolean(),
  },
  closed,
)
export type CreateCampaign = Static<typeof CreateCampaign>

/** What was planned: the plan as canonical JSON, and who matched but was passed over, with the reason. */
export const CampaignDraft = Type.Object(
  {
    id: Type.String(),
    kept: Type.Boolean(),
    plan: Type.String(),
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

/** POST /v1/campaigns/ID/approvals: a signature over the draft's bytes. */
export const Approve = Type.Object(
  {
    keyid: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    sig: Type.String({ pattern: '^(?:[0-9a-f]{2})+$', maxLength: 16_384 }),
  },
  closed,
)
export type Approve = Static<typeof Approve>

/** POST /v1/campaigns/ID/commands. A halt needs its reason. */
export const Command = Type.Object(
  {
    command: Type.Union([Type.Literal('start'), Type.Literal('pause'), Type.Literal('resume'), Type.Literal('halt')]),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
  },
  closed,
)
export type Command = Static<typeof Command>

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

/** POST /v1/campaigns/ID/wraps: wraps by the holder of the wrapping key. `envelope` is the SHA-256 of the release's. */
export const BringWraps = Type.Object(
  {
    wraps: Type.Array(Type.Object({ site: Name, controller: Name, envelope: Sha256Name, wrap: Base64(256) }, closed), {
      minItems: 1,
      maxItems: 10_000,
    }),
  },
  closed,
)
export type BringWraps = Static<typeof BringWraps>

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
    /** waiting, assigned, confirmed, or how it failed. */
    state: Type.String(),
    detail: Type.Union([Type.String(), Type.Null()]),
    /** From assignment to outcome, in milliseconds; null while it is open. */
    tookMillis: Type.Union([Type.Integer(), Type.Null()]),
  },
  { ...closed, title: 'CampaignControllerView' },
)
export type CampaignControllerView = Static<typeof CampaignControllerView>

/** GET /v1/campaigns and /v1/campaigns/ID. */
export const CampaignView = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    state: Type.String(),
    /** The wave under way, from 1; 0 before the first. */
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
    controllers: List(CampaignControllerView),
  },
  { ...closed, title: 'CampaignView' },
)
export type CampaignView = Static<typeof CampaignView>

/** GET /v1/campaigns/ID/draft: what an approver signs: the approval targets as they would become, canonical JSON. */
export const DraftView = Type.Object(
  {
    signed: Type.String(),
    need: Type.Integer(),
    have: List(Type.String()),
  },
  { ...closed, title: 'DraftView' },
)
export type DraftView = Static<typeof DraftView>

/** GET /v1/status: how long what people and what the server sign still holds. Times are instants. */
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
  },
  { ...closed, title: 'ControllerView' },
)
export type ControllerView = Static<typeof ControllerView>

/** GET /v1/controllers/SITE/ID/history: entries of the audit log, oldest first. */
export const HistoryView = Type.Object(
  {
    index: Type.Integer(),
    at: Type.Integer(),
    kind: Type.String(),
    code: Type.Union([Type.String(), Type.Null()]),
    summary: Type.String(),
  },
  { ...closed, title: 'HistoryView' },
)
export type HistoryView = Static<typeof HistoryView>

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
