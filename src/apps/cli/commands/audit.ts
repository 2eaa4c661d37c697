import { Command } from 'commander'
import { writeWhole } from '../../../adapters/config-file.ts'
import type { NoteKey } from '../../../core/ledger/signed-note.ts'
import type { LogVerdict } from '../../../core/ledger/verify.ts'
import { isRefusal, sentence } from '../../../core/refusal/refusal.ts'
import { type AuditLog, fetchLog, judgeLog, readLog } from '../audit-log.ts'
import type { Cli, Work } from '../cli.ts'
import { exitOf } from '../output.ts'
import { type Session, withSession } from '../session.ts'
import { listing } from '../table.ts'
import { addChanges } from './audit-changes.ts'

type Options = { profile?: string; key?: string }

export function addAudit(program: Command, cli: Cli): void {
  const audit = new Command('audit')
    .description('verify and export the audit log, and what it tells of a campaign')
    .copyInheritedSettings(program)
  audit
    .command('verify')
    .description('verify every entry against the signed checkpoint: over the API, or offline from an export')
    .argument('[file]', 'an export; without one the log is read from the fleet server')
    .option('--key <text>', 'the key that signs checkpoints, as audit export printed it')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(cli.act((file: string | undefined, options: Options) => verify(cli, file, options)))
  audit
    .command('export')
    .description('write the whole log into one file that can be verified offline')
    .argument('<file>', 'the file to write')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((file: string, { profile }: Options) =>
        withSession(cli, profile, session => exportLog(cli, session, file)),
      ),
    )
  addChanges(audit, cli)
  program.addCommand(audit)
}

async function verify(cli: Cli, file: string | undefined, options: Options): Promise<Work> {
  if (file !== undefined && options.key !== undefined) {
    const log = readLog(file)
    return isRefusal(log) ? log : verdictOf(cli, log, options.key, file)
  }
  return withSession(cli, options.profile, async session => {
    const log = file === undefined ? await fetchLog(cli, session) : readLog(file)
    return isRefusal(log)
      ? log
      : verdictOf(cli, log, options.key ?? session.profile.auditKey, file ?? session.profile.url)
  })
}

function verdictOf(cli: Cli, log: AuditLog, keyText: string, from: string): Work {
  const judged = judgeLog(cli.world.crypto, log, keyText, from)
  return isRefusal(judged) ? judged : report(cli, judged.verdict, judged.key, from)
}

function report(cli: Cli, verdict: LogVerdict, key: NoteKey, from: string): Work {
  for (const finding of verdict.findings) cli.output.warn(sentence(finding))
  if (verdict.dropped > 0) cli.output.warn(`and ${verdict.dropped} further findings`)
  const first = verdict.findings[0]
  const text = listing(cli.output, [
    ['log', from],
    ['origin', key.name],
    ['entries', verdict.size],
    ['root', verdict.root],
    ['verdict', verdict.sound ? { text: 'sound', tone: 'good' } : { text: 'NOT SOUND', tone: 'bad' }],
    ['findings', verdict.findings.length + verdict.dropped],
  ])
  const { sound, size, root, origins, findings } = verdict
  const json = { sound, origin: key.name, size, root, origins, findings }
  return first === undefined ? { json, text } : { json, text, exit: exitOf(first) }
}

async function exportLog(cli: Cli, session: Session, file: string): Promise<Work> {
  const log = await fetchLog(cli, session)
  if (isRefusal(log)) return log
  writeWhole(file, `${JSON.stringify(log)}\n`)
  const key = session.profile.auditKey
  cli.output.progress(`To verify it offline: voltseal audit verify ${file} --key '${key}'`)
  return {
    json: { file, entries: log.entries.length, key },
    text: listing(cli.output, [
      ['file', file],
      ['entries', log.entries.length],
      ['key', key],
    ]),
  }
}
