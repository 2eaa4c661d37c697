import type { Command } from 'commander'
import { momentOf } from '../../../core/fleet/query.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import type { ComplianceView, DeadlineView } from '../../../wire/inventory-views.ts'
import type { Cli, Work } from '../cli.ts'
import { checkNames, type Session, withSession } from '../session.ts'
import { type Cell, table } from '../table.ts'

type Options = { readonly campaign?: string; readonly deadline?: string; readonly profile?: string }

export function addFleetCompliance(fleet: Command, cli: Cli): void {
  fleet
    .command('compliance')
    .description('who has what a campaign brings, who has not, and who is late: by what controllers attested')
    .option('--campaign <id>', 'how each site stands with this campaign')
    .option('--deadline <date>', 'how the campaigns stand that are due by then: 2027-01-31T00:00:00Z')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((options: Options) => withSession(cli, options.profile, session => compliance(cli, session, options))),
    )
}

async function compliance(cli: Cli, session: Session, { campaign, deadline }: Options): Promise<Work> {
  if ((campaign === undefined) === (deadline === undefined)) {
    return refuse('usage-error', 'fleet compliance', 'one of --campaign and --deadline', campaign ? 'both' : 'neither')
  }
  return campaign === undefined ? byDeadline(cli, session, deadline ?? '') : bySite(cli, session, campaign)
}

type Counts = Pick<ComplianceView, 'done' | 'left' | 'late'>

const lateCell = ({ late }: Counts): Cell => (late === 0 ? 0 : { text: String(late), tone: 'bad' })

/** Never 100 while somebody is missing. */
function shareCell({ done, left, late }: Counts): Cell {
  const all = done + left + late
  if (all === 0) return null
  return done === all ? { text: '100 %', tone: 'good' } : `${Math.floor((100 * done) / all)} %`
}

const sum = (sites: readonly Counts[]): Counts =>
  sites.reduce(
    (total, { done, left, late }) => ({ done: total.done + done, left: total.left + left, late: total.late + late }),
    { done: 0, left: 0, late: 0 },
  )

async function sitesOf(session: Session, campaign: string): Promise<ComplianceView[] | Refusal> {
  const fault = checkNames('campaign', campaign)
  return fault ?? session.list<ComplianceView>(`/v1/inventory/compliance?campaign=${campaign}`)
}

async function bySite(cli: Cli, session: Session, campaign: string): Promise<Work> {
  const sites = await sitesOf(session, campaign)
  if (isRefusal(sites)) return sites
  const total = sum(sites)
  const rows = [...sites, { site: 'all', region: '', ...total }].map(one => [
    one.site,
    one.region === '' ? null : one.region,
    one.done,
    one.left,
    lateCell(one),
    shareCell(one),
  ])
  const headings = ['site', 'region', '>done', '>left', '>late', '>share']
  return { json: { campaign, ...total, sites }, text: table(cli.output, headings, rows) }
}

async function byDeadline(cli: Cli, session: Session, date: string): Promise<Work> {
  const by = momentOf(date, cli.world.clock.now())
  if (by === null) return refuse('usage-error', '--deadline', 'an instant such as 2027-01-31T00:00:00Z', date)
  const due = await session.get<DeadlineView[]>(`/v1/inventory/deadlines?by=${by}`)
  if (isRefusal(due)) return due
  const campaigns: (DeadlineView & Counts)[] = []
  for (const one of due) {
    const sites = await sitesOf(session, one.campaign)
    if (isRefusal(sites)) return sites
    campaigns.push({ ...one, ...sum(sites) })
  }
  const rows = campaigns.map(one => [
    one.campaign,
    new Date(one.deadline).toISOString(),
    one.done,
    one.left,
    lateCell(one),
    shareCell(one),
  ])
  const headings = ['campaign', 'deadline', '>done', '>left', '>late', '>share']
  return { json: campaigns, text: table(cli.output, headings, rows) }
}
