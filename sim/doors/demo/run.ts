import { join } from 'node:path'
import { isLoopback } from '../../../src/adapters/loopback.ts'
import { consolePlace } from '../../../src/apps/process/console-place.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type { CampaignView } from '../../../src/wire/fleet-views.ts'
import type { Children } from './children.ts'
import { shownPath } from './desk.ts'
import { freePort } from './free-ports.ts'
import type { DemoOptions } from './options.ts'
import type { StageParts } from './parts.ts'
import { Progress } from './progress.ts'
import { SCENARIOS } from './scenario.ts'
import type { Screen } from './screen.ts'
import type { Scenario, Seen } from './seen.ts'
import { pageLines, signInLines } from './sign-ins.ts'
import { SiteLog } from './site-log.ts'
import { Stage } from './stage.ts'
import { billText, notable, type Row, rowsOf, table, waitsText } from './summary.ts'
import type { PlantBill } from './surroundings.ts'

/**
 * What a demo came to. `exit`: 0, the exit code of what stopped the campaign, or 70 when it ended otherwise than
 * described.
 */
export type DemoResult = {
  readonly exit: number
  readonly json: unknown
  readonly text: string
  /** Where a browser on this machine sees it. */
  readonly console: string | null
  readonly page: string | null
}

/** Exit code of a demo that did not end as its scenario says (EX_SOFTWARE of sysexits.h). */
const OTHERWISE = 70
/** How long a trial that a halted campaign left behind may take to end, in milliseconds. */
const TRIAL_PATIENCE = 10_000

/** Does the main job of one scenario, up to the verified audit log; everything still serves on return. */
export async function runDemo(
  options: DemoOptions,
  folder: string,
  port: number,
  children: Children,
  screen: Screen,
): Promise<DemoResult> {
  const started = performance.now()
  const scenario = SCENARIOS[options.scenario]
  const log = new SiteLog()
  screen.say(screen.ink('bold', `Voltseal: ${options.scenario}. ${scenario.title}.`))
  const place = await freeConsole(options.host, port + 2)
  const { setting } = scenario
  const plantPort = await freePort(options.host, (place?.port ?? port + 2) + 1)
  const linkPort = await freePort(options.host, (plantPort ?? port + 3) + 1)
  const page = await freeConsole(options.host, (linkPort ?? port + 4) + 1)
  const stage = new Stage({
    setting,
    plantPort: plantPort ?? 0,
    linkPort: linkPort ?? 0,
    folder,
    host: options.host,
    port,
    console: place,
    page,
    children,
    screen,
    onEvent: event => log.add(event),
  })
  log.on(event => {
    const done = scenario.meanwhile?.(event, stage) ?? null
    if (done !== null) screen.say(screen.ink('warn', done))
  })
  await stage.prepare()
  await stage.open(scenario.faults(stage.images))
  const classes = scenario.classes ?? setting.updated
  const before = await stage.launch(classes)
  const exit = await watch(stage, log, screen, classes)
  await attack(scenario, stage, log, screen)
  const view = await stage.proof.campaign()
  const { entries, checkpoint } = await stage.proof.exportLog()
  const verified = await stage.proof.verifyLog(options.json)
  const withPlant = await plantPart(stage, classes)
  const versionMap = withPlant.bill === null ? null : await stage.proof.versionMap(options.json)
  const { images, began, offline } = stage
  const seen = { folder, images, events: log.events, view, audit: entries, began, offline, ...withPlant }
  const fault = scenario.check(seen)
  const verdict =
    fault === null ? `As described: ${scenario.ending}.` : `NOT as described (${scenario.ending}): ${fault}.`
  screen.say(screen.ink(fault === null ? 'good' : 'bad', verdict))
  const seconds = Math.round((performance.now() - started) / 100) / 10
  const rows = rowsOf(view, before)
  return {
    exit: fault === null ? (scenario.exit ?? exit) : OTHERWISE,
    json: options.json
      ? {
          ...heads(options, scenario, fault, view),
          seconds,
          controllers: rows,
          audit: { ...(JSON.parse(verified) as object), checkpoint },
          serving: options.once
            ? null
            : { fleet: stage.fleetUrl, gateway: stage.gatewayUrl, console: stage.consoleUrl },
          folder,
          ...(withPlant.bill === null
            ? {}
            : { versions: JSON.parse(versionMap ?? 'null'), plant: withPlant.bill, changes: withPlant.changes }),
          events: notable(log.events),
        }
      : null,
    text: textOf(rows, verified, checkpoint, seconds, withPlant.bill, waitsText(entries), versionMap),
    console: stage.consoleUrl,
    page: stage.pageUrl,
  }
}

