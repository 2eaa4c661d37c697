import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { CampaignView } from '../../../src/wire/fleet-api.ts'
import type { StampedEvent } from '../site/events.ts'
import type { Children } from './children.ts'
import type { DemoOptions } from './options.ts'
import { Progress } from './progress.ts'
import { SCENARIOS } from './scenario.ts'
import type { Screen } from './screen.ts'
import { Stage } from './stage.ts'
import { notable, type Row, rowsOf, table } from './summary.ts'

/** What a demo came to. `exit`: 0, the exit code of what stopped the campaign, or 70 when it ended otherwise than described. */
export type DemoResult = {
  readonly exit: number
  readonly json: unknown
  readonly text: string
}

/** Exit code of a demo that did not end as its scenario says (EX_SOFTWARE of sysexits.h). */
const OTHERWISE = 70
/** Events kept of a site that goes on for a long time. */
const MAX_EVENTS = 10_000
const UPDATED = ['pcs-1', 'pcs-2', 'bms-1', 'bms-2', 'bms-3', 'bms-4']

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
  const events: StampedEvent[] = []
  const waiting = new Set<(event: StampedEvent) => void>()
  const progress = new Progress(screen, UPDATED)
  let watching = false
  const onEvent = (event: StampedEvent): void => {
    if (events.length < MAX_EVENTS && event.event !== 'download') events.push(event)
    if (watching) progress.event(event)
    const done = scenario.meanwhile?.(event, folder, stage.images) ?? null
    if (done !== null) screen.say(screen.ink('warn', done))
    for (const look of waiting) look(event)
  }
  screen.say(screen.ink('bold', `Voltseal: ${options.scenario}. ${scenario.title}.`))
  const stage = new Stage({ folder, host: options.host, port, children, screen, onEvent })
  await stage.prepare()
  await stage.open(scenario.faults(stage.images))
  await stage.launch()
  watching = true
  const { view, exit } = await stage.watch(line => progress.campaign(line))
  progress.end()
  watching = false
  if (scenario.attackAfter !== undefined) {
    const answered = new Promise<void>(resolve => {
      waiting.add(event => {
        if (event.event === 'attack') resolve()
      })
    })
    stage.attack(scenario.attackAfter)
    await answered
    const attack = events.find(event => event.event === 'attack')
    if (attack?.event === 'attack') {
      const { controller, outcome, detail, running } = attack
      screen.say(screen.ink('refused', `${controller}: ${outcome} (${detail}); it runs slot ${running}.`))
    }
  }
  await stage.command('Export the audit log', ['audit', 'export', 'audit.jsonl'])
  const audit = await stage.command('Verify the audit log', ['audit', 'verify'])
  const checkpoint = await stage.text(null, ['audit', 'verify'])
  const log = readFileSync(join(folder, 'audit.jsonl'), 'utf8')
  const fault = scenario.check({ folder, images: stage.images, events, view, audit: log })
  const verdict =
    fault === null ? `As described: ${scenario.ending}.` : `NOT as described (${scenario.ending}): ${fault}.`
  screen.say(screen.ink(fault === null ? 'good' : 'bad', verdict))
  const seconds = Math.round((performance.now() - started) / 100) / 10
  const rows = rowsOf(view)
  const serving = { fleet: stage.fleetUrl, gateway: stage.gatewayUrl, folder }
  return {
    exit: fault === null ? exit : OTHERWISE,
    json: { ...heads(options, scenario.ending, fault, view), seconds, rows, audit, serving, events: notable(events) },
    text: textOf(rows, checkpoint, seconds),
  }
}

const heads = ({ scenario }: DemoOptions, ending: string, fault: string | null, view: CampaignView): object => ({
  scenario,
  asDescribed: fault === null,
  ending,
  fault,
  campaign: { id: view.id, state: view.state, reason: view.reason },
})

const textOf = (rows: readonly Row[], checkpoint: string, seconds: number): string =>
  `\n${table(rows)}\n\n${checkpoint.trimEnd()}\n\nThe whole run took ${seconds.toFixed(1)} s.\n`

/** Where the demo serves now, and what a person may try. */
export function whatNext(options: DemoOptions, folder: string, port: number): string[] {
  const profile = `--profile ${join(relative(process.cwd(), folder), 'fleet', 'profile', 'profile.yaml')}`
  const at = (path: string): string => join(relative(process.cwd(), folder), path)
  return [
    '',
    `The fleet serves on https://${options.host}:${port}, the gateway on https://${options.host}:${port + 1}. Try:`,
    `  bin/voltseal controller list ${profile}`,
    `  bin/voltseal controller history harbour/bms-1 ${profile}`,
    `  bin/voltseal campaign list ${profile}`,
    `  bin/voltseal audit verify ${profile}`,
    `  bin/voltseal verify ${at('bms-7.28.0.release')} --key ${at('keys/firmware.key.pub')}`,
    `Logs: ${at('logs/')}. Ctrl-C ends everything.`,
  ]
}
