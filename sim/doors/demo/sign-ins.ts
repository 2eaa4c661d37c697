import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { makeFolders, writeWhole } from '../../../src/adapters/config-file.ts'
import { type Desk, shownPath } from './desk.ts'

/** Who signs in at the demo's console, and what they do there. */
const PEOPLE = [
  { account: 'administrator', does: 'publishes, plans and operates' },
  { account: 'approver', does: 'approves what others have planned' },
] as const

/** Where their passwords are, in the demo's folder. */
export const SIGN_INS = 'sign-ins'

/**
 * Gives the demo's people passwords of their own: 120 random bits each, in a file that nobody else reads, and nowhere else. The
 * command that sets one is shown; the password is on no command line and in no log.
 */
export async function giveSignIns(desk: Desk, folder: string): Promise<void> {
  makeFolders(join(folder, SIGN_INS), 0o700)
  for (const { account } of PEOPLE) {
    const file = `${SIGN_INS}/${account}`
    writeWhole(join(folder, file), `${randomBytes(15).toString('base64url')}\n`, 0o600)
    const command = ['account', 'password', account, '--password-file', file]
    await desk.command(`Let the ${account} sign in`, command)
  }
}

/** Where the console is and who may sign in as whom, for the person before the screen. */
export function signInLines(folder: string, url: string): string[] {
  return [
    `See it in a browser: ${url}`,
    ...PEOPLE.map(({ account, does }) => {
      return `  sign in as ${account.padEnd(13)} (${does}), password in ${shownPath(join(folder, SIGN_INS, account))}`
    }),
  ]
}
