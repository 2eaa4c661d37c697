import { type Static, Type } from 'typebox'
import { toBase64 } from '../core/encoding/bytes.ts'
import { decryptionKeyStatement } from '../core/fleet/decryption-key.ts'

/**
 * What passes through the fleet server's door. One schema serves validation, types and (later) the OpenAPI document.
 * Who may call what: a person's certificate for everything but `check-in` and `upstream`, a gateway's for those two,
 * for its own site's repositories, and for blobs.
 */

/** In each answer: the fleet server's time, in milliseconds since 1970. A gateway holds its clock against that of a check-in; ages are worked out by it. */
export const CLOCK_HEADER = 'voltseal-time'
/** With GET /v1/check-in: the version of its director's targets that the gateway's site goes by. Left out, it does not say. */
export const ORDERS_HEADER = 'voltseal-orders'
/**
 * With GET /v1/check-in: the number of the outbox up to which the gateway knows that everything is durable at the fleet. In the
 * answer: up to which it is, with `restored` behind it where the fleet's store was and has not heard this gateway since. A store that was
 * set back to an older copy, on either side, shows in these two.
 */
export const UPSTREAM_HEADER = 'voltseal-upstream'

export const Name = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$' })
export const Sha256Name = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Base64 = (maxBytes: number) => Type.String({ maxLength: Math.ceil(maxBytes / 3) * 4 })
const VerifierKey = Type.String({ minLength: 1, maxLength: 400 })
const closed = { additionalProperties: false }

/** POST /v1/upstream: a gateway's outbox in order, and the site manifest as it stands. */
export const UpstreamBatch = Type.Object(
  {
    manifest: Base64(1 << 20),
    items: Type.Array(
      Type.Object(
        {
          sequence: Type.Integer({ minimum: 1 }),
          kind: Type.Union([Type.Literal('entry'), Type.Literal('report'), Type.Literal('history')]),
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
        /** The key by which it cosigns checkpoints of the audit log, as a C2SP verifier key. */
        witnessKey: Type.Optional(VerifierKey),
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

/** Bins of hashed target paths that change with the top-level targets, by role name. */
const Bins = Type.Record(Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }), Base64(8 << 20), {
  maxProperties: 1 << 14,
})
/** The largest body that carries bins, in bytes: all bins of a repository of a hundred thousand targets. */
export const MAX_BINS_BODY = 64 << 20

/**
 * POST /v1/witness: what a gateway says of the checkpoint that it was offered. `cosigned`: the checkpoint with its signature; `refused`:
 * why it does not sign, with the checkpoint that it signed last (`kept`), so that nobody has to take its word for it.
 */
export const WitnessingJson = Type.Union([
  Type.Object({ cosigned: Type.String({ minLength: 1, maxLength: 65_536 }) }, closed),
  Type.Object(
    {
      refused: Type.Object(
        {
          code: Type.String({ minLength: 1, maxLength: 100 }),
          expected: Type.String({ maxLength: 500 }),
          actual: Type.String({ maxLength: 500 }),
        },
        closed,
      ),
      kept: Type.String({ maxLength: 65_536 }),
    },
    closed,
  ),
])
export type WitnessingJson = Static<typeof WitnessingJson>

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

/** Characters of a plan file that the server reads itself. Whoever has a longer one reads it first: as `plan` it may be. */
export const MAX_PLAN_TEXT = 131_072

/**
 * POST /v1/campaigns: a plan file, either as it was read from YAML or JSON (docs/campaign-plan.schema.json), or as its text; the server
 * makes the plan of it. With `dryRun` nothing is kept; `behind`: then the preview shows the sites behind this one,
 * of the very dry run `of` as long as the server remembers it, and else of a new one: the answer's `dryRun` says which.
 */
export const CreateCampaign = Type.Object(
  {
    plan: Type.Optional(Type.Unknown({ description: 'a plan file: docs/campaign-plan.schema.json' })),
    text: Type.Optional(Type.String({ maxLength: MAX_PLAN_TEXT, description: 'the same as YAML or JSON' })),
    dryRun: Type.Boolean(),
    behind: Type.Optional(Name),
    of: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'the dry run that the page is of' })),
  },
  closed,
)
export type CreateCampaign = Static<typeof CreateCampaign>

/**
 * POST /v1/campaigns/ID/approvals: a signature over the draft's bytes; of a passkey its assertion, as `writeAssertion` of
 * core/trust/assertion.ts puts it together.
 */
export const Approve = Type.Object(
  {
    keyid: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    sig: Type.String({ pattern: '^(?:[0-9a-f]{2})+$', maxLength: 16_384 }),
    /** Why, for the log. */
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
  },
  closed,
)
export type Approve = Static<typeof Approve>

/** POST /v1/campaigns/ID/rejections. */
export const Reject = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 500 }) }, closed)
export type Reject = Static<typeof Reject>

/** POST /v1/campaigns/ID/commands. A halt needs its reason. */
export const Command = Type.Object(
  {
    command: Type.Union([
      Type.Literal('start'),
      Type.Literal('pause'),
      Type.Literal('resume'),
      Type.Literal('retry'),
      Type.Literal('halt'),
      Type.Literal('roll-back'),
    ]),
    /** Needed for pause, halt and roll-back. */
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    /** Roll back also where some releases of the plan have no way back: their controllers are left as they are. */
    partly: Type.Optional(Type.Boolean()),
  },
  closed,
)
export type Command = Static<typeof Command>

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
