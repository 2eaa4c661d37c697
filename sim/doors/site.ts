import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../src/core/refusal/refusal.ts'
import { registry } from '../../src/core/refusal/registry.ts'
import { CLOCK_WARNING, FastClock } from './fast-clock.ts'
import { type MakeOptions, makeSite } from './site/make.ts'
import { serveSite } from './site/serve.ts'

/**
 * The process of a simulated site.
 *
 *     site.ts make --site site.yaml --data DIR --anchor FIRMWARE.pub --factory CLASS=RELEASE_DIR ...
 *     site.ts serve DIR [CLOCK.json]
 *
 * `make` manufactures the controllers and writes what the fleet needs to enrol them. `serve` runs them: each is a
 * client of the gateway over mutual TLS 1.3. One line of JSON on stdout when it is ready, then one for every event; a
 * line `{"attack":"tampered-slot","controller":ID}` on stdin lets somebody with a debug probe at a controller.
 */
const USAGE =
  'site.ts make --site FILE --data DIR --anchor PUB --factory CLASS=DIR ..., or site.ts serve DIR [CLOCK.json]'
const MAX_LINE = 4096

function usage(actual: string): Refusal {
  return refuse('usage-error', 'site.ts', USAGE, actual)
}

function makeOptions(args: readonly string[]): MakeOptions | Refusal {
  const text = { type: 'string' } as const
  const many = { type: 'string', multiple: true } as const
  try {
    const options = { site: text, data: text, anchor: many, factory: many }
    const { values } = parseArgs({ args: [...args], options, strict: true })
    const { site, data, anchor, factory = [] } = values
    if (site === undefined || data === undefined || anchor === undefined) return usage('fewer options')
    const releases: [string, string][] = []
    for (const text of factory) {
      const at = text.indexOf('=')
      if (at < 1) return usage(`--factory ${text}`)
      releases.push([text.slice(0, at), text.slice(at + 1)])
    }
    return { site, data, anchors: anchor, factory: Object.fromEntries(releases) }
  } catch (error) {
    return usage((error as Error).message.split('\n')[0] ?? '')
  }
}

async function make(args: readonly string[]): Promise<Refusal | null> {
  const options = makeOptions(args)
  if (isRefusal(options)) return options
  const made = await makeSite(options, systemClock)
  if (isRefusal(made)) return made
  process.stdout.write(`${JSON.stringify({ made: made.map(({ id }) => id), data: options.data })}\n`)
  return null
}

async function serve(folder: string, clockPath: string | undefined): Promise<Refusal | null> {
  const fast = clockPath === undefined ? null : FastClock.open(clockPath)
  if (isRefusal(fast)) return fast
  if (fast !== null) process.stderr.write(`${CLOCK_WARNING}\n`)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const write = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`)
  const served = serveSite(
    folder,
    fast ?? systemClock,
    write,
    stop.signal,
    [],
    fast === null ? undefined : () => fast.rate(),
  )
  if (isRefusal(served)) return served
  write({ ready: true, site: served.site.site, controllers: served.site.controllers.length })
  const lines = createInterface({ input: process.stdin })
  lines.on('line', line => {
    const { attack, controller } = line.length > MAX_LINE ? {} : command(line)
    if (attack === 'tampered-slot' && typeof controller === 'string' && served.attack(controller)) return
    process.stderr.write('Not understood: one line of JSON such as {"attack":"tampered-slot","controller":"bms-1"}\n')
  })
  await served.ended
  lines.close()
  return null
}

function command(line: string): { attack?: unknown; controller?: unknown } {
  try {
    return Object(JSON.parse(line)) as { attack?: unknown; controller?: unknown }
  } catch {
    return {}
  }
}

// Who read the events has gone: there is nobody left to simulate for.
process.stdout.on('error', () => process.exit(0))

const [noun, ...rest] = process.argv.slice(2)
const refusal =
  noun === 'make'
    ? await make(rest)
    : noun === 'serve' && (rest.length === 1 || rest.length === 2)
      ? await serve(rest[0] as string, rest[1])
      : usage(process.argv.slice(2).join(' ') || 'no command')
if (refusal !== null) {
  process.stderr.write(`Refused: ${sentence(refusal)}\nMore: voltseal explain ${refusal.code}\n`)
  process.exitCode = registry[refusal.code].exit
}