/** Follows the campaign to its end, and every trial that began in it; answers the exit code of `campaign watch`. */
async function watch(stage: Stage, log: SiteLog, screen: Screen, classes: readonly string[]): Promise<number> {
  const updated = stage.site.controllers.filter(one => classes.includes(one.class)).map(({ id }) => id)
  const progress = new Progress(screen, updated)
  for (const event of log.events) progress.event(event)
  const unwatch = log.on(event => progress.event(event))
  const exit = await stage.watch(line => progress.campaign(line))
  // A halt withdraws what was not tried yet; what is on trial ends by itself, and is told.
  await log.until(() => log.onTrial().length === 0, TRIAL_PATIENCE)
  unwatch()
  progress.end()
  return exit
}

/** What a demo with a plant ends with: what each runs, what the plant paid, the change report, the devices' records. */
async function plantPart(
  stage: Stage,
  classes: readonly string[],
): Promise<Pick<Seen, 'versions' | 'bill' | 'changes' | 'records'>> {
  const bill = await stage.around.bill()
  if (bill === null) return { versions: new Map(), bill, changes: null, records: [] }
  const ids = stage.site.controllers.filter(one => classes.includes(one.class)).map(({ id }) => id)
  return {
    versions: await stage.proof.versions(),
    bill,
    changes: await stage.proof.changes(),
    records: await stage.proof.records(ids),
  }
}

async function attack(scenario: Scenario, stage: Stage, log: SiteLog, screen: Screen): Promise<void> {
  if (scenario.attackAfter === undefined) return
  stage.attack(scenario.attackAfter)
  await log.until(() => log.events.some(event => event.event === 'attack'), TRIAL_PATIENCE)
  const seen = log.events.find(event => event.event === 'attack')
  if (seen?.event !== 'attack') return
  const { controller, outcome, detail, running } = seen
  screen.say(screen.ink('refused', `${controller}: ${outcome} (${detail}); it runs slot ${running}.`))
}

const heads = ({ scenario }: DemoOptions, { ending }: Scenario, fault: string | null, view: CampaignView): object => ({
  scenario,
  asDescribed: fault === null,
  ending,
  fault,
  campaign: { id: view.id, state: view.state, reason: view.reason },
})

function textOf(
  rows: readonly Row[],
  verified: string,
  checkpoint: string,
  seconds: number,
  bill: PlantBill | null,
  waits: readonly string[],
  versionMap: string | null,
): string {
  const note = checkpoint.trimEnd().replaceAll(/^(?=.)/gm, '  ')
  const paid = bill === null ? '' : `${billText(bill)}\n\nWhy they waited\n${waits.join('\n')}\n\n`
  const map =
    versionMap === null ? '' : `Versions at the site, by rack\n${versionMap.trimEnd().replaceAll(/^(?=.)/gm, '  ')}\n\n`
  return `\n${table(rows)}\n\n${map}${paid}${verified.trimEnd()}\n\n${note}\n\nThe whole run took ${seconds.toFixed(1)} s.\n`
}

/** The console, and the gateway's own page, are for this machine alone, whatever address the servers have. */
async function freeConsole(fleetHost: string, first: number): Promise<StageParts['console']> {
  const host = isLoopback(fleetHost) ? fleetHost : '127.0.0.1'
  const port = await freePort(host, first)
  const place = port === null ? null : orThrow(consolePlace('.', { host, port }, host))
  return place === null ? null : { url: place.url, port: place.port }
}

/** Where the demo serves now, and what a person may try. */
export function whatNext(
  options: DemoOptions,
  folder: string,
  port: number,
  { console: shown, page }: Pick<DemoResult, 'console' | 'page'>,
): string[] {
  const at = (...path: string[]): string => join(shownPath(folder), ...path)
  const profile = `--profile ${at('fleet', 'profile', 'profile.yaml')}`
  return [
    '',
    ...(shown === null ? [] : signInLines(folder, shown)),
    ...(page === null ? [] : pageLines(folder, page)),
    `The fleet serves on https://${options.host}:${port}, the gateway on https://${options.host}:${port + 1}. Try:`,
    `  bin/voltseal controller list ${profile}`,
    `  bin/voltseal controller history ${SCENARIOS[options.scenario].setting.site}/pcs-1 ${profile}`,
    `  bin/voltseal campaign list ${profile}`,
    `  bin/voltseal audit verify ${profile}`,
    `  bin/voltseal fleet status ${profile}`,
    `  bin/voltseal evidence export --site ${SCENARIOS[options.scenario].setting.site} -o ${at('evidence.zip')} ${profile}`,
    `  bin/voltseal verify ${at('bms-7.28.0.release')} --key ${at('keys', 'firmware.key.pub')}`,
    `Logs: ${at('logs')}/. Ctrl-C ends everything.`,
  ]
}
