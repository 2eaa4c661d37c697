import type { Command } from 'commander'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { AnchorsView } from '../../../wire/fleet-views.ts'
import type { Cli, Work } from '../cli.ts'
import { type Session, withSession } from '../session.ts'
import { type Cell, table } from '../table.ts'

export function addFleetAnchors(fleet: Command, cli: Cli): void {
  fleet
    .command('anchors')
    .description('which controllers accept which keys, and which roots the gateways trust: when an old key may go')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(cli.act(({ profile }: { profile?: string }) => withSession(cli, profile, session => anchors(cli, session))))
}

/** Names that a cell of the table has room for; `--json` has all of them. */
const SHOWN = 4

const names = (all: readonly string[]): string | null => {
  if (all.length === 0) return null
  const more = all.length > SHOWN ? `, … ${all.length - SHOWN} more` : ''
  return `${all.slice(0, SHOWN).join(', ')}${more}`
}

const warning = (text: string | null): Cell => (text === null ? null : { text, tone: 'warn' })

async function anchors(cli: Cli, session: Session): Promise<Work> {
  const view = await session.get<AnchorsView>('/v1/anchors')
  if (isRefusal(view)) return view
  const reported = view.controllers - view.unknown.length
  const keys = view.anchors.map(({ kid, recognised, acceptedBy, only, lacking }) => [
    kid.slice(0, 16),
    recognised ? 'yes' : warning('no'),
    `${acceptedBy} of ${reported}`,
    reported === 0 ? null : `${Math.floor((100 * acceptedBy) / reported)} %`,
    names(lacking),
    warning(names(only)),
  ])
  const roots = view.roots.flatMap(({ repository, sites }) =>
    sites.map(({ site, newest, trusted }) => [
      repository,
      site,
      newest,
      trusted === null ? warning('never said') : trusted < newest ? warning(String(trusted)) : trusted,
    ]),
  )
  const parts = [
    table(cli.output, ['key', 'taken by the fleet', '>accepted by', '>share', 'not by', 'accept no other'], keys),
    table(cli.output, ['repository', 'site', '>newest root', '>gateway trusts'], roots),
  ]
  if (view.unknown.length > 0) cli.output.warn(`Never reported, so nobody knows their keys: ${names(view.unknown)}`)
  for (const { controller, kind, kid } of view.undone.slice(0, SHOWN)) {
    const what = kind === 'add' ? 'adds' : 'retires'
    cli.output.warn(`${controller} runs a release that ${what} ${kid.slice(0, 16)}, and has not done so`)
  }
  return { json: view, text: parts.join('\n\n') }
}
