import { Command } from 'commander'
import { showBytes } from '../../../core/campaign/link.ts'
import { showDuration } from '../../../core/encoding/quantity.ts'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { continueGateway } from '../../gateway/continue.ts'
import { askGateway, type GatewayStatus } from '../../gateway/control.ts'
import { allowFullImage } from '../../gateway/full-images.ts'
import { initGateway } from '../../gateway/init.ts'
import { trustLogKey } from '../../gateway/log-key.ts'
import { serveGateway } from '../../gateway/serve.ts'
import { duration, whole } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { logText } from '../log-text.ts'
import { listing, table } from '../table.ts'
import { addGatewayBackup } from './backup.ts'
import { addGatewayAccount } from './gateway-account.ts'

type InitOptions = {
  site: string
  fleet: string
  host: string
  port: number
  poll: number
  maxRestarting: number
  consolePort?: number
  manifestKey?: string
  witnessKey?: string
}

export function addGateway(program: Command, cli: Cli): void {
  const gateway = new Command('gateway').description('make and run a site’s gateway').copyInheritedSettings(program)
  gateway
    .command('init')
    .description('make a gateway’s folder: config, site description, keys, and its request to be enrolled')
    .argument('<folder>', 'the folder; it must not exist, or be empty')
    .requiredOption('--site <file>', 'the site description: a site.yaml')
    .requiredOption('--fleet <url>', 'the fleet server, such as https://127.0.0.1:8443')
    .option('--host <address>', 'the address that controllers reach it on', '127.0.0.1')
    .option('--port <n>', 'the port', whole, 8444)
    .option('--poll <time>', 'how often it asks the fleet for news', duration, 30_000)
    .option('--console-port <n>', 'serve a page for people on the spot on this port, to this machine alone', whole)
    .option('--max-restarting <n>', 'how many controllers may restart at once', whole, 1)
    .option('--manifest-key <key>', 'an ecdsa-p256 key in a token that signs what it hands over (made here, in a file)')
    .option('--witness-key <key>', 'an ed25519 key in a token that cosigns the fleet’s log (made here, in a file)')
    .action(
      cli.act(async (folder: string, options: InitOptions) => {
        const made = await initGateway(folder, options, cli.openSigner)
        if (isRefusal(made)) return made
        cli.output.progress(`Next: voltseal site enrol --gateway ${folder} --controllers FOLDER`)
        return {
          json: made,
          text: listing(cli.output, [
            ['site', made.site],
            ['url', made.url],
            ['folder', made.folder],
            ['witness key', made.witness],
          ]),
        }
      }),
    )
  gateway
    .command('serve')
    .description('serve a site until it is told to stop (Ctrl-C, SIGTERM)')
    .argument('<folder>', 'the folder that gateway init made')
    .action(cli.act((folder: string) => serveGateway(folder, cli.world.clock)))
  gateway
    .command('status')
    .description('how the site stands: what each controller is busy with, and why it waits')
    .argument('<folder>', 'the folder of a gateway that serves, on this machine')
    .action(cli.act((folder: string) => status(cli, folder)))
  gateway
    .command('allow-full')
    .description('let the full image come that a controller waits for, over a link on which it needs your yes')
    .argument('<folder>', 'the folder of a gateway that serves, on this machine')
    .argument('<controller>', 'who waits for it; its yes is one for all that wait for the same image')
    .action(cli.act((folder: string, controller: string) => allow(cli, folder, controller)))
  gateway
    .command('continue')
    .description(
      'let the gateway’s own log go on behind what the fleet has of it: you have found out why it does not fit',
    )
    .argument('<folder>', 'the folder of the gateway; it must not be served')
    .action(cli.act((folder: string) => goOn(cli, folder)))
  gateway
    .command('trust-log-key')
    .description('know the fleet’s audit log by another key from now on, also while the gateway serves')
    .argument('<folder>', 'the folder that gateway init made')
    .requiredOption('--key <text>', 'the new key, as “fleet replace-log-key” printed it: NAME+ID+KEY')
    .action(cli.act((folder: string, { key }: { key: string }) => trust(cli, folder, key)))
  addGatewayAccount(gateway, cli)
  addGatewayBackup(gateway, cli)
  program.addCommand(gateway)
}

