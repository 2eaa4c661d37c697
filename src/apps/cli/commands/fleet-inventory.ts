import type { Command } from 'commander'
import { parseQuery, QUERY_WORDS, type QueryWord } from '../../../core/fleet/query.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import type {
  CountView,
  IncidentsView,
  InventoryView,
  SiteCountView,
  VersionsView,
} from '../../../wire/inventory-views.ts'
import { oneOf, whole } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import type { Tone } from '../output.ts'
import { type Session, withSession } from '../session.ts'
import { type Cell, table } from '../table.ts'
import { ago } from './controller.ts'

type Options = Readonly<Record<string, string | number | boolean | undefined>>

/** The questions about the inventory, as flags: the words of the API's query string. */
export function addFleetInventory(fleet: Command, cli: Cli): void {
  const command = (name: string, description: string, work: (session: Session, options: Options) => Promise<Work>) =>
    fleet
      .command(name)
      .description(description)
      .option('--profile <file>', 'who you are: a profile.yaml')
      .action(
        cli.act((options: Options) =>
          withSession(cli, options.profile as string | undefined, session => work(session, options)),
        ),
      )
  const limited = (one: Command): Command => one.option('--limit <n>', 'how many lines at most; 0 for all', whole, 100)

  withWords(limited(command('controllers', 'the controllers that match a question', (s, o) => controllers(cli, s, o))))
  withWords(
    limited(
      command('sites', 'the sites with controllers that match a question, and how many', (s, o) => sites(cli, s, o)),
    ),
  )
  withWords(
    command('versions', 'which versions run how often, attested or claimed', (s, o) => versions(cli, s, o)).option(
      '--by <place>',
      'what is counted by: fleet, region, site, cabinet or rack; each by class',
      oneOf(['fleet', 'class', 'region', 'site', 'cabinet', 'rack'] as const),
      'fleet',
    ),
  )
  command('incidents', 'incidents of each version, per 1,000 controller-days, with exact 95 % limits', (s, o) =>
    incidents(cli, s, o),
  ).option('--class <names>', QUERY_WORDS.class)
}

function withWords(command: Command): Command {
  for (const [word, description] of Object.entries(QUERY_WORDS)) {
    if (word === 'differs') command.option('--differs', description)
    else command.option(`--${word} <value>`, description)
  }
  return command
}

/** The query string of what was asked; empty for nothing. Refuses what `parseQuery` does, before anybody is called. */
function queryOf(cli: Cli, options: Options): string | Refusal {
  const words: Record<string, string> = {}
  for (const word of Object.keys(QUERY_WORDS) as QueryWord[]) {
    const value = options[word.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())]
    if (value !== undefined) words[word] = String(value)
  }
  const query = parseQuery(words, cli.world.clock.now())
  return isRefusal(query) ? query : new URLSearchParams(words).toString()
}

const limitOf = ({ limit }: Options): number => (limit === 0 ? Number.POSITIVE_INFINITY : Number(limit))

/** What a table does not show, so that nobody takes a part for the whole. */
function tellRest(cli: Cli, view: CountView, more: boolean, shown: number): void {
  const { controllers, unknown } = view
  if (more)
    cli.output.progress(`The first ${shown}${controllers === null ? '' : ` of ${controllers}`}; --limit 0 shows all.`)
  if (unknown !== null && unknown > 0) {
    cli.output.warn(`${unknown} more may be among them: of these nobody has said what was asked for.`)
  }
}

async function controllers(cli: Cli, session: Session, options: Options): Promise<Work> {
  const query = queryOf(cli, options)
  if (isRefusal(query)) return query
  const count = await session.get<CountView>(`/v1/inventory/count?${query}`)
  if (isRefusal(count)) return count
  const found = await session.first<InventoryView>(`/v1/inventory/controllers?${query}`, limitOf(options))
  if (isRefusal(found)) return found
  const now = cli.world.clock.now()
  const rows = found.items.map(one => [
    `${one.site}/${one.id}`,
    one.region,
    one.class,
    one.rack,
    one.attested?.version ?? null,
    claimCell(one),
    stateCell(one),
    one.attested?.counter ?? null,
    ago(one.seenAt, now),
  ])
  tellRest(cli, count, found.more, found.items.length)
  const faults = found.items.filter(({ fault }) => fault !== null)
  if (faults.length > 0) {
    cli.output.warn(`${faults.length} rows do not agree with their signed reports: run voltseal fleet check-store.`)
  }
  const headings = ['controller', 'region', 'class', 'rack', 'attested', 'claimed', 'state', '>counter', 'seen']
  return { json: { ...count, more: found.more, items: found.items }, text: table(cli.output, headings, rows) }
}

