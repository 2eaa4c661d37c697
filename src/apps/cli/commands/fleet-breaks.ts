import type { Command } from 'commander'
import { breakOf } from '../../../core/ledger/break-words.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { BreakView } from '../../../wire/fleet-views.ts'
import { breakTable } from '../break-table.ts'
import type { Cli, Work } from '../cli.ts'
import { checkNames, type Session, withSession } from '../session.ts'

export function addFleetBreaks(fleet: Command, cli: Cli): void {
  fleet
    .command('breaks')
    .description('where the logs of gateways and the histories of controllers do not go on: lost, left out, told anew')
    .option('--site <name>', 'of this site alone')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((options: { site?: string; profile?: string }) =>
        withSession(cli, options.profile, session => breaks(cli, session, options.site)),
      ),
    )
}

async function breaks(cli: Cli, session: Session, site: string | undefined): Promise<Work> {
  const wrong = site === undefined ? null : checkNames('site', site)
  if (wrong !== null) return wrong
  const all = await session.list<BreakView>(`/v1/breaks${site === undefined ? '' : `?site=${site}`}`)
  if (isRefusal(all)) return all
  // A server of a later version may know breaks that are not known here: programs are told of them.
  const known = all.flatMap(one => breakOf({ ...one, controller: one.controller ?? '' }) ?? [])
  return { json: { breaks: all }, text: all.length === 0 ? 'none' : breakTable(cli, known, all.length - known.length) }
}
