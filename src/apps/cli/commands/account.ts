import { Command } from 'commander'
import { loadRoleKey } from '../../../adapters/signer-file.ts'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import type { AccountDetail, AccountView, AskToken, ForgottenView, TokenView } from '../../../wire/account-api.ts'
import { duration, oneOf, several, words } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { keyIdOf } from '../key-id.ts'
import { makeProfile } from '../profile-folder.ts'
import { askSecret, writeSecretFile } from '../secrets.ts'
import { checkNames, checkNew, type Session, withSession } from '../session.ts'
import { listing, table } from '../table.ts'

const PROFILE = ['--profile <file>', 'who you are: a profile.yaml'] as const
const ROLE = 'a role and where it holds: planner@fleet, operator@region:nl-west, site-engineer@site:quay; repeatable'

type Options = { profile?: string }
type AddOptions = Options & {
  role: readonly string[]
  key: readonly string[]
  kind: 'person' | 'service'
  name?: string
}
type ChangeOptions = Options & { add: readonly string[]; remove: readonly string[] }
type TokenOptions = Options & { label: string; life: number; role?: readonly string[]; out?: string; revoke?: string }

/** Accounts: who may come in, and what they may do. */
export function addAccount(program: Command, cli: Cli): void {
  const account = new Command('account')
    .description('say who may come in, and what they may do')
    .copyInheritedSettings(program)
  type Run<O> = (session: Session, id: string, options: O) => Promise<Work>
  const about = (name: string, description: string): Command =>
    account
      .command(name)
      .description(description)
      .argument('<id>', 'the account')
      .option(...PROFILE)
  const does = <O extends Options>(run: Run<O>, check: typeof checkNew = checkNames) =>
    cli.act(
      (id: string, options: O) =>
        check('account', id) ?? withSession(cli, options.profile, session => run(session, id, options)),
    )

  about('add', 'make an account for a person or a service')
    .option('--role <role@scope>', ROLE, words, [])
    .option(
      '--key <file>',
      'the public key that they approve with, or a passkey from the console; repeatable',
      several,
      [],
    )
    .option('--kind <kind>', 'person or service', oneOf(['person', 'service'] as const), 'person')
    .option('--name <text>', 'what people call them')
    .action(does((session, id, options: AddOptions) => add(cli, session, id, options), checkNew))
  account
    .command('list')
    .description('every account with its roles')
    .option(...PROFILE)
    .action(cli.act(({ profile }: Options) => withSession(cli, profile, session => list(cli, session))))
  about('show', 'one account, with its tokens and sessions').action(does((session, id) => show(cli, session, id)))
  about('roles', 'give and take roles')
    .option('--add <role@scope>', ROLE, words, [])
    .option('--remove <role@scope>', 'a role to take away, as "account show" writes it; repeatable', words, [])
    .action(does((session, id, options: ChangeOptions) => roles(cli, session, id, options)))
  about('key', 'say which keys they approve with')
    .option('--add <file>', 'a public key, or a passkey from the console; repeatable', several, [])
    .option('--remove <id>', 'a key by its id, or the first 16 digits of it; repeatable', several, [])
    .action(does((session, id, options: ChangeOptions) => keys(cli, session, id, options)))
  about('identity', 'say who they are to another party that vouches for them (signIn.openid in fleet.yaml)')
    .requiredOption('--provider <issuer>', 'the party, by its issuer')
    .option('--subject <sub>', 'who they are there: the “sub” of its ID tokens')
    .option('--remove', 'the party vouches for them no more')
    .action(does((session, id, options: IdentityOptions) => identity(cli, session, id, options)))
  about(
    'disable',
    'let them in no more: sessions, tokens and passkeys end, and signatures of plans that wait count no more',
  )
    .requiredOption('--reason <text>', 'why: it is kept in the audit log')
    .action(
      does((session, id, { reason }: Options & { reason: string }) => change(cli, session, id, { disabled: reason })),
    )
  about('enable', 'let them in again; their tokens of before stay revoked').action(
    does((session, id) => change(cli, session, id, { disabled: null })),
  )
  about('forget', 'forget somebody for good: the account, and whom the audit log speaks of; it cannot be undone')
    .requiredOption('--forever', 'yes, for good: the log verifies as before, and nobody can tell any more who it was')
    .action(does((session, id) => forgetThem(cli, session, id)))
  about('password', 'set a password: your own, or as an administrator that of another')
    .option('--password-file <file>', 'a file of mode 600 with the new one; otherwise it is asked for')
    .option('--current-file <file>', 'the same with the one of before, where you change your own')
    .action(does((session, id, options: PasswordOptions) => password(cli, session, id, options)))
  about('token', 'make an API token, or revoke one')
    .option('--label <text>', 'what it is for', 'token')
    .option('--life <time>', 'how long it is good, up to 400d', duration, 90 * 86_400_000)
    .option('--role <role@scope>', 'what it may do, of what the account may; all of it, when left out', words)
    .option('--out <file>', 'the file that gets its secret, for its owner alone')
    .option('--revoke <token>', 'revoke this one, by its id')
    .action(does((session, id, options: TokenOptions) => token(cli, session, id, options)))
  about('hand-over', 'write the profile that somebody comes in with, for you to give to them')
    .requiredOption('--out <folder>', 'the folder to write; it must not exist')
    .option('--certificate', 'with a certificate and its key; without, they sign in with a password or a token')
    .action(
      does((session, id, options: Options & { out: string; certificate?: boolean }) =>
        makeProfile(cli, session, id, options.out, options.certificate === true),
      ),
    )
  program.addCommand(account)
}