function ownText({ items, acknowledged, unsentBytes, lostFrom }: GatewayStatus['own']): string {
  const all = `${items} items`
  if (acknowledged === items) return `${all}, all of them at the fleet`
  const waiting = `${all}, ${items - acknowledged} not at the fleet yet (${Math.ceil(unsentBytes / 1024)} KiB)`
  return lostFrom === null ? waiting : `${waiting}, from ${lostFrom} on some had to be dropped`
}

async function allow(cli: Cli, folder: string, controller: string): Promise<Work> {
  const said = await allowFullImage(folder, controller, cli.world.clock)
  if (isRefusal(said)) return said
  cli.output.progress(`It comes within seconds: voltseal gateway status ${folder}`)
  const text = listing(cli.output, [
    ['site', said.site],
    ['image', `${said.sha256}, ${showBytes(said.length)}`],
    ['for', said.controllers.join(', ')],
  ])
  return { json: said, text }
}

/** What comes over the link, and until when; empty: nothing does. */
function downloadsText(cli: Cli, { downloads }: GatewayStatus['link']): string {
  if (downloads.length === 0) return ''
  const rows = downloads.map(({ what, length, here, controllers, because, takesMillis, doneAt }) => [
    what,
    `${showBytes(here)} of ${showBytes(length)}`,
    takesMillis === null ? null : showDuration(takesMillis),
    doneAt === null ? null : formatUtc(instant(doneAt)),
    controllers.join(', '),
    because,
  ])
  return `\n\n${table(cli.output, ['over the link', 'here', 'takes', 'done about', 'for', 'waits'], rows)}`
}

function linkText({ bitsPerSecond, dutyCycle, monthlyBytes, fullImages, spent, month }: GatewayStatus['link']): string {
  const rate = bitsPerSecond === undefined ? [] : [`${bitsPerSecond} bit/s`]
  const duty = dutyCycle === undefined ? [] : [`${Math.round(dutyCycle * 1000) / 10} % of the time`]
  const of = monthlyBytes === undefined ? '' : ` of ${showBytes(monthlyBytes)}`
  const used = spent === null ? [] : [`${showBytes(spent)}${of} in ${month}`]
  const words = { allow: 'full images come', ask: 'full images wait for a yes', never: 'full images never come' }
  return [...rate, ...duty, ...used, words[fullImages]].join(', ')
}

async function goOn(cli: Cli, folder: string): Promise<Work> {
  const gone = await continueGateway(folder, cli.world.clock)
  if (isRefusal(gone)) return gone
  const { site, behind, acknowledged, given } = gone
  cli.output.progress(`Next: voltseal gateway serve ${folder}`)
  const text = listing(cli.output, [
    ['site', site],
    ['goes on behind', `item ${behind}, the last that the fleet has`],
    ['it knew of', `${given} items, ${acknowledged} of them at the fleet`],
  ])
  return { json: gone, text }
}

async function trust(cli: Cli, folder: string, key: string): Promise<Work> {
  const trusted = trustLogKey(folder, key)
  if (isRefusal(trusted)) return trusted
  cli.output.progress('A gateway that serves looks by it at its next turn: voltseal gateway status says so.')
  const rows = [
    ['key from now on', trusted.key],
    ['key until now', trusted.before],
  ] as const
  return { json: trusted, text: listing(cli.output, rows) }
}

async function status(cli: Cli, folder: string): Promise<Work> {
  const answer = await askGateway(folder)
  if (isRefusal(answer)) return answer
  const { site, clock, doubts, controllers, link, log, own } = answer
  const said = doubts.map(({ by, jumped, until }) => {
    const off = `${showDuration(jumped)} ${jumped < 0 ? 'behind' : 'ahead of'}`
    return `${off} ${by === 'fleet' ? 'the fleet’s' : 'the time before it jumped'}; both count until ${formatUtc(until)}`
  })
  const head = listing(cli.output, [
    ['site', site],
    ['clock', `${formatUtc(clock)}, ${said.length === 0 ? 'believed' : said.join('; ')}`],
    ['link', linkText(link)],
    ['own log', ownText(own)],
    ['fleet’s log', logText(log)],
  ])
  const rows = controllers.map(one => [
    one.controller,
    one.work,
    one.assignment,
    one.nextPossible === null ? null : formatUtc(instant(one.nextPossible)),
    one.waits,
  ])
  return {
    json: answer,
    text: `${head}\n\n${table(cli.output, ['controller', 'work', 'assignment', 'not before', 'waits'], rows)}${downloadsText(cli, link)}`,
  }
}
