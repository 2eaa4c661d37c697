import type { Command } from 'commander'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { PeopleView } from '../../../wire/fleet-views.ts'
import type { Cli, Work } from '../cli.ts'
import { type Session, withSession } from '../session.ts'
import { listing } from '../table.ts'

/** `audit who`: for an auditor who reads a log from files, and may see accounts. */
export function addWho(audit: Command, cli: Cli): void {
  audit
    .command('who')
    .description('whom a pseudonym of the log stands for, as long as nobody has forgotten them')
    .argument('<pseudonym...>', 'person:… or address:…, as the log writes it')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((asked: string[], { profile }: { profile?: string }) =>
        withSession(cli, profile, session => who(cli, session, asked)),
      ),
    )
}

async function who(cli: Cli, session: Session, asked: readonly string[]): Promise<Work> {
  const names = await session.get<PeopleView>(`/v1/audit/people?of=${encodeURIComponent(asked.join(','))}`)
  if (isRefusal(names)) return names
  const pairs = asked.map(one => [one, names[one] ?? 'nobody knows any more'] as const)
  return { json: names, text: listing(cli.output, pairs) }
}
