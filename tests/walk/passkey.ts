import type { CDPSession, Page } from 'playwright-core'

/** What a virtual authenticator holds of one passkey: enough to see that it was made, and that it was used. */
export type Passkey = { readonly credentialId: string; readonly rpId?: string; readonly signCount: number }

/**
 * A virtual authenticator of the browser (WebAuthn §11): a platform one that verifies its user, as a laptop's does. The
 * private keys are made inside the browser and never leave it.
 */
export class Authenticator {
  readonly #session: CDPSession
  readonly #id: string

  private constructor(session: CDPSession, id: string) {
    this.#session = session
    this.#id = id
  }

  static async plug(page: Page): Promise<Authenticator> {
    const session = await page.context().newCDPSession(page)
    await session.send('WebAuthn.enable', { enableUI: false })
    const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        ctap2Version: 'ctap2_1',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    return new Authenticator(session, authenticatorId)
  }

  async passkeys(): Promise<readonly Passkey[]> {
    const { credentials } = await this.#session.send('WebAuthn.getCredentials', { authenticatorId: this.#id })
    return credentials
  }

  /** Whether the authenticator recognises its user: a wrong finger, when it does not. */
  async recognise(isUserVerified: boolean): Promise<void> {
    await this.#session.send('WebAuthn.setUserVerified', { authenticatorId: this.#id, isUserVerified })
  }
}
