import { type Static, Type } from 'typebox'
import { MAX_OWN_PATH } from '../core/fleet/own-path.ts'
import { ACTION_NAMES, type MayTable } from '../core/fleet/roles.ts'
import { Name } from './fleet-api.ts'

const closed = { additionalProperties: false }
const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength })
/** `planner@fleet`, `operator@region:nl-west`, `site-engineer@site:quay`. */
const Grant = Type.String({ maxLength: 200, description: 'ROLE@SCOPE, such as planner@region:nl-west' })
const Grants = Type.Array(Grant, { maxItems: 64 })
const KeyId = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Moment = Type.Integer({ description: 'milliseconds since 1970' })
const Password = Type.String({ minLength: 1, maxLength: 1024 })

/** Bytes in base64url, as browsers speak of them. */
const Bytes = (maxLength: number) => Type.String({ pattern: '^[A-Za-z0-9_-]*$', maxLength })
const CredentialId = Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 1364 })

/** What proves who somebody is: a password, or what a passkey's authenticator answered. */
const Proof = Type.Union([
  Type.Object({ at: Type.Literal('password'), account: Text(64), password: Password }, closed),
  Type.Object(
    {
      at: Type.Literal('passkey'),
      challenge: Bytes(64),
      credential: CredentialId,
      clientDataJSON: Bytes(8192),
      authenticatorData: Bytes(8192),
      signature: Bytes(2048),
      userHandle: Bytes(88),
    },
    closed,
  ),
])

/** POST /v1/sign-in. With `cookie` the session is a browser's, and goes in a cookie; without, it is in the answer. */
export const SignIn = Type.Object(
  { provider: Type.Optional(Text(200)), proof: Proof, cookie: Type.Optional(Type.Boolean()) },
  closed,
)
export type SignIn = Static<typeof SignIn>

/** GET /v1/sign-in/ways: how one may sign in here. `providers`: other parties, by their issuer and what people call them. */
export const WaysView = Type.Object(
  {
    password: Type.Boolean(),
    passkey: Type.Boolean(),
    providers: Type.Array(Type.Object({ provider: Type.String(), label: Type.String() }, closed)),
  },
  { ...closed, title: 'WaysView' },
)
export type WaysView = Static<typeof WaysView>

/** POST /v1/sign-in/challenges. `to`: the address within the console that one wants to see behind a visit to a provider. */
export const AskChallenge = Type.Object({ provider: Text(200), to: Type.Optional(Text(MAX_OWN_PATH)) }, closed)
export type AskChallenge = Static<typeof AskChallenge>

export const ChallengeView = Type.Union([
  Type.Object({ at: Type.Literal('password') }, closed),
  Type.Object(
    {
      at: Type.Literal('passkey'),
      challenge: Type.String(),
      rpId: Type.String(),
      timeoutMillis: Type.Integer(),
    },
    closed,
  ),
  Type.Object({ at: Type.Literal('redirect'), url: Type.String(), state: Type.String() }, closed),
])

/** GET /v1/sign-in/return: what a provider sends people back with (OpenID Connect Core 1.0 §3.1.2.5, RFC 9207), and whatever it adds. */
export const SignInReturn = Type.Object(
  { state: Text(512), code: Type.Optional(Text(4096)), error: Type.Optional(Text(512)) },
  { additionalProperties: Type.String({ maxLength: 4096 }), maxProperties: 16 },
)
export type SignInReturn = Static<typeof SignInReturn>

/** POST /v1/passkeys/challenges: what an authenticator is asked for; base64url where a browser takes bytes. */
export const PasskeyWantedView = Type.Object(
  {
    challenge: Type.String(),
    rpId: Type.String(),
    user: Type.String(),
    account: Name,
    name: Type.String(),
    known: Type.Array(Type.String()),
    algorithms: Type.Array(Type.Integer()),
    timeoutMillis: Type.Integer(),
  },
  { ...closed, title: 'PasskeyWantedView' },
)
export type PasskeyWantedView = Static<typeof PasskeyWantedView>

/** POST /v1/passkeys: what the authenticator answered, and what its owner calls it. */
export const AddPasskey = Type.Object(
  {
    challenge: Bytes(64),
    label: Text(120),
    credential: CredentialId,
    clientDataJSON: Bytes(8192),
    attestationObject: Bytes(32_768),
  },
  closed,
)
export type AddPasskey = Static<typeof AddPasskey>

export const RenamePasskey = Type.Object({ label: Text(120) }, closed)
export type RenamePasskey = Static<typeof RenamePasskey>

/** A passkey as its owner, administrators and auditors see it. `synced`: it is kept on several devices. */
export const PasskeyView = Type.Object(
  {
    id: Type.String(),
    label: Type.String(),
    synced: Type.Boolean(),
    createdAt: Moment,
    usedAt: Type.Union([Moment, Type.Null()]),
  },
  { ...closed, title: 'PasskeyView' },
)
export type PasskeyView = Static<typeof PasskeyView>

/** The secret of a session is in the answer only when it does not go in a cookie. */
export const SessionView = Type.Object(
  { account: Name, expiresAt: Moment, secret: Type.Optional(Type.String()) },
  closed,
)
export type SessionView = Static<typeof SessionView>

