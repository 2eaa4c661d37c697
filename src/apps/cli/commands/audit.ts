import { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { addArchive } from './audit-archive.ts'
import { addChanges } from './audit-changes.ts'
import { addExport } from './audit-export.ts'
import { addProve } from './audit-prove.ts'
import { addVerify } from './audit-verify.ts'
import { addWho } from './audit-who.ts'

export function addAudit(program: Command, cli: Cli): void {
  const audit = new Command('audit')
    .description('verify and export the audit log, prove its entries, and tell what a campaign did')
    .copyInheritedSettings(program)
  addVerify(audit, cli)
  addProve(audit, cli)
  addExport(audit, cli)
  addChanges(audit, cli)
  addArchive(audit, cli)
  addWho(audit, cli)
  program.addCommand(audit)
}
