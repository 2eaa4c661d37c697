import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type EntryKind, entryKinds } from '../core/ledger/entry-kinds.ts'
import type { AtHand } from '../core/ledger/retention.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { ConditionsConfig } from './conditions.ts'
import { configFault } from './config-fault.ts'
import { ConsoleConfig } from './console-config.ts'
import { AnchorJson, Name, PublishPolicyJson } from './fleet-api.ts'
import { SiemConfig } from './siem-config.ts'
import { SignInConfig } from './sign-in-config.ts'

const closed = { additionalProperties: false }
const Listen = Type.Object({ host: Type.String(), port: Type.Integer({ minimum: 1, maximum: 65_535 }) }, closed)
const Level = Type.Union(['trace', 'debug', 'info', 'warn', 'error'].map(level => Type.Literal(level)))

const AtHandDays = Type.Union([Type.Integer({ minimum: 1, maximum: 36_500 }), Type.Literal('always')])
export const ArchiveConfig = Type.Object(
  {
    /** The folder that gets the log, as `audit export` writes it. */
    folder: Type.String({ minLength: 1 }),
    /** For how many days entries stay at hand, by kind; and those of all kinds that are not named. */
    days: Type.Optional(
      Type.Partial(Type.Object(Object.fromEntries(Object.keys(entryKinds).map(kind => [kind, AtHandDays])), closed)),
    ),
    otherwise: Type.Optional(AtHandDays),
  },
  closed,
)
export type ArchiveConfig = { folder: string; days?: Partial<Record<EntryKind, AtHand>>; otherwise?: AtHand }

/** `fleet.yaml`: what `voltseal fleet serve` runs from. Paths are relative to the file. */
export const FleetConfig = Type.Object(
  {
    kind: Type.Literal('voltseal-fleet'),
    name: Name,
    /** Where gateways and people reach it. */
    url: Type.String({ pattern: '^https://[^/]+$' }),
    listen: Listen,
    /** Public keys whose signature on an envelope this fleet accepts. */
    anchors: Type.Array(AnchorJson, { minItems: 1 }),
    /** How long online metadata stays valid, in milliseconds; renewed at half of it. */
    metadataMillis: Type.Integer({ minimum: 1000, maximum: 30 * 86_400_000 }),
    /** How many days before it expires people are told of metadata that only they can renew; absent: 90, 30 and 7. */
    warningDays: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 3650 }), { minItems: 1, maxItems: 8 })),
    /**
     * Behind how long somebody counts as silent, in milliseconds: a controller that has not reported (absent: an hour), a gateway that has
     * not called (absent: 15 minutes).
     */
    silence: Type.Optional(
      Type.Object(
        {
          controllerMillis: Type.Optional(Type.Integer({ minimum: 1000, maximum: 30 * 86_400_000 })),
          gatewayMillis: Type.Optional(Type.Integer({ minimum: 1000, maximum: 30 * 86_400_000 })),
        },
        closed,
      ),
    ),
    /** How often rollouts are looked at, in milliseconds. */
    tickMillis: Type.Integer({ minimum: 50, maximum: 60_000 }),
    maxBlobBytes: Type.Integer({ minimum: 1 }),
    /** What a release must carry to be published; absent: nothing. */
    publish: Type.Optional(PublishPolicyJson),
    /** Where the receivers of webhooks may be, beside public addresses; and who vouches for them, in place of the system's authorities. */
    webhooks: Type.Optional(
      Type.Object(
        {
          allow: Type.Array(Type.String({ pattern: '^[0-9a-f.:]{2,39}/[0-9]{1,3}$' }), { maxItems: 64 }),
          /** A file of certificates in PEM. */
          ca: Type.Optional(Type.String({ minLength: 1 })),
        },
        closed,
      ),
    ),
    /** Who the audit log is forwarded to, as syslog over TLS; absent: nobody. */
    siem: Type.Optional(SiemConfig),
    /** Who cosigns the checkpoints of the audit log; absent: the gateways alone, and nobody has to. */
    witnesses: Type.Optional(
      Type.Object(
        {
          /** A policy (C2SP tlog-policy): the witnesses with their keys and addresses, and how many are needed. */
          policy: Type.String({ minLength: 1 }),
          /** How long a checkpoint may take to get enough signatures before people are told, in milliseconds; absent: 5 minutes. */
          patienceMillis: Type.Optional(Type.Integer({ minimum: 1000, maximum: 86_400_000 })),
          /** Who vouches for the witnesses' servers, in place of the system's authorities: a file of certificates in PEM. */
          ca: Type.Optional(Type.String({ minLength: 1 })),
        },
        closed,
      ),
    ),
    /** What is done about patches; absent: as comes with the program (flows/patch-ports.ts). */
    patches: Type.Optional(
      Type.Union([
        Type.Literal('off'),
        Type.Object(
          {
            /** Images that a class runs most: so many are bases of each release that is published. */
            bases: Type.Optional(Type.Integer({ minimum: 0, maximum: 64 })),
            /** Patches that wait to be made at most. */
            queue: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
            /** How long making one may take, in seconds. */
            seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
            /** How much memory making one may take beside the images, in bytes. */
            bytes: Type.Optional(Type.Integer({ minimum: 1 << 25 })),
          },
          closed,
        ),
      ]),
    ),
    /** Where old entries of the audit log go, and which are old; absent: all of them stay in the database. */
    archive: Type.Optional(ArchiveConfig),
    /** Where the console listens: its files, and the API for people with sessions; absent: nowhere. */
    console: Type.Optional(ConsoleConfig),
    /** Whether people and services may come without a client certificate, with a sign-in or a token, and who vouches for them; absent: no. */
    signIn: Type.Optional(SignInConfig),
    /** What is demanded of accounts and of plans; absent: maker and operator apart, no change request. */
    governance: Type.Optional(
      Type.Object(
        {
          /** Whether no account has roles of the maker and of the operator; absent: so it is. */
          separateOrganisations: Type.Optional(Type.Boolean()),
          /** Criticalities of campaigns that need the id of a change request; absent: none. */
          changeRequest: Type.Optional(
            Type.Array(Type.Union(['security', 'safety', 'feature', 'content'].map(word => Type.Literal(word))), {
              maxItems: 4,
            }),
          ),
        },
        closed,
      ),
    ),
    log: Level,
  },
  closed,
)
export type FleetConfig = Static<typeof FleetConfig>