const Scopes = Type.Array(Type.String({ maxLength: 200, description: 'fleet, region:NAME or site:NAME' }))
const May = Type.Object(Object.fromEntries(ACTION_NAMES.map(action => [action, Scopes])), {
  ...closed,
  description: 'each action with the scopes in which it is allowed; none: nowhere',
})

/**
 * GET /v1/whoami: the account, how it came in, and what it may do: of a token, what is narrower. `session`: what it came in with,
 * other than a certificate: since when and until when; `idleMillis`: without a request for so long, it is over before that.
 */
export const WhoView = Type.Object(
  {
    account: Name,
    name: Type.String(),
    kind: Type.Union([Type.Literal('person'), Type.Literal('service')]),
    by: Type.Union([
      Type.Literal('certificate'),
      Type.Literal('token'),
      Type.Literal('session'),
      Type.Literal('browser'),
    ]),
    session: Type.Union([
      Type.Object(
        {
          id: Type.String(),
          label: Type.String(),
          createdAt: Moment,
          expiresAt: Moment,
          idleMillis: Type.Union([Type.Integer(), Type.Null()]),
        },
        closed,
      ),
      Type.Null(),
    ]),
    roles: Grants,
    narrowed: Type.Union([Grants, Type.Null()]),
    may: Type.Unsafe<MayTable>(May),
  },
  { ...closed, title: 'WhoView' },
)
export type WhoView = Static<typeof WhoView>

/** POST /v1/accounts. */
export const AddAccount = Type.Object(
  {
    id: Name,
    kind: Type.Union([Type.Literal('person'), Type.Literal('service')]),
    name: Text(120),
    roles: Grants,
    keys: Type.Optional(Type.Array(KeyId, { maxItems: 16 })),
  },
  closed,
)
export type AddAccount = Static<typeof AddAccount>

/** POST /v1/accounts/ID/changes: what is left out stays. `addRoles`, `removeRoles`: of the roles that it has by then. `disabled`: the reason; null: in force again. */
export const ChangeAccount = Type.Object(
  {
    name: Type.Optional(Text(120)),
    roles: Type.Optional(Grants),
    addRoles: Type.Optional(Grants),
    removeRoles: Type.Optional(Grants),
    keys: Type.Optional(Type.Array(KeyId, { maxItems: 16 })),
    externals: Type.Optional(
      Type.Array(Type.Object({ provider: Text(200), subject: Text(255) }, closed), { maxItems: 8 }),
    ),
    disabled: Type.Optional(Type.Union([Text(500), Type.Null()])),
  },
  closed,
)
export type ChangeAccount = Static<typeof ChangeAccount>

/** POST /v1/accounts/ID/forget: the pseudonym that stays in the log; null: the log never spoke of them. */
export const ForgottenView = Type.Object({ pseudonym: Type.Union([Type.String(), Type.Null()]) }, closed)
export type ForgottenView = Static<typeof ForgottenView>

/** POST /v1/accounts/ID/password. `current` for one's own, unless one comes with a certificate. */
export const ChangePassword = Type.Object({ password: Password, current: Type.Optional(Password) }, closed)
export type ChangePassword = Static<typeof ChangePassword>

/** POST /v1/accounts/ID/tokens. Without `roles`: all that the account may do. */
export const AskToken = Type.Object(
  { label: Text(120), roles: Type.Optional(Grants), lifeMillis: Type.Integer({ minimum: 1 }) },
  closed,
)
export type AskToken = Static<typeof AskToken>

/** The secret is shown this once. */
export const TokenView = Type.Object({ id: Type.String(), secret: Type.String(), expiresAt: Moment }, closed)
export type TokenView = Static<typeof TokenView>

/** POST /v1/accounts/ID/certificates: a request by the person's own key (PKCS #10 in PEM). */
export const AskCertificate = Type.Object({ csr: Type.String({ maxLength: 8192 }) }, closed)
export type AskCertificate = Static<typeof AskCertificate>

export const CertificateView = Type.Object({ cert: Type.String(), ca: Type.String() }, closed)
export type CertificateView = Static<typeof CertificateView>

const CredentialView = Type.Object(
  {
    id: Type.String(),
    kind: Type.Union([Type.Literal('token'), Type.Literal('session'), Type.Literal('browser')]),
    label: Type.String(),
    roles: Type.Union([Grants, Type.Null()]),
    createdAt: Moment,
    createdBy: Type.String(),
    expiresAt: Moment,
    usedAt: Type.Union([Moment, Type.Null()]),
    revokedAt: Type.Union([Moment, Type.Null()]),
  },
  closed,
)

/** An account as administrators, auditors and its owner see it: no secret, and no digest of one. */
export const AccountView = Type.Object(
  {
    id: Name,
    kind: Type.Union([Type.Literal('person'), Type.Literal('service')]),
    name: Type.String(),
    disabled: Type.Union([Type.Object({ since: Moment, reason: Type.String() }, closed), Type.Null()]),
    roles: Grants,
    keys: Type.Array(KeyId),
    externals: Type.Array(Type.Object({ provider: Type.String(), subject: Type.String() }, closed)),
    createdAt: Moment,
  },
  closed,
)
export type AccountView = Static<typeof AccountView>

export const AccountDetail = Type.Object(
  {
    ...AccountView.properties,
    password: Type.Boolean(),
    credentials: Type.Array(CredentialView),
    passkeys: Type.Array(PasskeyView),
  },
  closed,
)
export type AccountDetail = Static<typeof AccountDetail>
