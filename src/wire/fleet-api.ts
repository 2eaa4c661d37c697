import { type Static, Type } from 'typebox'
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
export type EnrolledSite = {
  readonly site: string
  readonly fleet: { readonly url: string; readonly ca: string }
  readonly siteCa: string
  readonly gateway: { readonly cert: string; readonly serverCert: string }
  /** By controller id; `reportKey` is base64 of its SubjectPublicKeyInfo. */
  readonly controllers: Readonly<Record<string, { readonly cert: string; readonly reportKey: string }>>
  /** The first root of each repository, base64 of the file. */
  readonly roots: { readonly image: string; readonly approval: string; readonly director: string }
  readonly anchors: readonly AnchorJson[]
}

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
export type CampaignDraft = {
  readonly id: string
  readonly kept: boolean
  readonly plan: string
  readonly passedOver: readonly { readonly controller: string; readonly code: string; readonly why: string }[]
}

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
export type WrapsView = readonly {
  readonly site: string
  readonly controller: string
  readonly path: string
  readonly envelope: string
}[]

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

/** GET /v1/campaigns and /v1/campaigns/ID. */
export type CampaignView = {
  readonly id: string
  readonly title: string
  readonly state: string
  /** The wave under way, from 1; 0 before the first. */
  readonly wave: number
  readonly waves: number
  readonly reason: string | null
  readonly approvals: { readonly have: number; readonly need: number }
  readonly controllers: readonly CampaignControllerView[]
}

export type CampaignControllerView = {
  readonly site: string
  readonly controller: string
  readonly class: string
  readonly wave: number
  /** The version that it attested when its turn began; null before that. */
  readonly from: string | null
  readonly to: string
  /** The slot that it runs from, and its security counter, as last attested. */
  readonly slot: string | null
  readonly counter: number | null
  /** waiting, assigned, confirmed, or how it failed. */
  readonly state: string
  readonly detail: string | null
  /** From assignment to outcome, in milliseconds; null while it is open. */
  readonly tookMillis: number | null
}

/** GET /v1/campaigns/ID/draft: what an approver signs: the approval targets as they would become, canonical JSON. */
export type DraftView = { readonly signed: string; readonly need: number; readonly have: readonly string[] }

/** GET /v1/status: how long what people and what the server sign still holds. Times are instants. */
export type StatusView = {
  readonly name: string
  readonly metadata: readonly {
    readonly repository: string
    readonly role: string
    readonly version: number
    readonly expires: number
    readonly daysLeft: number
  }[]
  /** The director's bundles of the sites: how many, and when the first of them expires; null without sites. */
  readonly sites: { readonly count: number; readonly firstExpires: number | null }
  /** What a person has to see to, as refusals. */
  readonly alarms: readonly {
    readonly code: string
    readonly subject: string
    readonly expected: string
    readonly actual: string
  }[]
}

/** GET /v1/controllers and /v1/controllers/SITE/ID: the last attested state. */
export type ControllerView = {
  readonly site: string
  readonly id: string
  readonly class: string
  readonly hardware: string
  readonly version: string | null
  readonly slot: string | null
  readonly counter: number | null
  /** The ids of the keys whose releases it accepts. */
  readonly anchors: readonly string[] | null
  readonly state: string | null
  readonly reportedAt: number | null
  readonly sequence: number
}

/** GET /v1/controllers/SITE/ID/history: entries of the audit log, oldest first. */
export type HistoryView = {
  readonly index: number
  readonly at: number
  readonly kind: string
  readonly code: string | null
  readonly summary: string
}

/** GET /v1/releases. */
export type ReleaseView = {
  readonly path: string
  readonly class: string
  readonly version: string
  readonly sequence: number
  readonly counter: number
  readonly hardware: readonly string[]
  readonly sha256: string
  readonly length: number
}

/** GET /v1/audit/checkpoint and /v1/audit/entries?from=&to= (at most 1,000 a page). */
export type AuditPage = { readonly entries: readonly { readonly index: number; readonly bytes: string }[] }
export type CheckpointView = { readonly size: number; readonly checkpoint: string; readonly key: string }

/** GET /v1/anchors: which controllers accept which keys, and which roots the gateways trust. Names are `SITE/CONTROLLER`. */
export type AnchorsView = {
  readonly controllers: number
  readonly anchors: readonly AnchorView[]
  /** Controllers that have never reported: nobody knows their keys. */
  readonly unknown: readonly string[]
  /** Controllers that run a release whose change of keys they have not made, with the key that it is about. */
  readonly undone: readonly { readonly controller: string; readonly kind: 'add' | 'retire'; readonly kid: string }[]
  readonly roots: readonly RootsView[]
}

export type AnchorView = {
  readonly kid: string
  /** Whether the fleet takes releases by this key. */
  readonly recognised: boolean
  /** How many controllers accept it, as they attested. */
  readonly acceptedBy: number
  /** Those that accept no other: none of them takes a release that it has not signed. */
  readonly only: readonly string[]
  /** Those that reported and do not accept it. */
  readonly lacking: readonly string[]
}

/** A repository's root: the newest version, and the one that each site's gateway last said it trusts, null for never. */
export type RootsView = {
  readonly repository: 'image' | 'approval' | 'director'
  readonly sites: readonly { readonly site: string; readonly newest: number; readonly trusted: number | null }[]
}