async function add(cli: Cli, session: Session, id: string, options: AddOptions): Promise<Work> {
  const keys = keyIds(cli, options.key)
  if (isRefusal(keys)) return keys
  const body = { id, kind: options.kind, name: options.name ?? id, roles: [...options.role], keys: [...keys] }
  const made = await session.post<AccountView>('/v1/accounts', body)
  if (isRefusal(made)) return made
  const next =
    options.kind === 'service'
      ? `voltseal account token ${id} --out FILE`
      : `voltseal account hand-over ${id} --out FOLDER --certificate, or voltseal account password ${id}`
  cli.output.progress(`Nobody can come in with it yet. Next: ${next}`)
  return accountAnswer(cli, made)
}

function keyIds(cli: Cli, files: readonly string[]): readonly string[] | Refusal {
  const ids: string[] = []
  for (const file of files) {
    const key = loadRoleKey(file)
    if (isRefusal(key)) return key
    const id = keyIdOf(key, file, cli.world.crypto)
    if (isRefusal(id)) return id
    ids.push(id)
  }
  return ids
}

async function list(cli: Cli, session: Session): Promise<Work> {
  const accounts = await session.list<AccountView>('/v1/accounts')
  if (isRefusal(accounts)) return accounts
  const rows = accounts.map(({ id, kind, disabled, roles, keys, name }) => {
    const state = disabled === null ? 'in force' : ({ text: 'disabled', tone: 'bad' } as const)
    return [id, kind, state, roles.join(', ') || null, keys.length, name]
  })
  return { json: accounts, text: table(cli.output, ['account', 'kind', 'state', 'roles', '>keys', 'name'], rows) }
}

async function show(cli: Cli, session: Session, id: string): Promise<Work> {
  const detail = await session.get<AccountDetail>(`/v1/accounts/${id}`)
  if (isRefusal(detail)) return detail
  const now = cli.world.clock.now()
  const day = (at: number): string => formatUtc(instant(at))
  const rows = detail.credentials.map(one => {
    const state = one.revokedAt !== null ? 'revoked' : one.expiresAt <= now ? 'expired' : 'in force'
    const used = one.usedAt === null ? null : day(one.usedAt)
    return [one.id, one.kind, state, one.roles?.join(', ') ?? 'all', day(one.expiresAt), used, one.label]
  })
  const heads = ['id', 'kind', 'state', 'roles', 'until', 'last used', 'label']
  const credentials = rows.length === 0 ? '' : `\n\n${table(cli.output, heads, rows)}`
  const keys = detail.passkeys.map(({ label, usedAt }) => `${label} (${usedAt === null ? 'never used' : day(usedAt)})`)
  const more = [
    ['password', detail.password ? 'yes' : 'none'],
    ['passkeys', keys.join(', ') || 'none'],
    [
      'vouched for by',
      detail.externals.map(({ provider, subject }) => `${provider} as ${subject}`).join(', ') || 'nobody',
    ],
  ] as const
  return { json: detail, text: accountText(cli, detail, more) + credentials }
}

async function roles(cli: Cli, session: Session, id: string, { add, remove }: ChangeOptions): Promise<Work> {
  if (add.length + remove.length === 0) return refuse('usage-error', 'account roles', '--add or --remove', 'neither')
  const detail = await session.get<AccountDetail>(`/v1/accounts/${id}`)
  if (isRefusal(detail)) return detail
  const absent = remove.find(role => !detail.roles.includes(role))
  if (absent !== undefined) return refuse('usage-error', 'account roles --remove', detail.roles.join(', '), absent)
  // The server works out the rest: what somebody else changes meanwhile stays.
  return change(cli, session, id, { addRoles: [...new Set(add)], removeRoles: [...remove] })
}

async function keys(cli: Cli, session: Session, id: string, { add, remove }: ChangeOptions): Promise<Work> {
  if (add.length + remove.length === 0) return refuse('usage-error', 'account key', '--add or --remove', 'neither')
  const detail = await session.get<AccountDetail>(`/v1/accounts/${id}`)
  if (isRefusal(detail)) return detail
  const more = keyIds(cli, add)
  if (isRefusal(more)) return more
  const meant = (key: string): boolean => remove.some(one => one.length >= 16 && key.startsWith(one))
  if (remove.length > 0 && !detail.keys.some(meant)) {
    return refuse('usage-error', 'account key --remove', detail.keys.join(', ') || 'no key', remove.join(', '))
  }
  return change(cli, session, id, { keys: [...new Set([...detail.keys.filter(key => !meant(key)), ...more])] })
}

