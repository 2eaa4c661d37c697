import { Command } from 'commander'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import { isRefusalCode } from '../../../core/refusal/registry.ts'
import type { SiemTested, SiemView } from '../../../wire/siem-api.ts'
import { duration } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { checkNames, type Session, withSession } from '../session.ts'
import { listing, table } from '../table.ts'

const PROFILE = ['--profile <file>', 'who you are: a profile.yaml'] as const
/** How often it is looked whether the entry has arrived, in milliseconds. */
const LOOK = 200

type Options = { profile?: string }
type TestOptions = Options & { wait: number }

/** The log on its way to a SIEM. */
export function addSiem(program: Command, cli: Cli): void {
  const siem = new Command('siem')
    .description('see how far the audit log has been forwarded as syslog, and try it')
    .copyInheritedSettings(program)
  siem
    .command('status')
    .description('every receiver of fleet.yaml: what was sent, what has arrived, what is wrong')
    .option(...PROFILE)
    .action(cli.act(({ profile }: Options) => withSession(cli, profile, session => status(cli, session))))
  siem
    .command('test')
    .description('have an entry made and forwarded, and wait until the receiver has read it')
    .argument('<receiver>', 'its name in fleet.yaml')
    .option('--wait <time>', 'how long to wait for it', duration, 30_000)
    .option(...PROFILE)
    .action(
      cli.act(
        (receiver: string, { profile, wait }: TestOptions) =>
          checkNames('siem', receiver) ??
          withSession(cli, profile, session => testReceiver(cli, session, receiver, wait)),
      ),
    )
  program.addCommand(siem)
}

async function status(cli: Cli, session: Session): Promise<Work> {
  const receivers = await session.list<SiemView>('/v1/siem')
  if (isRefusal(receivers)) return receivers
  const rows = receivers.map(one => [
    one.receiver,
    `${one.host}:${one.port}`,
    one.connected ? { text: 'connected', tone: 'good' as const } : { text: 'not connected', tone: 'bad' as const },
    one.size,
    one.sent,
    one.confirmed,
    one.settled,
    one.fault === null ? '' : `${one.fault.code}, ${times(one.failures)}; next try ${formatUtc(instant(one.due))}`,
  ])
  for (const { fault } of receivers) {
    const refusal = refusalOf(fault)
    if (refusal !== null) cli.output.warn(sentence(refusal))
  }
  const headings = ['receiver', 'at', 'line', '>entries', '>sent', '>read', '>settled', 'fails']
  return { json: receivers, text: table(cli.output, headings, rows) }
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`)

async function testReceiver(cli: Cli, session: Session, receiver: string, wait: number): Promise<Work> {
  const before = await look(session, receiver)
  if (isRefusal(before)) return before
  const made = await session.post<SiemTested>(`/v1/siem/${receiver}/tests`, {})
  if (isRefusal(made)) return made
  cli.output.progress(`Entry ${made.index} was made; waiting until ${receiver} has read it ...`)
  const until = cli.world.clock.now() + wait
  for (;;) {
    const one = await look(session, receiver)
    if (isRefusal(one)) return one
    if (one.confirmed > made.index) return arrived(cli, one, made.index)
    // What failed before is no answer: somebody may have mended it since.
    const hasFailed = one.fault !== null && one.failures > before.failures
    if (hasFailed || cli.world.clock.now() >= until) return missing(one, made.index)
    await new Promise(resolve => setTimeout(resolve, LOOK))
  }
}

async function look(session: Session, receiver: string): Promise<SiemView | Refusal> {
  const receivers = await session.list<SiemView>('/v1/siem')
  if (isRefusal(receivers)) return receivers
  const one = receivers.find(found => found.receiver === receiver)
  return one ?? refuse('not-found', `siem ${receiver}`, 'a receiver of fleet.yaml', 'none of that name')
}

function arrived(cli: Cli, { receiver, host, port }: SiemView, index: number): Work {
  return {
    json: { receiver, index, read: true },
    text: listing(cli.output, [
      ['receiver', receiver],
      ['at', `${host}:${port}`],
      ['entry', index],
      ['verdict', { text: 'read by the receiver', tone: 'good' }],
    ]),
  }
}

/** Why it has not arrived: as the server says, or because there is much before it. */
function missing({ receiver, fault, behind, host, port }: SiemView, index: number): Refusal {
  const subject = `siem ${receiver}: ${host}:${port}`
  return refusalOf(fault) ?? refuse('siem-behind', subject, `entry ${index} read`, `${behind} entries to be sent`)
}

/** A fault as the server says it. A server of a later version may know codes that are not known here. */
function refusalOf(fault: SiemView['fault']): Refusal | null {
  if (fault === null) return null
  const { code, subject, expected, actual } = fault
  return isRefusalCode(code) ? refuse(code, subject, expected, actual) : null
}
