import type { Command } from 'commander'
import { isRefusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import { isRefusalCode, registry } from '../../../core/refusal/registry.ts'
import type { CheckView, CountView } from '../../../wire/inventory-views.ts'
import type { Cli, Work } from '../cli.ts'
import { Progress } from '../progress.ts'
import { type Session, withSession } from '../session.ts'
import { table } from '../table.ts'

export function addFleetCheckStore(fleet: Command, cli: Cli): void {
  fleet
    .command('check-store')
    .description(
      'verify every row of the inventory against the signed report and the site description that it rests on',
    )
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act(({ profile }: { profile?: string }) => withSession(cli, profile, session => checkStore(cli, session))),
    )
}

/** Site after site, a few thousand controllers at a time: the server answers others in between. */
async function checkStore(cli: Cli, session: Session): Promise<Work> {
  const count = await session.get<CountView>('/v1/inventory/count')
  if (isRefusal(count)) return count
  const progress = new Progress(cli.output, count.controllers ?? 0)
  const findings: CheckView['findings'][number][] = []
  let controllers = 0
  let after: string | null = null
  do {
    const checked: CheckView | ReturnType<typeof refuse> = await session.post<CheckView>(
      '/v1/inventory/checks',
      after === null ? {} : { after },
    )
    if (isRefusal(checked)) return checked
    controllers += checked.controllers
    findings.push(...checked.findings)
    after = checked.next
    const said = `${controllers} controllers verified, ${findings.length} findings`
    if (after === null) progress.end(said)
    else progress.at(controllers, said)
  } while (after !== null)
  for (const { code, subject, expected, actual } of findings) {
    cli.output.warn(isRefusalCode(code) ? sentence(refuse(code, subject, expected, actual)) : `${subject}: ${actual}`)
  }
  const json = { controllers, findings }
  const rows = findings.map(({ code, subject }) => [subject, { text: code, tone: 'refused' } as const])
  const text =
    findings.length === 0
      ? `${controllers} controllers: every row is what was signed.`
      : table(cli.output, ['what', 'finding'], rows)
  return findings.length === 0 ? { json, text } : { json, text, exit: registry['inventory-row-differs'].exit }
}
