import { Command } from 'commander'
import { scryptPasswords } from '../../../adapters/passwords-scrypt.ts'
import { nodeRandom } from '../../../adapters/random-node.ts'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { SITE_ROLES, type SiteRole } from '../../../core/fleet/site-people.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import {
  addSitePerson,
  disableSitePerson,
  forgetSitePerson,
  listSitePeople,
  type PeopleTools,
  type SitePersonView,
  setSitePassword,
} from '../../gateway/people.ts'
import { oneOf } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { askSecret } from '../secrets.ts'
import { checkNew } from '../session.ts'
import { listing, table } from '../table.ts'

type PasswordOptions = { passwordFile?: string }
const PASSWORD_FILE = [
  '--password-file <file>',
  'a file of mode 600 with the password; otherwise it is asked for',
] as const

/** Who may sign in at a gateway's own page: said on its machine, whether it serves or not. */
export function addGatewayAccount(gateway: Command, cli: Cli): void {
  const account = new Command('account')
    .description('say who may sign in at the gateway’s page: on this machine, also while the gateway serves')
    .copyInheritedSettings(gateway)
  const about = (name: string, description: string): Command =>
    account
      .command(name)
      .description(description)
      .argument('<folder>', 'the folder that gateway init made')
      .argument('<name>', 'who')
  about('add', 'let somebody in, with a password')
    .option('--role <role>', SITE_ROLES.join(' or '), oneOf(SITE_ROLES), 'technician')
    .option(...PASSWORD_FILE)
    .action(
      cli.act(async (folder: string, name: string, options: PasswordOptions & { role: SiteRole }) => {
        const bad = checkNew('name', name)
        if (bad !== null) return bad
        const password = await askSecret(cli, `A password for ${name}`, options.passwordFile)
        if (isRefusal(password)) return password
        return shown(cli, await addSitePerson(folder, { name, role: options.role, password }, tools(cli)))
      }),
    )
  about('password', 'set a new password; who was shut out may come in again')
    .option(...PASSWORD_FILE)
    .action(
      cli.act(async (folder: string, name: string, options: PasswordOptions) => {
        const password = await askSecret(cli, `The new password of ${name}`, options.passwordFile)
        if (isRefusal(password)) return password
        return shown(cli, await setSitePassword(folder, { name, password }, tools(cli)))
      }),
    )
  about('disable', 'shut somebody out: their sessions end with the next request').action(
    cli.act((folder: string, name: string) => shown(cli, disableSitePerson(folder, name, cli.world.clock))),
  )
  about('forget', 'take somebody off the list, and forget whom the log speaks of; it cannot be undone')
    .requiredOption(
      '--forever',
      'yes, for good: the log says as before that somebody was there, and nobody can tell who',
    )
    .action(
      cli.act((folder: string, name: string) => {
        const forgotten = forgetSitePerson(folder, name)
        if (isRefusal(forgotten)) return forgotten
        return { json: forgotten, text: listing(cli.output, [['forgotten', forgotten.account]]) }
      }),
    )
  account
    .command('list')
    .description('who may sign in, and what the log calls them')
    .argument('<folder>', 'the folder that gateway init made')
    .action(
      cli.act((folder: string) => {
        const people = listSitePeople(folder)
        if (isRefusal(people)) return people
        const rows = people.map(one => [one.name, one.role, standing(one), when(one), one.account])
        return { json: people, text: table(cli.output, ['name', 'role', 'state', 'since', 'in the log'], rows) }
      }),
    )
  gateway.addCommand(account)
}

const tools = (cli: Cli): PeopleTools => ({ passwords: scryptPasswords(), random: nodeRandom, clock: cli.world.clock })
const when = ({ since }: SitePersonView): string => formatUtc(instant(since))
const standing = ({ standing: at }: SitePersonView) => (at === 'in force' ? at : ({ text: at, tone: 'bad' } as const))

function shown(cli: Cli, one: SitePersonView | Refusal): Work {
  if (isRefusal(one)) return one
  const rows = [
    ['name', one.name],
    ['role', one.role],
    ['state', one.standing],
    ['in the log', one.account],
  ] as const
  return { json: one, text: listing(cli.output, rows) }
}
