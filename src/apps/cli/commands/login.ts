import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { readConfig, readText } from '../../../adapters/config-file.ts'
import { HttpsClient, readAnswer } from '../../../adapters/link-https/client.ts'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import type { SessionView, SignIn, WhoView } from '../../../wire/account-api.ts'
import { Profile, parseConfig } from '../../../wire/config.ts'
import type { Cli, Work } from '../cli.ts'
import { askSecret, writeSecretFile } from '../secrets.ts'
import { profilePath, type Session, secretFile, withSession } from '../session.ts'
import { listing } from '../table.ts'

const PROFILE = ['--profile <file>', 'who you are: a profile.yaml'] as const

type LoginOptions = { account?: string; passwordFile?: string; profile?: string }

/** `login`, `logout`, `whoami`: coming in without a certificate. */
export function addLogin(program: Command, cli: Cli): void {
  program.addCommand(
    new Command('login')
      .copyInheritedSettings(program)
      .description('sign in with your password: for half a day, the other commands then know you')
      .option('--account <name>', 'your account, where it is not the name in the profile')
      .option('--password-file <file>', 'a file of mode 600 with the password; otherwise it is asked for')
      .option(...PROFILE)
      .action(cli.act((options: LoginOptions) => login(cli, options))),
  )
  program.addCommand(
    new Command('logout')
      .copyInheritedSettings(program)
      .description('sign out: the session is worth nothing from now on')
      .option(...PROFILE)
      .action(
        cli.act(({ profile }: { profile?: string }) =>
          withSession(cli, profile, session => logout(session, profilePath(cli, profile))),
        ),
      ),
  )
  program.addCommand(
    new Command('whoami')
      .copyInheritedSettings(program)
      .description('show as whom you come in, and what you may do')
      .option(...PROFILE)
      .action(
        cli.act(({ profile }: { profile?: string }) => withSession(cli, profile, session => whoami(cli, session))),
      ),
  )
}

async function login(cli: Cli, { account, passwordFile, profile: named }: LoginOptions): Promise<Work> {
  const path = profilePath(cli, named)
  const written = readConfig(path)
  if (isRefusal(written)) return written
  const profile = parseConfig<Profile>(Profile, written, path)
  if (isRefusal(profile)) return profile
  if (profile.cert !== undefined) {
    return refuse('usage-error', 'login', 'a profile without a certificate', `${path} has one: it needs no sign-in`)
  }
  const ca = readText(join(dirname(path), profile.ca), 1 << 16)
  if (isRefusal(ca)) return ca
  const who = account ?? profile.name
  const password = await askSecret(cli, `Password of ${who}`, passwordFile)
  if (isRefusal(password)) return password
  const body: SignIn = { proof: { at: 'password', account: who, password } }
  const begun = await signIn(profile.url, ca, body)
  if (isRefusal(begun)) return begun
  if (begun.secret === undefined) return refuse('answer-unexpected', profile.url, 'the secret of a session', 'none')
  const file = secretFile(path)
  writeSecretFile(file, begun.secret)
  const until = formatUtc(instant(begun.expiresAt))
  cli.output.progress(`Signed in. The session is in ${file}, for you alone; "voltseal logout" ends it.`)
  return {
    json: { account: begun.account, expiresAt: begun.expiresAt },
    text: listing(cli.output, [
      ['account', begun.account],
      ['until', until],
    ]),
  }
}

async function signIn(url: string, ca: string, body: SignIn): Promise<SessionView | Refusal> {
  const client = new HttpsClient(url, { ca })
  try {
    const headers = { 'content-type': 'application/json' }
    const call = { headers, body: Buffer.from(JSON.stringify(body)), timeoutMillis: 60_000 }
    const answer = await client.call('POST', '/v1/sign-in', call)
    if (isRefusal(answer)) return answer
    const read = readAnswer(answer.body) as SessionView | undefined
    return read ?? refuse('answer-unexpected', url, 'an answer in JSON', 'something else')
  } finally {
    client.close()
  }
}

async function logout(session: Session, path: string): Promise<Work> {
  if (session.profile.cert !== undefined) {
    return refuse('usage-error', 'logout', 'a profile without a certificate', `${path} has one: it has no session`)
  }
  const ended = await session.post<null>('/v1/sign-out', {})
  // What is no session any more needs no ending.
  const over = isRefusal(ended) && /^credential-(?:unknown|revoked|expired)$/.test(ended.code)
  if (isRefusal(ended) && !over) return ended
  rmSync(secretFile(path), { force: true })
  return { json: { signedOut: true }, text: 'Signed out.' }
}

async function whoami(cli: Cli, session: Session): Promise<Work> {
  const view = await session.get<WhoView>('/v1/whoami')
  if (isRefusal(view)) return view
  const { account, name, kind, by, roles, narrowed } = view
  return {
    json: view,
    text: listing(cli.output, [
      ['account', account],
      ['name', name],
      ['kind', kind],
      ['came by', by],
      ['roles', roles.join(', ') || 'none'],
      ...(narrowed === null ? [] : [['of which the token allows', narrowed.join(', ') || 'none'] as const]),
    ]),
  }
}
