import { Command } from 'commander'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import type { ControllerView, HistoryView } from '../../../wire/fleet-views.ts'
import type { VersionSaidView } from '../../../wire/inventory-views.ts'
import { several, words } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import type { Tone } from '../output.ts'
import { checkNames, type Session, withSession } from '../session.ts'
import { type Cell, listing, table } from '../table.ts'
import { type DeviceOptions, deviceHistory } from './device-history.ts'

type Options = { profile?: string }

export function addController(program: Command, cli: Cli): void {
  const controller = new Command('controller')
    .description('look at controllers: what each attested, and what happened to it')
    .copyInheritedSettings(program)
  controller
    .command('list')
    .description('every controller with the state that it last attested')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(cli.act(({ profile }: Options) => withSession(cli, profile, session => list(cli, session))))
  controller
    .command('show')
    .description('one controller')
    .argument('<controller>', 'SITE/CONTROLLER')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((name: string, { profile }: Options) => withSession(cli, profile, session => show(cli, session, name))),
    )
  controller
    .command('history')
    .description('what the audit log says of one controller; or what a dump of its flash says, with no network')
    .argument('[controller]', 'SITE/CONTROLLER')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .option(
      '--device <path>',
      'a dump of flash, a device or a folder of areas, in place of the log; repeatable',
      several,
    )
    .option('--record-key <file>', 'the device’s record key: shows only what carries its MAC')
    .option('--anchor <files>', 'public keys of the firmware, with commas, to verify the envelopes in the slots', words)
    .action(
      cli.act((name: string | undefined, options: Options & DeviceOptions) => {
        if (options.device !== undefined && name === undefined) return deviceHistory(cli, options)
        const both = 'a controller and --device'
        if (options.device !== undefined) return refuse('usage-error', both, 'one of them', 'both')
        if (name === undefined) return refuse('usage-error', both, 'one of them', 'neither')
        return withSession(cli, options.profile, session => history(cli, session, name))
      }),
    )
  program.addCommand(controller)
}

async function list(cli: Cli, session: Session): Promise<Work> {
  const controllers = await session.list<ControllerView>('/v1/controllers')
  if (isRefusal(controllers)) return controllers
  const rows = controllers.map(one => [
    `${one.site}/${one.id}`,
    one.class,
    one.hardware,
    one.version,
    one.slot,
    one.counter,
    stateCell(one.state),
    ago(one.reportedAt, cli.world.clock.now()),
  ])
  const headings = ['controller', 'class', 'hardware', 'version', 'slot', '>counter', 'state', 'reported']
  return { json: controllers, text: table(cli.output, headings, rows) }
}

/** A controller as people write it. */
function checkController(name: string): Refusal | null {
  const parts = name.split('/')
  if (parts.length === 2) return checkNames('controller', ...parts)
  return refuse('usage-error', name, 'SITE/CONTROLLER, such as harbour/bms-1', `${parts.length} parts`)
}

async function show(cli: Cli, session: Session, name: string): Promise<Work> {
  const fault = checkController(name)
  if (fault !== null) return fault
  const one = await session.get<ControllerView>(`/v1/controllers/${name}`)
  if (isRefusal(one)) return one
  return {
    json: one,
    text: listing(cli.output, [
      ['controller', `${one.site}/${one.id}`],
      ['class', one.class],
      ['hardware', one.hardware],
      ['version', one.version],
      ['slot', one.slot],
      ['security counter', one.counter],
      ...(one.anchors ?? []).map(kid => ['accepts releases by', kid] as const),
      ['state', stateCell(one.state)],
      ['last report', one.reportedAt === null ? null : new Date(one.reportedAt).toISOString()],
      ['report number', one.sequence],
      ['waits', one.waits === null ? null : waitText(one.waits)],
    ]),
  }
}

/** The site's sentence, when it said so, and when it can change. */
function waitText({ sentence, at, nextPossible }: NonNullable<ControllerView['waits']>): string {
  const next = nextPossible === null ? '' : ` At the earliest ${new Date(nextPossible).toISOString()}.`
  return `${sentence}${next} (said ${new Date(at).toISOString()})`
}

async function history(cli: Cli, session: Session, name: string): Promise<Work> {
  const fault = checkController(name)
  if (fault !== null) return fault
  const entries = await session.list<HistoryView>(`/v1/controllers/${name}/history`)
  if (isRefusal(entries)) return entries
  const versions = await session.get<VersionSaidView[]>(`/v1/controllers/${name}/versions`)
  if (isRefusal(versions)) return versions
  const rows = entries.map(({ index, at, kind, code, summary }) => [
    index,
    new Date(at).toISOString(),
    kind,
    code === null ? null : ({ text: code, tone: 'refused' } as const),
    summary,
  ])
  const said = versions.map(({ at, said, version, digest }) => [
    new Date(at).toISOString(),
    said,
    version,
    digest === null ? null : `${digest.slice(0, 16)}…`,
  ])
  const parts = [
    table(cli.output, ['>entry', 'when', 'what', 'code', 'detail'], rows),
    table(cli.output, ['since', 'said', 'version', 'SHA-256 of the image'], said),
  ]
  return { json: { entries, versions }, text: parts.join('\n\n') }
}

function stateCell(state: string | null): Cell {
  const tones: Readonly<Record<string, Tone>> = { stable: 'good', trial: 'warn', golden: 'bad' }
  return state === null ? null : { text: state, tone: tones[state] ?? 'warn' }
}

/** How long ago, in the largest unit that fits. */
export function ago(then: number | null, now: number): string | null {
  if (then === null) return null
  const seconds = Math.max(0, Math.round((now - then) / 1000))
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} d ago`
}