type IdentityOptions = Options & { provider: string; subject?: string; remove?: boolean }

async function identity(cli: Cli, session: Session, id: string, options: IdentityOptions): Promise<Work> {
  const { provider, subject, remove = false } = options
  if ((subject === undefined) !== remove) {
    return refuse('usage-error', 'account identity', '--subject SUB, or --remove', remove ? 'both' : 'neither')
  }
  const detail = await session.get<AccountDetail>(`/v1/accounts/${id}`)
  if (isRefusal(detail)) return detail
  const others = detail.externals.filter(one => one.provider !== provider)
  if (remove && others.length === detail.externals.length) {
    return refuse('usage-error', 'account identity', 'a party that vouches for the account', provider)
  }
  return change(cli, session, id, { externals: [...others, ...(subject === undefined ? [] : [{ provider, subject }])] })
}

async function change(cli: Cli, session: Session, id: string, body: object): Promise<Work> {
  const changed = await session.post<AccountView>(`/v1/accounts/${id}/changes`, body)
  return isRefusal(changed) ? changed : accountAnswer(cli, changed)
}

type PasswordOptions = Options & { passwordFile?: string; currentFile?: string }

async function password(cli: Cli, session: Session, id: string, options: PasswordOptions): Promise<Work> {
  const own = session.profile.name === id && session.profile.cert === undefined
  const current = own ? await askSecret(cli, `Password of ${id} until now`, options.currentFile) : undefined
  if (isRefusal(current)) return current
  const next = await askSecret(cli, `New password of ${id}`, options.passwordFile)
  if (isRefusal(next)) return next
  // Typed unseen, it is typed twice: nobody sees a slip.
  const again = options.passwordFile === undefined ? await askSecret(cli, 'The same again', undefined) : next
  if (isRefusal(again)) return again
  if (again !== next) return refuse('usage-error', 'account password', 'the same password twice', 'two different ones')
  const body = current === undefined ? { password: next } : { password: next, current }
  const set = await session.post<null>(`/v1/accounts/${id}/password`, body)
  if (isRefusal(set)) return set
  cli.output.progress('Its sessions have ended; its tokens stay.')
  return { json: { account: id, password: 'set' }, text: `The password of ${id} is set.` }
}

async function token(cli: Cli, session: Session, id: string, options: TokenOptions): Promise<Work> {
  if (options.revoke !== undefined) {
    const gone =
      checkNames('token', options.revoke) ?? (await session.delete(`/v1/accounts/${id}/credentials/${options.revoke}`))
    if (gone !== null) return gone
    return { json: { account: id, revoked: options.revoke }, text: `${options.revoke} is revoked.` }
  }
  const { out } = options
  if (out === undefined) return refuse('usage-error', 'account token', '--out FILE, or --revoke TOKEN', 'neither')
  const role = options.role === undefined ? {} : { roles: [...options.role] }
  const body: AskToken = { label: options.label, lifeMillis: options.life, ...role }
  const made = await session.post<TokenView>(`/v1/accounts/${id}/tokens`, body)
  if (isRefusal(made)) return made
  writeSecretFile(out, made.secret)
  cli.output.progress(`The secret is in ${out}, for its owner alone, and nowhere else: it is not shown again.`)
  const { secret: _, ...shown } = made
  return {
    json: { account: id, ...shown, file: out },
    text: listing(cli.output, [
      ['token', made.id],
      ['account', id],
      ['until', formatUtc(instant(made.expiresAt))],
      ['file', out],
    ]),
  }
}

const accountAnswer = (cli: Cli, view: AccountView): Work => ({ json: view, text: accountText(cli, view) })

function accountText(
  cli: Cli,
  { id, name, kind, disabled, roles, keys }: AccountView,
  more: readonly (readonly [string, string])[] = [],
): string {
  const state = disabled === null ? 'in force' : ({ text: `disabled: ${disabled.reason}`, tone: 'bad' } as const)
  return listing(cli.output, [
    ['account', id],
    ['name', name],
    ['kind', kind],
    ['state', state],
    ['roles', roles.join(', ') || 'none'],
    ['keys', keys.map(key => key.slice(0, 16)).join(', ') || 'none'],
    ...more,
  ])
}

async function forgetThem(cli: Cli, session: Session, id: string): Promise<Work> {
  const forgotten = await session.post<ForgottenView>(`/v1/accounts/${id}/forget`, {})
  if (isRefusal(forgotten)) return forgotten
  cli.output.progress('Copies of the store, such as backups, still know them until they are deleted.')
  return {
    json: forgotten,
    text: listing(cli.output, [['in the log', forgotten.pseudonym ?? 'the log never spoke of them']]),
  }
}
