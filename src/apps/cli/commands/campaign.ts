import { Command } from 'commander'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { Command as Ordered } from '../../../wire/fleet-api.ts'
import type { CampaignSummary, CommandTaken } from '../../../wire/fleet-views.ts'
import { type ApproveOptions, approveCampaign } from '../approval.ts'
import { campaignAnswer } from '../campaign-text.ts'
import { readCampaign } from '../campaign-view.ts'
import type { Cli, Work } from '../cli.ts'
import { checkNames, type Session, withSession } from '../session.ts'
import { PRIVATE_KEY } from '../signing-key.ts'
import { table } from '../table.ts'
import { watchCampaign } from '../watch.ts'
import { addCampaignPlan } from './campaign-plan.ts'
import { addCampaignWrap } from './campaign-wrap.ts'

type Options = { profile?: string }
const PROFILE = ['--profile <file>', 'who you are: a profile.yaml'] as const

export function addCampaign(program: Command, cli: Cli): void {
  const campaign = new Command('campaign')
    .description('plan, approve, start, watch and halt campaigns')
    .copyInheritedSettings(program)
  addCampaignPlan(campaign, cli)
  campaign
    .command('list')
    .description('every campaign and where it stands')
    .option(...PROFILE)
    .action(cli.act(({ profile }: Options) => withSession(cli, profile, session => list(cli, session))))
  const about = (id: string, profile: string | undefined, work: (session: Session) => Promise<Work>) =>
    checkNames('campaign', id) ?? withSession(cli, profile, work)
  const named = (name: string, description: string, work: (session: Session, id: string) => Promise<Work>): void => {
    campaign
      .command(name)
      .description(description)
      .argument('<id>', 'the campaign')
      .option(...PROFILE)
      .action(cli.act((id: string, { profile }: Options) => about(id, profile, session => work(session, id))))
  }
  named('show', 'one campaign, controller by controller', (session, id) => show(cli, session, id))
  campaign
    .command('approve')
    .description('read the plan and sign it with your own key')
    .argument('<id>', 'the campaign')
    .option(
      '--key <key>',
      `your private key: one of the approval repository’s ${PRIVATE_KEY}; with --export your public key`,
    )
    .option('--dry-run', 'verify the plan and show it, and sign nothing')
    .option('--export <file>', 'sign nothing yet: write a signing request for your key on another machine')
    .option('--import <file>', 'approve with the signing request that came back')
    .option('--reason <text>', 'why: it is kept in the audit log')
    .option(...PROFILE)
    .action(
      cli.act((id: string, { profile, ...options }: Options & ApproveOptions) =>
        about(id, profile, session => approveCampaign(cli, session, id, options)),
      ),
    )
  campaign
    .command('reject')
    .description('reject a plan for good: no signature approves it any more')
    .argument('<id>', 'the campaign')
    .requiredOption('--reason <text>', 'why: it is kept in the audit log')
    .option(...PROFILE)
    .action(
      cli.act((id: string, { profile, reason }: Options & { reason: string }) =>
        about(id, profile, async session => {
          const rejected = await session.post<null>(`/v1/campaigns/${id}/rejections`, { reason })
          if (isRefusal(rejected)) return rejected
          return { json: { campaign: id, rejected: true }, text: `${id} is rejected.` }
        }),
      ),
    )
  addCampaignWrap(campaign, cli)
  const plain = {
    start: 'open the first wave of an approved campaign',
    resume: 'go on after a pause',
    retry: 'give the failed controllers of a paused wave another row of tries, and go on',
  } as const
  for (const verb of Object.keys(plain) as (keyof typeof plain)[]) {
    named(verb, plain[verb], (session, id) => order(cli, session, id, { command: verb }))
  }
  for (const verb of ['pause', 'halt'] as const) {
    campaign
      .command(verb)
      .description(verb === 'halt' ? 'end it for good: nothing more is assigned' : 'assign nothing more for now')
      .argument('<id>', 'the campaign')
      .requiredOption('--reason <text>', 'why: it is kept in the audit log')
      .option(...PROFILE)
      .action(
        cli.act((id: string, { profile, reason }: Options & { reason: string }) =>
          about(id, profile, session => order(cli, session, id, { command: verb, reason })),
        ),
      )
  }
  campaign
    .command('roll-back')
    .description('undo what it installed, the last first, with the releases that its plan names for that')
    .argument('<id>', 'the campaign')
    .requiredOption('--reason <text>', 'why: it is kept in the audit log')
    .option('--partly', 'also when some of its releases have no way back: their controllers stay as they are')
    .option(...PROFILE)
    .action(
      cli.act((id: string, { profile, reason, partly = false }: Options & { reason: string; partly?: boolean }) =>
        about(id, profile, session => order(cli, session, id, { command: 'roll-back', reason, partly })),
      ),
    )
  named('watch', 'follow a campaign to its end; exits 0 only when every controller is confirmed', (session, id) =>
    watchCampaign(cli, session, id),
  )
  program.addCommand(campaign)
}

async function list(cli: Cli, session: Session): Promise<Work> {
  const campaigns = await session.list<CampaignSummary>('/v1/campaigns')
  if (isRefusal(campaigns)) return campaigns
  const rows = campaigns.map(one => {
    const { confirmed = 0, total = 0 } = one.counts
    return [one.id, one.state, `${one.wave} of ${one.waves}`, `${confirmed} of ${total}`, one.title]
  })
  return { json: campaigns, text: table(cli.output, ['campaign', 'state', 'wave', 'confirmed', 'title'], rows) }
}

async function show(cli: Cli, session: Session, id: string): Promise<Work> {
  const view = await readCampaign(session, id)
  return isRefusal(view) ? view : campaignAnswer(cli.output, view)
}

async function order(cli: Cli, session: Session, id: string, body: Ordered): Promise<Work> {
  const taken = await session.post<CommandTaken>(`/v1/campaigns/${id}/commands`, body)
  if (isRefusal(taken)) return taken
  if (body.command === 'start') cli.output.progress(`Started. Next: voltseal campaign watch ${id}`)
  return show(cli, session, id)
}