/** What a gateway's link to the fleet is, and what may come over it (core/campaign/link.ts). */
const LinkConfig = Type.Object(
  {
    /** How fast it is while it may send: bits in a second. */
    bitsPerSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1e12 })),
    /** In which share of the time it may; absent: always. */
    dutyCycle: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    /** What a month of the site's calendar may bring before a full image needs a person's yes; absent: anything. */
    monthlyBytes: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Whether a full image comes where no patch does: by itself, when a person says yes to it, or never; absent: by itself. */
    fullImages: Type.Optional(Type.Union([Type.Literal('allow'), Type.Literal('ask'), Type.Literal('never')])),
  },
  closed,
)

/** `gateway.yaml`: what `voltseal gateway serve` runs from. */
export const GatewayConfig = Type.Object(
  {
    kind: Type.Literal('voltseal-gateway'),
    site: Name,
    fleet: Type.Object({ url: Type.String({ pattern: '^https://[^/]+$' }) }, closed),
    listen: Listen,
    /** How often the fleet is asked for news, in milliseconds. */
    pollMillis: Type.Integer({ minimum: 50, maximum: 3_600_000 }),
    /** How many controllers of the site may be restarting at once. */
    maxRestarting: Type.Integer({ minimum: 1 }),
    /**
     * How many bytes are kept of the gateway's own log: of what the fleet does not have yet, 512 MiB unless told, and of what it has,
     * 64 MiB. The oldest goes first.
     */
    keep: Type.Optional(
      Type.Object(
        {
          unsentBytes: Type.Optional(Type.Integer({ minimum: 1 << 20 })),
          sentBytes: Type.Optional(Type.Integer({ minimum: 0 })),
        },
        closed,
      ),
    ),
    /** The link to the fleet, and what may come over it; absent: anything. */
    link: Type.Optional(LinkConfig),
    /** Who reads the plant's live values; absent: nobody, and whatever asks for one says no. */
    conditions: Type.Optional(ConditionsConfig),
    /** Where the gateway's own page listens, for people on the spot; absent: nowhere. */
    console: Type.Optional(ConsoleConfig),
    log: Level,
  },
  closed,
)
export type GatewayConfig = Static<typeof GatewayConfig>

/** `profile.yaml`: who a person at the command line is, and which fleet they talk to. */
export const Profile = Type.Object(
  {
    kind: Type.Literal('voltseal-profile'),
    name: Name,
    url: Type.String({ pattern: '^https://[^/]+$' }),
    ca: Type.String(),
    /** A certificate and its key; who signs in or has a token has none. */
    cert: Type.Optional(Type.String()),
    key: Type.Optional(Type.String()),
    /** The key that signs the audit log's checkpoints, as a C2SP verifier key. */
    auditKey: Type.String(),
    /** The first root of each repository, as files; the director's for who holds its keys. */
    roots: Type.Object(
      { image: Type.String(), approval: Type.String(), director: Type.Optional(Type.String()) },
      closed,
    ),
  },
  closed,
)
export type Profile = Static<typeof Profile>

/** Parses a config by its schema. Refuses `config-malformed` with the first field that is wrong. */
export function parseConfig<T>(schema: { readonly type?: string }, value: unknown, path: string): T | Refusal {
  const checked = schema as Parameters<typeof Value.Check>[0]
  if (Value.Check(checked, value)) return value as T
  const fault = configFault(schema, value)
  return refuse('config-malformed', path, fault?.expected ?? 'as documented', fault?.actual ?? 'something else')
}
