import type { Command } from 'commander'
import { writeWhole } from '../../../adapters/config-file.ts'
import { Misfit } from '../../../core/encoding/shape.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { readBundle } from '../../../core/ledger/bundle.ts'
import { type ChangeReport, changeReport, changeReportCsv, type Signed } from '../../../core/ledger/change-report.ts'
import { type AuditEntry, parseEntry } from '../../../core/ledger/entry.ts'
import { named } from '../../../core/ledger/pseudonym.ts'
import { TILE_WIDTH, tileAt, tilePath } from '../../../core/ledger/tiles.ts'
import { isRefusal, orThrow, refuse } from '../../../core/refusal/refusal.ts'
import type { LogFiles } from '../../../flows/log-files.ts'
import { verifyFiles } from '../../../flows/prove.ts'
import type { Cli, Work } from '../cli.ts'
import { type TrustOptions, withLog } from '../log-source.ts'
import { namesOf } from '../names.ts'
import type { Output } from '../output.ts'
import { checkNames, openSession } from '../session.ts'
import { listing, table } from '../table.ts'
import { progressOf, trusting } from './audit-verify.ts'

type Options = TrustOptions & { readonly csv?: string; readonly out?: string }

/** `audit changes`: the report that an auditor asks for, out of a log that is verified first. */
export function addChanges(audit: Command, cli: Cli): void {
  const command = audit
    .command('changes')
    .description(
      'what a campaign did to each controller, who asked for it and who allowed it; the log is verified first',
    )
    .argument('<campaign>', 'the campaign')
    .argument('[where]', 'a folder or an address with the files of a log; without one, the fleet server’s log')
    .option('--csv <file>', 'write it as CSV, a line for each controller')
    .option('--out <file>', 'write it as JSON')
  trusting(command).action(
    cli.act((campaign: string, where: string | undefined, options: Options) => changes(cli, campaign, where, options)),
  )
}

async function changes(cli: Cli, campaign: string, where: string | undefined, options: Options): Promise<Work> {
  const misnamed = checkNames('campaign', campaign)
  if (misnamed !== null) return misnamed
  return withLog(cli, where, options, async ({ files, policy }) => {
    const kept = new Map<string, Uint8Array | null>()
    const keeping: LogFiles = {
      async file(path) {
        const bytes = await files.file(path)
        if (path.startsWith('tile/entries/')) kept.set(path, bytes)
        return bytes
      },
    }
    const verified = await verifyFiles(keeping, policy, cli.world.crypto, { say: progressOf(cli) })
    if (isRefusal(verified)) return verified
    const [finding] = verified.verdict.findings
    // Nothing is told of a log that is not sound: its first finding is the answer.
    if (finding !== undefined) return finding
    const report = changeReport(entriesOf(kept, verified.verdict.size), campaign)
    if (report === null)
      return refuse('campaign-unknown', `campaign ${campaign}`, 'a campaign of the log', 'none of that name')
    return tell(cli, where === undefined ? await withPeople(cli, options, report) : report, options)
  })
}

/** The report with the names of its people, where its reader may see accounts: files name nobody. */
async function withPeople(cli: Cli, { profile }: Options, report: ChangeReport): Promise<ChangeReport> {
  const session = openSession(cli, profile)
  // The report is as true without them.
  if (isRefusal(session)) return report
  const { created, approvals, started } = report
  const everybody = [created, ...approvals, ...(started === null ? [] : [started])]
  const names = await namesOf(
    session,
    everybody.map(({ by }) => by),
  ).finally(() => session.close())
  if (isRefusal(names)) return report
  const name = (one: Signed): Signed => ({ ...one, by: named(one.by, names) })
  return {
    ...report,
    created: name(created),
    approvals: approvals.map(name),
    started: started === null ? null : name(started),
  }
}

function tell(cli: Cli, report: ChangeReport, { csv, out }: Options): Work {
  if (csv !== undefined) writeWhole(csv, changeReportCsv(report))
  if (out !== undefined) writeWhole(out, `${JSON.stringify(report, null, 2)}\n`)
  for (const written of [csv, out]) if (written !== undefined) cli.output.progress(`Written: ${written}`)
  return { json: report, text: textOf(cli.output, report) }
}

/** The entries of bundles that were verified. */
function entriesOf(bundles: ReadonlyMap<string, Uint8Array | null>, size: number): AuditEntry[] {
  const all: AuditEntry[] = []
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const tile = tileAt('entries', first, size)
    const read = readBundle(bundles.get(tilePath(tile)) ?? new Uint8Array(0), tile.width)
    if (read instanceof Misfit) throw new Error(`${tilePath(tile)} was sound, and is ${read.actual}`)
    for (const [at, bytes] of read.entries()) all.push(orThrow(parseEntry(bytes, `entry ${first + at}`)))
  }
  return all
}

function textOf(output: Output, report: ChangeReport): string {
  const { changes, approvals, ended } = report
  const heads = listing(output, [
    ['campaign', `${report.campaign}: ${report.title}`],
    ['change request', report.changeRequest ?? '–'],
    ['criticality', report.criticality],
    ['plan', report.plan],
    ['created', signed(report.created)],
    ...approvals.map(one => ['approved', signed(one)] as const),
    ['started', report.started === null ? '–' : signed(report.started)],
    [
      'ended',
      ended === null ? '–' : `${formatUtc(ended.at)} ${ended.how}${ended.reason === null ? '' : `: ${ended.reason}`}`,
    ],
    ['clocks', report.clocks.join(', ')],
  ])
  const rows = changes.map(one => [
    `${one.site}/${one.controller}`,
    one.from,
    one.wanted,
    one.now,
    one.granted === null ? '–' : formatUtc(one.granted),
    one.ended === null ? '–' : formatUtc(one.ended),
    one.why === null ? one.outcome : `${one.outcome}: ${one.why}`,
  ])
  return `${heads}\n\n${table(output, ['controller', 'from', 'wanted', 'now', 'granted', 'ended', 'outcome'], rows)}`
}

const signed = ({ at, by, key }: ChangeReport['created']): string =>
  `${formatUtc(at)} by ${by}${key === null ? '' : `, key ${key.slice(0, 16)}`}`
