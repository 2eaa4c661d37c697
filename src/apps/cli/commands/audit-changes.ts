import type { Command } from 'commander'
import { writeWhole } from '../../../adapters/config-file.ts'
import { fromBase64 } from '../../../core/encoding/bytes.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { type ChangeReport, changeReport, changeReportCsv } from '../../../core/ledger/change-report.ts'
import { type AuditEntry, parseEntry } from '../../../core/ledger/entry.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { type AuditLog, fetchLog, judgeLog, readLog } from '../audit-log.ts'
import type { Cli, Work } from '../cli.ts'
import type { Output } from '../output.ts'
import { checkNames, withSession } from '../session.ts'
import { listing, table } from '../table.ts'

type Options = { profile?: string; key?: string; csv?: string; out?: string }

/** `audit changes`: the report that an auditor asks for, out of a log that is verified first. */
export function addChanges(audit: Command, cli: Cli): void {
  audit
    .command('changes')
    .description(
      'what a campaign did to each controller, who asked for it and who allowed it; the log is verified first',
    )
    .argument('<campaign>', 'the campaign')
    .argument('[file]', 'an export of the log; without one the log is read from the fleet server')
    .option('--key <text>', 'the key that signs checkpoints, as audit export printed it')
    .option('--csv <file>', 'write it as CSV, a line for each controller')
    .option('--out <file>', 'write it as JSON')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((campaign: string, file: string | undefined, options: Options) => changes(cli, campaign, file, options)),
    )
}

async function changes(cli: Cli, campaign: string, file: string | undefined, options: Options): Promise<Work> {
  const misnamed = checkNames('campaign', campaign)
  if (misnamed !== null) return misnamed
  if (file !== undefined && options.key !== undefined) {
    const log = readLog(file)
    return isRefusal(log) ? log : tell(cli, log, campaign, options, { key: options.key, from: file })
  }
  return withSession(cli, options.profile, async session => {
    const log = file === undefined ? await fetchLog(cli, session) : readLog(file)
    const { auditKey, url } = session.profile
    return isRefusal(log) ? log : tell(cli, log, campaign, options, { key: options.key ?? auditKey, from: file ?? url })
  })
}

/** Nothing is told of a log that is not sound: its first finding is the answer. */
function tell(
  cli: Cli,
  log: AuditLog,
  campaign: string,
  { csv, out }: Options,
  { key, from }: { key: string; from: string },
): Work {
  const judged = judgeLog(cli.world.crypto, log, key, from)
  if (isRefusal(judged)) return judged
  const [finding] = judged.verdict.findings
  if (finding !== undefined) return finding
  const entries = entriesOf(log, from)
  if (isRefusal(entries)) return entries
  const report = changeReport(entries, campaign)
  if (report === null)
    return refuse('campaign-unknown', `campaign ${campaign}`, 'a campaign of the log', 'none of that name')
  if (csv !== undefined) writeWhole(csv, changeReportCsv(report))
  if (out !== undefined) writeWhole(out, `${JSON.stringify(report, null, 2)}\n`)
  for (const written of [csv, out]) if (written !== undefined) cli.output.progress(`Written: ${written}`)
  return { json: report, text: textOf(cli.output, report) }
}

function entriesOf({ entries }: AuditLog, from: string): AuditEntry[] | Refusal {
  const read: AuditEntry[] = []
  for (const [index, text] of entries.entries()) {
    const entry = parseEntry(fromBase64(text) ?? new Uint8Array(0), `${from}, entry ${index}`)
    if (isRefusal(entry)) return entry
    read.push(entry)
  }
  return read
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
  return `${heads}\n${table(output, ['controller', 'from', 'wanted', 'now', 'granted', 'ended', 'outcome'], rows)}`
}

const signed = ({ at, by, key }: ChangeReport['created']): string =>
  `${formatUtc(at)} by ${by}${key === null ? '' : `, key ${key.slice(0, 16)}`}`
