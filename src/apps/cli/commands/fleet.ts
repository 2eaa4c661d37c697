import { Command } from 'commander'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { isRefusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import { isRefusalCode } from '../../../core/refusal/registry.ts'
import { EVIDENCE } from '../../../core/trust/evidence/judge.ts'
import type { StatusView } from '../../../wire/fleet-views.ts'
import { initFleet } from '../../fleet/init.ts'
import { replaceLogKey } from '../../fleet/log-key.ts'
import { ADMINISTRATOR } from '../../fleet/people.ts'
import { recoverFleet } from '../../fleet/recover.ts'
import { serveFleet } from '../../fleet/serve.ts'
import { duration, eachOf, several, whole } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { checkNames, type Session, withSession } from '../session.ts'
import { DEVELOPMENT_WARNING, PRIVATE_KEY } from '../signing-key.ts'
import { listing, table } from '../table.ts'
import { addFleetBackup } from './backup.ts'
import { addFleetAnchors } from './fleet-anchors.ts'
import { addFleetBreaks } from './fleet-breaks.ts'
import { addFleetCheckStore } from './fleet-check-store.ts'
import { addFleetCompliance } from './fleet-compliance.ts'
import { addFleetImport } from './fleet-import.ts'
import { addFleetInventory } from './fleet-inventory.ts'
import { addFleetPatches } from './fleet-patches.ts'

type InitOptions = {
  name: string
  host: string
  port: number
  firmwareKey: readonly string[]
  releaseKey: string
  approverKey: readonly string[]
  approvalThreshold: number
  metadataLife: number
  tick: number
  consolePort?: number
  oneOrganisation?: boolean
  signIn?: boolean
  demand: readonly ('sbom' | 'provenance')[]
  builder: readonly string[]
  provenanceKey: readonly string[]
}

export function addFleet(program: Command, cli: Cli): void {
  const fleet = new Command('fleet').description('make and run a fleet server').copyInheritedSettings(program)
  fleet
    .command('init')
    .description('make a fleet server’s folder: config, repositories, authority, your own profile')
    .argument('<folder>', 'the folder; it must not exist, or be empty')
    .requiredOption('--firmware-key <file>', 'a public key that signs firmware; repeatable', several)
    .requiredOption('--release-key <key>', `the private key that signs what is published ${PRIVATE_KEY}`)
    .requiredOption(
      '--approver-key <key>',
      `a private key of somebody who approves; repeatable ${PRIVATE_KEY}`,
      several,
    )
    .option('--approval-threshold <n>', 'how many of the approvers must sign a plan', whole, 1)
    .option('--name <name>', 'the fleet’s name: the origin of its audit log', 'fleet')
    .option('--host <address>', 'the address that it serves on', '127.0.0.1')
    .option('--port <n>', 'the port', whole, 8443)
    .option(
      '--console-port <n>',
      'serve the console to browsers on this machine, on this port; to others: docs/console.md',
      whole,
    )
    .option(
      '--one-organisation',
      'maker and operator are one firm: the administrator publishes, plans and operates too',
    )
    .option('--sign-in', 'let people sign in with a password, and services come with a token, without a certificate')
    .option('--demand <kinds>', 'what a release must carry to be published: sbom, provenance', eachOf(EVIDENCE), [])
    .option('--provenance-key <file>', 'a public key that signs provenance statements; repeatable', several, [])
    .option('--builder <uri>', 'a builder whose builds are taken; repeatable; any, when none is named', several, [])
    .option('--metadata-life <time>', 'how long what it signs online stays valid', duration, 24 * 3_600_000)
    .option('--tick <time>', 'how often it looks at running campaigns', duration, 1000)
    .action(
      cli.act(async (folder: string, options: InitOptions) => {
        const made = await initFleet(folder, options, { ...cli.world, openSigner: cli.openSigner })
        if (isRefusal(made)) return made
        // Its own keys are files, whatever those of the people are.
        cli.output.warnOnce(DEVELOPMENT_WARNING)
        cli.output.progress(`Next: voltseal fleet serve ${folder}`)
        if (made.console !== null) {
          const password = `voltseal account password ${ADMINISTRATOR} --profile ${made.profile}`
          cli.output.progress(`Then, to sign in at ${made.console} as ${ADMINISTRATOR}: ${password}`)
        }
        return {
          json: made,
          text: listing(cli.output, [
            ['fleet', made.name],
            ['url', made.url],
            ['folder', made.folder],
            ['profile', made.profile],
            ...(made.console === null ? [] : [['console', made.console] as const]),
            ...made.approvers.map(({ id, profile }) => [`approver ${id}`, profile] as const),
          ]),
        }
      }),
    )
  fleet
    .command('serve')
    .description('serve a fleet until it is told to stop (Ctrl-C, SIGTERM)')
    .argument('<folder>', 'the folder that fleet init made')
    .option('--clock-was-ahead', 'the clock is right now and was ahead before: start although the log has later times')
    .action(
      cli.act((folder: string, { clockWasAhead }: { clockWasAhead?: true }) =>
        serveFleet(folder, cli.world.clock, clockWasAhead),
      ),
    )
  fleet
    .command('recover')
    .description('on the server’s own machine, while it does not serve: make an administrator, with a certificate')
    .argument('<folder>', 'the folder that fleet init made')
    .requiredOption('--account <name>', 'whose account; it is made when it is not there')
    .action(
      cli.act(async (folder: string, { account }: { account: string }) => {
        const recovered = checkNames('account', account) ?? (await recoverFleet(folder, account, cli.world.clock))
        if (isRefusal(recovered)) return recovered
        cli.output.progress(`Hand the profile over, delete it here, then: voltseal fleet serve ${folder}`)
        return {
          json: recovered,
          text: listing(cli.output, [
            ['account', recovered.account],
            ['profile', recovered.profile],
          ]),
        }
      }),
    )
  fleet
    .command('replace-log-key')
    .description(
      'on the server’s own machine, while it does not serve: sign the log with the key in keys/next/audit from now on',
    )
    .argument('<folder>', 'the folder that fleet init made')
    .action(
      cli.act(async (folder: string) => {
        const replaced = await replaceLogKey(folder, cli.world.clock)
        if (isRefusal(replaced)) return replaced
        cli.output.progress(
          'On each gateway: voltseal gateway trust-log-key FOLDER --key KEY. For the others see docs/runbooks/stolen-log-key.md.',
        )
        return {
          json: replaced,
          text: listing(cli.output, [
            ['key from now on', replaced.key],
            ['key until now', replaced.before],
            ['entries', replaced.size],
          ]),
        }
      }),
    )
  fleet
    .command('status')
    .description('show how long the fleet’s metadata still holds, and what a person has to see to')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((options: { profile?: string }) => withSession(cli, options.profile, session => status(cli, session))),
    )
  addFleetAnchors(fleet, cli)
  addFleetBreaks(fleet, cli)
  addFleetPatches(fleet, cli)
  addFleetInventory(fleet, cli)
  addFleetCompliance(fleet, cli)
  addFleetImport(fleet, cli)
  addFleetCheckStore(fleet, cli)
  addFleetBackup(fleet, cli)
  program.addCommand(fleet)
}

