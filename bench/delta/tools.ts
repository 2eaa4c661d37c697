import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installPackages, isProgram } from '../../scripts/needs.ts'
import { median } from '../figure.ts'
import type { Pair } from './pairs.ts'

/** A tool as two lines of a shell: OLD, NEW, PATCH and OUT are the files' names, SIG is one more of its own. */
export type Tool = { readonly name: string; readonly program: string; readonly make: string; readonly apply: string }

const root = join(import.meta.dirname, '..', '..')

/** Ours, as people call it: with a start of Node.js in each time, and of a thread that makes the patch. */
export const OURS: Tool = {
  name: 'voltseal delta',
  program: 'sh',
  make: `${root}/bin/voltseal delta create OLD NEW -o PATCH --json`,
  apply: `${root}/bin/voltseal delta apply OLD PATCH -o OUT --json`,
}

/** What Debian has for the same. `xz` has no old image: it is what the full image costs. */
export const OTHERS: readonly Tool[] = [
  { name: 'bsdiff', program: 'bsdiff', make: 'bsdiff OLD NEW PATCH', apply: 'bspatch OLD OUT PATCH' },
  ...(['none', 'lzma'] as const).map(second => ({
    name: `xdelta3 -9 -S ${second}`,
    program: 'xdelta3',
    make: `xdelta3 -q -e -9 -S ${second} -f -s OLD NEW PATCH`,
    apply: 'xdelta3 -q -d -f -s OLD PATCH OUT',
  })),
  {
    name: 'zstd --patch-from -19 --long',
    program: 'zstd',
    make: 'zstd -q -f -19 --long --patch-from=OLD NEW -o PATCH',
    apply: 'zstd -q -f -d --long=31 --patch-from=OLD PATCH -o OUT',
  },
  {
    name: 'rdiff',
    program: 'rdiff',
    make: 'rdiff -f signature OLD SIG && rdiff -f delta SIG NEW PATCH',
    apply: 'rdiff -f patch OLD PATCH OUT',
  },
  {
    name: 'rdiff, xz -9e',
    program: 'rdiff',
    make: 'rdiff -f signature OLD SIG && rdiff -f delta SIG NEW SIG.delta && xz -9e -c SIG.delta > PATCH',
    apply: 'xz -dc PATCH > SIG.delta && rdiff -f patch OLD SIG.delta OUT',
  },
  { name: 'xz -9e, no old image', program: 'xz', make: 'xz -9e -c NEW > PATCH', apply: 'xz -dc PATCH > OUT' },
]

/** Installs what is missing and can be; answers those that are there. GNU time says what a process took of memory. */
export function toolsThatAreThere(install: boolean, say: (line: string) => void): Tool[] {
  const packages = ['bsdiff', 'xdelta3', 'zstd', 'rdiff', 'xz-utils', 'time']
  const isMissing = (): boolean => !isProgram('time') || OTHERS.some(({ program }) => !isProgram(program))
  if (install && isMissing()) installPackages(packages, 'the tools that patches are measured against', say)
  return OTHERS.filter(({ name, program }) => {
    if (isProgram(program)) return true
    say(`${name} is left out: install the packages ${packages.join(', ')} of your system`)
    return false
  })
}

/** What one tool came to with one pair. Seconds are medians of the runs; memory is the most of any process, in bytes. */
export type Outcome = {
  readonly tool: string
  readonly bytes: number
  readonly making: Cost
  readonly applying: Cost
}
export type Cost = { readonly seconds: number; readonly memory: number | null }

/** Makes and applies in a folder, so often; throws when what comes out is not the new image. */
export function measureTool(tool: Tool, pair: Pair, folder: string, runs: number): Outcome {
  const files: Record<string, string> = {}
  for (const name of ['OLD', 'NEW', 'PATCH', 'OUT', 'SIG']) files[name] = join(folder, name.toLowerCase())
  writeFileSync(files.OLD as string, pair.old)
  writeFileSync(files.NEW as string, pair.now)
  const named = (line: string): string =>
    line.replaceAll(/\b(?:OLD|NEW|PATCH|OUT|SIG)\b/g, name => files[name] as string)
  const making = cost(named(tool.make), runs)
  rmSync(files.OUT as string, { force: true })
  const applying = cost(named(tool.apply), runs)
  if (!readFileSync(files.OUT as string).equals(pair.now)) throw new Error(`${tool.name} made another image`)
  return { tool: tool.name, bytes: statSync(files.PATCH as string).size, making, applying }
}

/** What a line of a shell costs. The first run, which fills the caches, does not count where there are several. */
export function cost(line: string, runs: number): Cost {
  const seconds: number[] = []
  let memory: number | null = null
  const timed = isProgram('time') ? ['time', '-q', '-f', '%M', 'sh', '-c', line] : ['sh', '-c', line]
  for (let run = 0; run < (runs > 1 ? runs + 1 : 1); run += 1) {
    const from = performance.now()
    const { status, stderr } = spawnSync(timed[0] as string, timed.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
    if (run > 0 || runs === 1) seconds.push((performance.now() - from) / 1000)
    if (status !== 0) throw new Error(`${line} ended with ${status}: ${stderr}`)
    const said = Number(`${stderr}`.trim().split('\n').at(-1))
    if (timed[0] === 'time' && said > 0) memory = Math.max(memory ?? 0, said * 1024)
  }
  return { seconds: median(seconds), memory }
}