function claimCell({ claimed, attested }: InventoryView): Cell {
  if (claimed === null) return null
  const differs = attested !== null && attested.version !== claimed.version
  return differs ? { text: claimed.version, tone: 'warn' } : claimed.version
}

function stateCell({ attested, standing, fault }: InventoryView): Cell {
  if (fault !== null) return { text: fault, tone: 'refused' }
  if (attested === null) return { text: standing === 'imported' ? 'imported' : 'never heard', tone: 'faint' }
  const tones: Readonly<Record<string, Tone>> = { stable: 'good', trial: 'warn', golden: 'bad' }
  return { text: attested.state, tone: tones[attested.state] ?? 'warn' }
}

async function sites(cli: Cli, session: Session, options: Options): Promise<Work> {
  const query = queryOf(cli, options)
  if (isRefusal(query)) return query
  const count = await session.get<CountView>(`/v1/inventory/count?${query}`)
  if (isRefusal(count)) return count
  const found = await session.first<SiteCountView>(`/v1/inventory/sites?${query}`, limitOf(options))
  if (isRefusal(found)) return found
  const rows = found.items.map(({ site, region, controllers }) => [site, region, controllers])
  tellRest(cli, count, found.more, found.items.length)
  return {
    json: { ...count, more: found.more, items: found.items },
    text: table(cli.output, ['site', 'region', '>controllers'], rows),
  }
}

/** The eighths of a block: a share to the eye, beside its number. */
const BLOCKS = ' ▏▎▍▌▋▊▉█'
const WIDTH = 10

export function bar(share: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * WIDTH * 8)
  const full = Math.floor(eighths / 8)
  // Whoever is there at all is seen, however few they are.
  const part = eighths % 8 === 0 && full === 0 && share > 0 ? BLOCKS[1] : (BLOCKS[eighths % 8] ?? '')
  return `${'█'.repeat(full)}${eighths % 8 === 0 && full > 0 ? '' : part}`.trimEnd()
}

async function versions(cli: Cli, session: Session, options: Options): Promise<Work> {
  const query = queryOf(cli, options)
  if (isRefusal(query)) return query
  // Every map is by class: that of the fleet is by class alone.
  const by = options.by === 'class' ? 'fleet' : (options.by as string)
  const places = await session.list<VersionsView>(`/v1/inventory/versions?${query}${query === '' ? '' : '&'}by=${by}`)
  if (isRefusal(places)) return places
  const rows = places.flatMap(({ place, versions }) => {
    const classes = Map.groupBy(versions, one => one.class)
    return [...classes].flatMap(([of, some]) => {
      const all = some.reduce((sum, { controllers }) => sum + controllers, 0)
      const byVersion = Map.groupBy(some, ({ version }) => version)
      return [...byVersion].map(([version, counts]): Cell[] => {
        const count = (said: string): number => counts.find(one => one.said === said)?.controllers ?? 0
        const total = counts.reduce((sum, { controllers }) => sum + controllers, 0)
        const name: Cell = version === '' ? { text: 'not known', tone: 'warn' } : version
        const share = total / all
        const cells = [name, count('attested') || null, count('claimed') || null, `${percent(share)} %`, bar(share)]
        return by === 'fleet' ? [of, ...cells] : [place === '' ? null : place, of, ...cells]
      })
    })
  })
  const headings = ['class', 'version', '>attested', '>claimed', '>share', '']
  return { json: places, text: table(cli.output, by === 'fleet' ? headings : [by, ...headings], rows) }
}

/** One digit behind the point, and never 0 or 100 for what is not. */
function percent(share: number): string {
  const tenths = Math.round(share * 1000)
  if (tenths === 0 && share > 0) return '<0.1'
  return tenths === 1000 && share < 1 ? '>99.9' : (tenths / 10).toFixed(1)
}

async function incidents(cli: Cli, session: Session, options: Options): Promise<Work> {
  const query = queryOf(cli, options)
  if (isRefusal(query)) return query
  const found = await session.get<IncidentsView[]>(`/v1/inventory/incidents?${query}`)
  if (isRefusal(found)) return found
  const rows = found.map(({ class: of, version, controllerDays, incidents }) => [
    of,
    version,
    controllerDays.toFixed(1),
    ...Object.values(incidents).map(({ count, rate, low, high }) =>
      rate === null || low === null || high === null
        ? `${count}`
        : `${count}: ${figure(rate)} (${figure(low)} to ${figure(high)})`,
    ),
  ])
  const kinds = ['reverts', 'golden boots', 'refusals', 'watchdog resets', 'alarms']
  return { json: found, text: table(cli.output, ['class', 'version', '>controller-days', ...kinds], rows) }
}

/** Three digits that count. */
const figure = (value: number): string => (value === 0 ? '0' : value >= 100 ? value.toFixed(0) : value.toPrecision(3))