async function status(cli: Cli, session: Session): Promise<Work> {
  const view = await session.get<StatusView>('/v1/status')
  if (isRefusal(view)) return view
  for (const { code, subject, expected, actual } of view.alarms) {
    // A server of a later version may know codes that are not known here.
    const said = isRefusalCode(code) ? sentence(refuse(code, subject, expected, actual)) : `${subject}: ${actual}`
    cli.output.warn(`${code}: ${said}`)
  }
  const soon = new Set(view.alarms.map(({ subject }) => subject))
  const day = (instant: number): string => new Date(instant).toISOString().slice(0, 10)
  const rows = view.metadata.map(({ repository, role, version, expires, daysLeft }) => {
    const tone = soon.has(`${repository}: ${role}`) ? 'bad' : 'good'
    return [repository, role, version, day(expires), { text: String(daysLeft), tone } as const]
  })
  const { count, firstExpires } = view.sites
  const first = firstExpires === null ? [] : [['director', `bundles of ${count} sites`, null, day(firstExpires), null]]
  const headings = ['repository', 'role', '>version', 'expires', '>days left']
  const metadata = table(cli.output, headings, [...rows, ...first])
  return { json: view, text: `${metadata}\n\n${listing(cli.output, logLines(view.log))}` }
}

/** How far the log is signed, and by whom. A server of before does not say. */
function logLines(log: StatusView['log'] | undefined): [string, string][] {
  if (log === undefined) return []
  const { entries, witnessed, witnesses } = log
  const enough = witnessed === null ? 'no witness has to sign them' : `${witnessed} signed by enough witnesses`
  return [
    ['audit log', `${entries} entries, ${enough}`],
    ...witnesses.map(({ name, entries: signed, at }): [string, string] => [
      `witness ${name}`,
      at === null ? 'nothing signed yet' : `${signed} entries, ${formatUtc(instant(at))}`,
    ]),
  ]
}
