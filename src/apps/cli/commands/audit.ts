import { Command } from 'commander'
import { writeWhole } from '../../../adapters/config-file.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { fetchLog } from '../audit-log.ts'
import type { Cli, Work } from '../cli.ts'
import { type Session, withSession } from '../session.ts'
import { listing } from '../table.ts'
import { addChanges } from './audit-changes.ts'
import { addProve } from './audit-prove.ts'
import { addVerify } from './audit-verify.ts'

type Options = { profile?: string; key?: string }

export function addAudit(program: Command, cli: Cli): void {
  const audit = new Command('audit')
    .description('verify and export the audit log, and what it tells of a campaign')
    .copyInheritedSettings(program)
  addVerify(audit, cli)
  addProve(audit, cli)
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
