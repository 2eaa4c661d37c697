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
  for (const { account } of PEOPLE) {
    const command = ['account', 'password', account, '--password-file', newPassword(folder, account)]
    await desk.command(`Let the ${account} sign in`, command)
  }
}

/** Who signs in at the gateway's own page: the gateway knows them itself. */
const TECHNICIAN = 'technician'

/** Lets a technician in at the demo's gateway, with a password in the same way. */
export async function letTechnicianIn(desk: Desk, folder: string): Promise<void> {
  const file = newPassword(folder, TECHNICIAN)
  const command = ['gateway', 'account', 'add', 'gateway', TECHNICIAN, '--password-file', file]
  await desk.command('Let a technician in at the gateway', command)
}

/** Writes a password of its own for somebody; answers its file, as the demo's commands name it. */
function newPassword(folder: string, account: string): string {
  makeFolders(join(folder, SIGN_INS), 0o700)
  const file = `${SIGN_INS}/${account}`
  writeWhole(join(folder, file), `${randomBytes(15).toString('base64url')}\n`, 0o600)
  return file
}

/** Where the gateway's own page is, and who may sign in there. */
export function pageLines(folder: string, url: string): string[] {
  return [
    `The gateway’s own page: ${url}`,
    `  sign in as ${TECHNICIAN}, password in ${shownPath(join(folder, SIGN_INS, TECHNICIAN))}`,
  ]
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
