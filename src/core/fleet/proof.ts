/** What proves who somebody is: a password, a passkey, or the word of another party, on whose own page they sign in. */
export type Way = 'password' | 'passkey' | 'redirect'

/** What somebody has to do to prove who they are. `challenge` is base64url; `url` is the page of another party. */
export type Challenge =
  | { readonly at: 'password' }
  | { readonly at: 'passkey'; readonly challenge: string; readonly rpId: string; readonly timeoutMillis: number }
  | { readonly at: 'redirect'; readonly url: string; readonly state: string }

/**
 * What they come back with. `parameters` are those of the address that the other party sent them to, `browser` what the browser
 * was given as the sign-in began. Bytes of a passkey are base64url.
 */
export type Proof =
  | { readonly at: 'password'; readonly account: string; readonly password: string }
  | ({ readonly at: 'passkey'; readonly challenge: string } & PasskeyAssertion)
  | {
      readonly at: 'redirect'
      readonly state: string
      readonly parameters: Readonly<Record<string, string>>
      readonly browser: string
    }

/** What an authenticator signs in with (AuthenticationResponseJSON, WebAuthn Level 3 §5.1). */
export type PasskeyAssertion = {
  readonly credential: string
  readonly clientDataJSON: string
  readonly authenticatorData: string
  readonly signature: string
  readonly userHandle: string
}

/** What an authenticator makes a passkey with (RegistrationResponseJSON). */
export type PasskeyAttestation = {
  readonly credential: string
  readonly clientDataJSON: string
  readonly attestationObject: string
}
