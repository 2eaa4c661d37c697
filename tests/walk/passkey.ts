import type { CDPSession, Page } from 'playwright-core'
import type { Seat } from './chromium.ts'

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

/** Adds a passkey on one's own page, in a session that has just begun. */
export async function addPasskey(seat: Seat, label: string): Promise<void> {
  const { page } = seat
  await seat.open('/me')
  await page.getByLabel('What to call a new one').fill(label)
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('rowheader', { name: label }).waitFor()
}

/** Ends every session of whoever sits there, and waits for the sign-in. */
export async function signOutEverywhere(seat: Seat): Promise<void> {
  await seat.open('/me')
  await seat.page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await seat.page.getByRole('heading', { name: 'Sign in' }).waitFor()
}

/** Signs in with a passkey: one press, and nothing is typed. */
export async function signInByPasskey({ page }: Seat): Promise<void> {
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByRole('navigation', { name: 'Screens' }).waitFor()
}

/** The button that saves the public part of an approver's passkey as a file: what a ceremony takes in. */
export const SAVE_KEY = /^Save as an approver’s key/
