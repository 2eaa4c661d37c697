import { Command } from 'commander'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { CreateWebhook, LetterView, WebhookView } from '../../../wire/webhook-api.ts'
import { words } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { writeSecretFile } from '../secrets.ts'
import { checkNames, checkNew, type Session, withSession } from '../session.ts'
import { listing, table } from '../table.ts'

const PROFILE = ['--profile <file>', 'who you are: a profile.yaml'] as const

type Options = { profile?: string }
type CreateOptions = Options & { url: string; event: readonly string[]; site?: string; out: string }

/** Webhooks: who outside is told of what happens. */
export function addWebhook(program: Command, cli: Cli): void {
  const webhook = new Command('webhook')
    .description('say who outside is told of what happens')
    .copyInheritedSettings(program)
  type Run<O> = (session: Session, id: string, options: O) => Promise<Work>
  const about = (name: string, description: string): Command =>
    webhook
      .command(name)
      .description(description)
      .argument('<id>', 'the webhook')
      .option(...PROFILE)
  const does = <O extends Options>(run: Run<O>, check: typeof checkNew = checkNames) =>
    cli.act(
      (id: string, options: O) =>
        check('webhook', id) ?? withSession(cli, options.profile, session => run(session, id, options)),
    )

  about('create', 'have a receiver told of what happens from now on')
    .requiredOption('--url <https>', 'where it is told')
    .option('--event <kinds>', 'kinds of entries of the audit log, with commas; all, without', words, [])
    .option('--site <site>', 'of one site only')
    .requiredOption('--out <file>', 'where the secret goes that its messages are signed with')
    .action(does((session, id, options: CreateOptions) => create(cli, session, id, options), checkNew))
  webhook
    .command('list')
    .description('every webhook, and where in the log it stands')
    .option(...PROFILE)
    .action(cli.act(({ profile }: Options) => withSession(cli, profile, session => list(cli, session))))
  about('remove', 'tell it no more, and forget what was set aside for it').action(
    does(async (session, id) => {
      const gone = await session.delete(`/v1/webhooks/${id}`)
      return gone ?? { json: { webhook: id }, text: `${id} is told no more.` }
    }),
  )
  about('letters', 'messages that were tried too often and set aside').action(
    does((session, id) => letters(cli, session, id)),
  )
  about('send-again', 'have a message sent that was set aside')
    .argument('<index>', 'its number, as "webhook letters" shows it')
    .action(
      cli.act(
        (id: string, index: string, { profile }: Options) =>
          checkNames('webhook', id, index) ??
          withSession(cli, profile, async session => {
            const asked = await session.post<object>(`/v1/webhooks/${id}/dead-letters/${index}/deliveries`, {})
            return isRefusal(asked) ? asked : { json: asked, text: `Message ${index} is sent again at the next round.` }
          }),
      ),
    )
  program.addCommand(webhook)
}

async function create(cli: Cli, session: Session, id: string, options: CreateOptions): Promise<Work> {
  const { url, event, site, out } = options
  const body: CreateWebhook = {
    id,
    url,
    ...(event.length === 0 ? {} : { events: [...event] }),
    ...(site === undefined ? {} : { site }),
  }
  const made = await session.post<{ secret: string }>('/v1/webhooks', body)
  if (isRefusal(made)) return made
  writeSecretFile(out, made.secret)
  cli.output.progress(`The secret is in ${out}, for its owner alone, and nowhere else: it is not shown again.`)
  return {
    json: { webhook: id, url, file: out },
    text: listing(cli.output, [
      ['webhook', id],
      ['told at', url],
      ['secret', out],
    ]),
  }
}

async function list(cli: Cli, session: Session): Promise<Work> {
  const hooks = await session.list<WebhookView>('/v1/webhooks')
  if (isRefusal(hooks)) return hooks
  const rows = hooks.map(one => [
    one.id,
    one.url,
    one.events.join(', ') || 'all',
    one.site ?? 'all',
    one.behind,
    one.failures === 0 ? '' : `${one.failures} tries, next ${formatUtc(instant(one.due))}: ${one.fault ?? ''}`,
  ])
  return { json: hooks, text: table(cli.output, ['webhook', 'told at', 'events', 'site', '>behind', 'fails'], rows) }
}

async function letters(cli: Cli, session: Session, id: string): Promise<Work> {
  const found = await session.list<LetterView>(`/v1/webhooks/${id}/dead-letters`)
  if (isRefusal(found)) return found
  const rows = found.map(one => [one.index, formatUtc(instant(one.at)), one.again ? 'asked for' : '', one.fault])
  return { json: found, text: table(cli.output, ['>message', 'set aside', 'again', 'why'], rows) }
}
