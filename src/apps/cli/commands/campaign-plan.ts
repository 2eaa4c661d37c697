import { type Command, Option } from 'commander'
import type { Criticality, PlanBody } from '../../../core/campaign/plan.ts'
import { parsePlanFile } from '../../../core/campaign/plan-file.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import type { CampaignDraft } from '../../../wire/plan-views.ts'
import { type LocatedFile, locate, readLocated } from '../../process/located-file.ts'
import { duration, durationText, several, whole, words } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { planText } from '../plan-text.ts'
import { previewText } from '../preview-text.ts'
import { type Session, withSession } from '../session.ts'

type Options = { readonly profile?: string; readonly dryRun?: boolean }
type CreateOptions = Options & {
  readonly id: string
  readonly title?: string
  readonly changeRequest?: string
  readonly criticality: Criticality
  readonly release: readonly string[]
  readonly site?: readonly string[]
  readonly class?: readonly string[]
  readonly controller?: readonly string[]
  readonly soak: number
  readonly timeout: number
  readonly validFor: number
  readonly retries: number
  readonly maxFailures: number
  readonly stepping?: boolean
}

const PROFILE = ['--profile <file>', 'who you are: a profile.yaml'] as const
const DRY_RUN = ['--dry-run', 'show what the plan would do, and keep nothing'] as const

/** `campaign plan FILE`, and `campaign create` for the usual plan in few words: both on the same way. */
export function addCampaignPlan(campaign: Command, cli: Cli): void {
  campaign
    .command('plan')
    .description('make a plan from a plan file (YAML or JSON; docs/campaigns.md)')
    .argument('<file>', 'the plan file')
    .option(...DRY_RUN)
    .option(...PROFILE)
    .action(
      cli.act((path: string, options: Options) =>
        withSession(cli, options.profile, session => planFile(cli, session, path, options.dryRun === true)),
      ),
    )
  campaign
    .command('create')
    .description('plan a campaign in few words: one controller of each class as the canary, then the rest')
    .requiredOption('--id <name>', 'the campaign’s name, such as bms-7-28')
    .option('--title <text>', 'what people read (the id)')
    .option('--change-request <id>', 'the change request in your own system')
    .addOption(
      new Option('--criticality <kind>', 'why it is run')
        .choices(['security', 'safety', 'feature', 'content'])
        .default('feature'),
    )
    .requiredOption('--release <path>', 'a published release, as publish printed it; repeatable', several)
    .option('--site <names>', 'only these sites', words)
    .option('--class <names>', 'only these classes', words)
    .option('--controller <site/id>', 'exactly these controllers; repeatable', several)
    .option('--soak <time>', 'how long a wave is watched before the next', duration, 600_000)
    .option('--timeout <time>', 'when a controller that does not come back has failed', duration, 3_600_000)
    .option('--valid-for <time>', 'the plan’s end, from now', duration, 7 * 86_400_000)
    .option('--retries <n>', 'further tries after a passing fault', whole, 1)
    .option('--max-failures <n>', 'failures that the second wave may have', whole, 0)
    .option('--stepping', 'where the release cannot be taken at once: other releases on the way there')
    .option(...DRY_RUN)
    .option(...PROFILE)
    .action(
      cli.act((options: CreateOptions) =>
        withSession(cli, options.profile, session => send(cli, session, fileOf(options), options.dryRun === true)),
      ),
    )
}

async function planFile(cli: Cli, session: Session, path: string, dryRun: boolean): Promise<Work> {
  const file = readLocated(path)
  // What is no YAML is a fault of the plan file, and no fault of a configuration.
  if (isRefusal(file)) return file.code === 'config-malformed' ? { ...file, code: 'plan-file-malformed' } : file
  const asked = parsePlanFile(file.value, path)
  if (isRefusal(asked)) return locate(asked, path, file)
  return send(cli, session, file.value, dryRun, refusal => locate(refusal, path, file as LocatedFile))
}

/** The plan file that the options of `create` say. */
function fileOf(options: CreateOptions): object {
  const { soak, maxFailures, site, class: of, controller } = options
  const select = {
    ...(site === undefined ? {} : { sites: site }),
    ...(of === undefined ? {} : { classes: of }),
    ...(controller === undefined ? {} : { controllers: controller }),
  }
  const rest = { success: maxFailures === 0 ? 100 : 0, failures: maxFailures }
  return {
    id: options.id,
    title: options.title ?? options.id,
    ...(options.changeRequest === undefined ? {} : { changeRequest: options.changeRequest }),
    criticality: options.criticality,
    validFor: durationText(options.validFor),
    releases: options.release,
    ...(Object.keys(select).length === 0 ? {} : { select }),
    waves: [
      { name: 'canary', take: { perClass: 1 }, soak },
      { name: 'rest', take: 'rest', soak, gate: rest },
    ],
    timeout: options.timeout,
    retry: { retries: options.retries },
    abort: { failures: maxFailures },
    steppingStones: options.stepping === true,
  }
}

async function send(
  cli: Cli,
  session: Session,
  plan: unknown,
  dryRun: boolean,
  located: (refusal: Refusal) => Refusal = refusal => refusal,
): Promise<Work> {
  const draft = await session.post<CampaignDraft>('/v1/campaigns', { plan, dryRun })
  if (isRefusal(draft)) return located(draft)
  for (const { controller, why } of draft.passedOver) cli.output.warn(`Passed over: ${controller}: ${why}`)
  const unsaid = draft.left - draft.passedOver.length
  if (unsaid > 0) cli.output.warn(`Passed over: ${unsaid} more`)
  cli.output.progress(
    draft.kept
      ? `Not approved yet. Next: voltseal campaign approve ${draft.id} --key KEY`
      : 'A dry run: nothing was kept.',
  )
  const head = JSON.parse(draft.plan) as PlanBody
  const text = planText(cli.output, head, draft.sheets)
  return {
    json: { ...draft, plan: head },
    text: dryRun ? `${text}\n\n${previewText(cli.output, draft)}` : text,
  }
}
