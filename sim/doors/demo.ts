import { resolve } from 'node:path'
import { isRefusal, type Refusal, sentence } from '../../src/core/refusal/refusal.ts'
import { registry } from '../../src/core/refusal/registry.ts'
import { Children, ServerDied } from './demo/children.ts'
import { claimFolder } from './demo/data-folder.ts'
import { CommandFailed } from './demo/desk.ts'
import { freePair } from './demo/free-ports.ts'
import { type DemoOptions, readOptions, USAGE } from './demo/options.ts'
import { runDemo, whatNext } from './demo/run.ts'
import { Screen } from './demo/screen.ts'

/**
 * What `npm start` runs: the main job, done by the programs that production runs, each a process of its own, with
 * simulated controllers and real firmware. stdout is data (a table, or one JSON document), stderr is progress.
 */

/** A signal asked the demo to end. */
class Stopped extends Error {}

const screen = new Screen(process.stderr, process.env)
const stopped = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => reject(new Stopped(signal)))
})
stopped.catch(() => {})
// Who read the output has gone; the demo goes on to its end all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

function refused(refusal: Refusal): number {
  screen.say(`${screen.ink('refused', 'Refused:')} ${sentence(refusal)}`)
  screen.say(screen.ink('dim', `More: bin/voltseal explain ${refusal.code}`))
  return registry[refusal.code].exit
}

/** Does the main job and says what came of it; answers the exit code, with everything still running. */
async function perform(options: DemoOptions, folder: string, port: number, children: Children): Promise<number> {
  const result = await runDemo(options, folder, port, children, screen)
  process.stdout.write(options.json ? `${JSON.stringify(result.json, null, 2)}\n` : result.text)
  if (!options.once) for (const line of whatNext(options, folder, port, result)) screen.say(line)
  return result.exit
}

/** Keeps serving until somebody asks it to end, or a server dies. */
async function linger(children: Children): Promise<void> {
  try {
    await Promise.race([stopped, children.died])
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
  }
}

function explained(error: unknown): number {
  if (error instanceof Stopped) {
    screen.say('Stopped.')
    return 130
  }
  if (error instanceof CommandFailed) {
    screen.say(screen.ink('bad', error.message))
    return error.exit
  }
  if (error instanceof ServerDied) screen.say(screen.ink('bad', error.message))
  else screen.say(`The demo failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return 70
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (isRefusal(options)) return refused(options)
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const folder = resolve(options.data)
  const claimed = claimFolder(folder)
  if (isRefusal(claimed)) return refused(claimed)
  const port = await freePair(options.host, options.port)
  if (isRefusal(port)) {
    claimed.release()
    return refused(port)
  }
  if (port !== options.port) screen.say(`Port ${options.port} or the next one is taken; using ${port} and ${port + 1}.`)
  const children = new Children(folder)
  let exit: number
  try {
    exit = await Promise.race([perform(options, folder, port, children), stopped, children.died])
    if (!options.once) await linger(children)
  } catch (error) {
    exit = explained(error)
  }
  await children.stop()
  claimed.release()
  return exit
}

process.exitCode = await main()
process.exit()
