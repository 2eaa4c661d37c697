import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { missingLine, type Step, stepsOf } from './guide.ts'
import { Shell } from './shell.ts'

const root = join(import.meta.dirname, '..', '..')

/** What `voltseal` is for these pages: it asks the one process (one-process.ts), and prints what that answers. */
const CALLER = `#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/$VOLTSEAL_PORT
printf '%s\\0' "$#" "$PWD" "\${VOLTSEAL_PROFILE-}" "$@" >&3
read -r code said <&3
head -c "$said" <&3 >&2
cat <&3
exit "$code"
`

/** A process that runs the program's commands, and a folder with the `voltseal` that asks it. */
export class Program {
  readonly #child: ChildProcess
  readonly env: Readonly<Record<string, string>>
  readonly folder: string

  private constructor(child: ChildProcess, folder: string, port: string) {
    this.#child = child
    this.folder = folder
    this.env = { VOLTSEAL_PORT: port, PATH: `${join(folder, 'bin')}:${process.env.PATH}` }
  }

  static async start(): Promise<Program> {
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-runbook-'))
    mkdirSync(join(folder, 'bin'))
    writeFileSync(join(folder, 'bin', 'voltseal'), CALLER)
    chmodSync(join(folder, 'bin', 'voltseal'), 0o755)
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const script = join(root, 'tests', 'docs', 'one-process.ts')
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { value } = await createInterface({ input: child.stdout! })[Symbol.asyncIterator]().next()
    return new Program(child, folder, String(value))
  }

  stop(): void {
    this.#child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

type GatewayStatus = { readonly log: { readonly size: number; readonly trouble: { readonly code: string } | null } }
const status = async (world: World): Promise<GatewayStatus> =>
  (await world.must('gateway', 'status', world.at('gateway'))) as GatewayStatus
const size = async (world: World): Promise<number> =>
  ((await world.must('audit', 'verify')) as { readonly size: number }).size

/** What a page asks for that no command of it does: a line such as `<!-- the test starts the fleet server anew -->`. */
const DEEDS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  '<!-- the test starts the fleet server anew -->': async world => {
    await world.fleet?.close()
    await world.startFleet()
  },
  '<!-- the test starts the gateway anew -->': async world => {
    await world.gateway?.close()
    await world.startGateway()
  },
  '<!-- the test stops the fleet server -->': async world => {
    await world.fleet?.close()
    world.fleet = null
  },
  '<!-- the test starts the fleet server -->': world => world.startFleet(),
  '<!-- the test stops the gateway -->': async world => {
    await world.gateway?.close()
    world.gateway = null
  },
  '<!-- the test starts the gateway -->': world => world.startGateway(),
  '<!-- the test waits until the gateway has signed the log -->': world =>
    world.until('the gateway signed all of the log', async () => {
      const { log } = await status(world)
      return log.trouble === null && log.size === (await size(world))
    }),
  '<!-- the test waits until the gateway has found the fork -->': world =>
    world.until('the gateway and the fleet told of the fork', async () => {
      const { log } = await status(world)
      const { said } = await world.run('fleet', 'status')
      return log.trouble?.code === 'log-forked' && said.includes('log-forked')
    }),
}

/** The steps of a runbook, and the deeds of the test between them, in the order of the page. */
export type Part = { readonly step: Step } | { readonly deed: string }

export function partsOf(name: string): Part[] {
  const page = readFileSync(join(root, 'docs', 'runbooks', name), 'utf8')
  const lines = page.split('\n')
  const deeds = lines.flatMap((line, at) => (Object.hasOwn(DEEDS, line) ? [{ at: at + 1, part: { deed: line } }] : []))
  const steps = stepsOf(page).map(step => ({ at: step.line, part: { step } }))
  return [...deeds, ...steps].sort((a, b) => a.at - b.at).map(({ part }) => part)
}

/** Tests that a runbook's blocks do what it says, typed one after another into a shell in the world's folder. */
export function follow(name: string, world: () => World, program: () => Program): void {
  let shell: Shell | null = null
  test(`${name} begins`, () => {
    const home = mkdtempSync(join(program().folder, 'home-'))
    shell = new Shell(home, world().folder, program().env)
  })
  for (const part of partsOf(name)) {
    if ('deed' in part) {
      test(`${name}: ${part.deed.slice(5, -4)}`, () => DEEDS[part.deed]!(world()))
      continue
    }
    const { line, commands, shown } = part.step
    test(`${name}, line ${line}: ${commands.split('\n')[0]}`, async () => {
      const ran = await shell!.run(commands)
      const all = ran.printed.join('\n')
      assert.equal(ran.failed > 0, shown?.some(text => text.startsWith('Refused:')) === true, all)
      if (shown !== null) assert.equal(missingLine(shown, ran.printed), null, `not printed there:\n${all}`)
    })
  }
  test(`${name} ends`, () => shell?.end())
}
