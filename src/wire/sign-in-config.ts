import { type Static, Type } from 'typebox'
import { Name } from './fleet-api.ts'

const closed = { additionalProperties: false }

/** A party that vouches for people, by OpenID Connect. Files are relative to the fleet's folder. */
export const OpenIdConfig = Type.Object(
  {
    /** The last part of the address that it sends people back to: `URL/v1/sign-in/return/NAME`, with the console's URL. */
    name: Name,
    /** What the button says. */
    label: Type.String({ minLength: 1, maxLength: 60 }),
    /** As its own metadata write it: `https://id.example/realms/plant`. */
    issuer: Type.String({ pattern: '^https://[^?#@ ]+$', maxLength: 200 }),
    clientId: Type.String({ minLength: 1, maxLength: 255 }),
    /** A file of mode 600 with the client's secret; absent: a public client. */
    secretFile: Type.Optional(Type.String({ minLength: 1 })),
    /** Who vouches for its server, in PEM, in place of the system's authorities. */
    ca: Type.Optional(Type.String({ minLength: 1 })),
  },
  closed,
)
export type OpenIdConfig = Static<typeof OpenIdConfig>

/**
 * `signIn` in `fleet.yaml`. True: people and services may come without a client certificate, where gateways come too, with a sign-in or a token.
 * An object says the same as `withoutCertificate`, and who else vouches for people.
 */
export const SignInConfig = Type.Union([
  Type.Boolean(),
  Type.Object(
    {
      withoutCertificate: Type.Optional(Type.Boolean()),
      openid: Type.Optional(Type.Array(OpenIdConfig, { maxItems: 8 })),
    },
    closed,
  ),
])
export type SignInConfig = Static<typeof SignInConfig>

/** What is meant by it. */
export function signInOf(config: SignInConfig = false): {
  readonly withoutCertificate: boolean
  readonly openid: readonly OpenIdConfig[]
} {
  if (typeof config === 'boolean') return { withoutCertificate: config, openid: [] }
  const { withoutCertificate = false, openid = [] } = config
  return { withoutCertificate, openid }
}
