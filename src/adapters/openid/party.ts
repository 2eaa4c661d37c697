import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretBasic,
  type Configuration,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
} from 'openid-client'
import { plainText } from '../../core/encoding/plain-text.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { OpenIdParty } from '../../flows/people-ports.ts'
import { httpsFetch, Unreachable } from './fetch.ts'

/** A provider, as `fleet.yaml` names it. `secret` null: a public client, which PKCE alone protects. */
export type OpenIdClient = {
  readonly issuer: string
  readonly clientId: string
  readonly secret: string | null
  /** Who vouches for the provider's server, in PEM, in place of the system's authorities. */
  readonly ca: string | null
  /** Where the provider sends people back to. */
  readonly redirect: string
}

/** For how long a provider's metadata are gone by, in milliseconds; its keys are asked for anew when one is not among them. */
const KNOWN = 3_600_000
/** How far its clock may be off, in seconds. */
const TOLERANCE = 30

/**
 * A provider of OpenID Connect, asked with openid-client. What the provider is like it says itself (Discovery 1.0), at the first
 * sign-in: a provider that is away keeps no server from starting.
 */
export function openIdParty(client: OpenIdClient): OpenIdParty {
  const { issuer, redirect } = client
  let known: { readonly since: number; readonly config: Promise<Configuration> } | null = null

  const configured = async (): Promise<Configuration | Refusal> => {
    if (known === null || performance.now() - known.since > KNOWN) {
      known = { since: performance.now(), config: discovered(client) }
    }
    try {
      return await known.config
    } catch (error) {
      known = null
      return unreachable(issuer, error)
    }
  }

  return {
    page: async ({ state, nonce, challenge }) => {
      const config = await configured()
      if (isRefusal(config)) return config
      const asked = { state, nonce, code_challenge: challenge, code_challenge_method: 'S256' }
      const page = buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', ...asked })
      // The page of a provider is what the provider says; where it leads is judged all the same.
      return page.protocol === 'https:'
        ? page.href
        : refuse('provider-unreachable', issuer, 'a page over https', page.protocol)
    },
    redeem: async (parameters, { state, nonce, verifier }) => {
      const config = await configured()
      if (isRefusal(config)) return config
      const came = new URL(redirect)
      for (const [name, value] of Object.entries(parameters)) came.searchParams.append(name, value)
      try {
        const answer = await authorizationCodeGrant(config, came, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        })
        return answer.claims()?.sub ?? wrong(issuer, 'an answer without a subject')
      } catch (error) {
        return isAway(error) ? unreachable(issuer, error) : wrong(issuer, said(error))
      }
    },
  }
}

function discovered({ issuer, clientId, secret, ca }: OpenIdClient): Promise<Configuration> {
  const auth = secret === null ? None() : ClientSecretBasic(secret)
  const metadata = { [clockTolerance]: TOLERANCE }
  return discovery(new URL(issuer), clientId, metadata, auth, {
    // The token comes straight from the provider; that it was signed is verified all the same (§3.1.3.7, point 6).
    execute: [enableNonRepudiationChecks],
    [customFetch]: httpsFetch(ca),
  })
}

const wrong = (issuer: string, actual: string): Refusal =>
  refuse('sign-in-wrong', issuer, 'an ID token for this sign-in', plainText(actual, 120))

const unreachable = (issuer: string, error: unknown): Refusal =>
  refuse('provider-unreachable', issuer, 'an answer of OpenID Connect', plainText(said(error), 120))

/** Whether it is the provider that could not be asked, and not its answer that is wrong. */
function isAway(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof Unreachable || one.name === 'TimeoutError') return true
  }
  return false
}

/** What was wrong, in a few words: never a token, a code or what a provider writes about people. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return 'something else'
  const { error: named, cause } = error as { error?: unknown; cause?: unknown }
  if (typeof named === 'string') return named
  if (cause instanceof Error) return said(cause)
  return error.message
}
