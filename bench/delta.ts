import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildFastApplier } from '../scripts/c-applier.ts'
import { compilers } from '../scripts/needs.ts'
import { memoryOf, type PatchHeader, parseHeader } from '../src/core/delta/patch.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { fileSystem, folderPairs, halfMegabyte, hubPairs, type Pair, tinyPair } from './delta/pairs.ts'
import { cost, measureTool, OURS, type Outcome, type Tool, toolsThatAreThere } from './delta/tools.ts'
import { type Figure, type Line, median, plainLine, RUNS, ratioLine, type Table } from './figure.ts'

/** What is promised, beside the bytes of a pair: seconds for 512 KiB and for a kernel, and memory for applying beside the covers. */
const SECONDS = 2
const KERNEL_SECONDS = 30
const MEMORY = 64 * 1024
/** A kernel's patch is at most so much more than the best of the other tools. */
const KERNEL_BYTES = 1.1

/**
 * Patches: how many bytes, how long they take to make and to apply, how much memory; beside each the same by every tool of Debian that there is for
 * it, in the same run. Whatever a tool makes is applied and compared with the new image.
 */
export const delta: Figure = {
  name: 'delta',
  title: 'Patches between firmware images',
  against: 'the tools of Debian for the same files, each as a process; all that they make is applied and compared',
  async run({ scale, say, kernels = null }) {
    const isTiny = scale === 'tiny'
    const tools = toolsThatAreThere(!isTiny, say)
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-bench-'))
    const lines: Line[] = []
    const tables: Table[] = []
    try {
      const inC = builtInC(folder)
      const pairs = isTiny ? [tinyPair()] : hubPairs(say)
      for (const [at, pair] of pairs.entries()) {
        say(`${pair.name}, ${at + 1} of ${pairs.length}`)
        // Bytes are the same each time; how long it takes is measured well where something is promised.
        const runs = pair.goal === undefined ? 1 : RUNS[scale]
        const [ours, ...others] = measured(pair, tools, folder, runs)
        tables.push(tableOf(pair, [ours, ...others]))
        lines.push(...linesOf(pair, ours, others, null))
        if (pair.goal === undefined && !isTiny) continue
        const beside = memoryOf({ ...headerIn(folder), covers: 0 })
        lines.push(goalLine(`${pair.name}: memory to apply it, beside the covers`, 'bytes', beside, MEMORY))
        if (tools.some(({ program }) => program === 'bsdiff')) lines.push(...speedLines(pair, folder, runs, inC))
      }
      if (!isTiny) {
        const pair = halfMegabyte()
        say(pair.name)
        const { making } = measureTool(OURS, pair, folder, RUNS[scale])
        lines.push(goalLine(`${pair.name}: made`, 's', making.seconds, SECONDS))
        const large = fileSystem()
        say(large.name)
        const { bytes, making: slowly } = measureTool(OURS, large, folder, 1)
        lines.push(plainLine(`${large.name}: the patch`, 'bytes', [bytes]))
        lines.push(plainLine(`${large.name}: made`, 's', [slowly.seconds]))
        if (slowly.memory !== null) lines.push(plainLine(`${large.name}: made, memory`, 'bytes', [slowly.memory]))
      }
      for (const pair of kernels === null ? [] : folderPairs(kernels)) {
        say(pair.name)
        const [ours, ...others] = measured(pair, tools, folder, 1)
        tables.push(tableOf(pair, [ours, ...others]))
        lines.push(...linesOf(pair, ours, others, KERNEL_BYTES))
        lines.push(goalLine(`${pair.name}: made`, 's', ours.making.seconds, KERNEL_SECONDS))
      }
      const bounds = [
        'Seconds and memory in the tables are those of whole processes; ours start Node.js each time, which takes some 0.2 s and 60 MiB. Pairs without a goal are timed once, the others are medians. The speed of applying is that of the work alone: of the reference in a process that has run for a while; of the C applier (cc -O2) and of bspatch, their processes less one that does nothing. Ours check all digests, the reference by the SHA-256 of OpenSSL, which uses what the processor has for it.',
        ...(inC === null ? [] : [`The C applier checks them by ${inC.hash}.`]),
      ]
      return { lines, bounds, tables }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

function measured(pair: Pair, tools: readonly Tool[], folder: string, runs: number): [Outcome, ...Outcome[]] {
  const others = tools.map(tool => measureTool(tool, pair, folder, runs))
  // Last: its patch is looked at, and applied again.
  return [measureTool(OURS, pair, folder, runs), ...others]
}

function linesOf(pair: Pair, ours: Outcome, others: readonly Outcome[], most: number | null): Line[] {
  const target = most === null ? null : ({ bound: 'at most', ratio: most } as const)
  const best = others.toSorted((a, b) => a.bytes - b.bytes)[0]
  const lines =
    best === undefined
      ? [plainLine(`${pair.name}: the patch`, 'bytes', [ours.bytes])]
      : [
          ratioLine(
            `${pair.name}: the patch, by ${best.tool}`,
            'bytes',
            [{ measured: ours.bytes, yardstick: best.bytes }],
            target,
          ),
        ]
  if (pair.goal !== undefined) lines.push(goalLine(`${pair.name}: the patch, goal`, 'bytes', ours.bytes, pair.goal))
  return lines
}

/** Something that is at most a number, which is its yardstick. */
const goalLine = (what: string, unit: string, value: number, goal: number): Line =>
  ratioLine(what, unit, [{ measured: value, yardstick: goal }], { bound: 'at most', ratio: 1 })

const headerIn = (folder: string): PatchHeader =>
  orThrow(parseHeader(new Uint8Array(readFileSync(join(folder, 'patch'))), 'the patch'))

/** The C applier, built to be measured, and whose SHA-256 it has; null where there is no compiler. */
type InC = { readonly program: string; readonly hash: string } | null

function builtInC(folder: string): InC {
  const [compiler] = compilers()
  if (compiler === undefined) return null
  const program = join(folder, 'voltseal-patch')
  const isFast = buildFastApplier(compiler, program)
  return { program, hash: isFast ? 'the same' : 'one in plain C: that of OpenSSL cannot be linked (libssl-dev)' }
}

/** How fast each applies its own patch: bytes of the new image in a second. A process of bspatch, or of ours in C, is too short to be timed once. */
function speedLines(pair: Pair, folder: string, runs: number, inC: InC): Line[] {
  const [old, patch, out, theirs] = ['old', 'patch', 'out', 'bspatch'].map(name => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ]
  cost(`bsdiff ${old} ${join(folder, 'new')} ${theirs}`, 1)
  const process = join(import.meta.dirname, 'delta', 'applier.ts')
  const often = runs > 1 ? 25 : 2
  const speed = (seconds: number): number => pair.now.length / seconds / 1e6
  const rounds = Array.from({ length: runs }, () => {
    const said = execFileSync(globalThis.process.execPath, [
      '--disable-warning=ExperimentalWarning',
      ...[process, old, patch, `${often}`].map(String),
    ])
    const repeated = (line: string): number =>
      cost(`n=0; while [ $n -lt ${often} ]; do ${line}; n=$((n+1)); done`, 1).seconds
    const bare = repeated('env true')
    const each = (line: string): number => Math.max(1e-4, (repeated(line) - bare) / often)
    return {
      reference: speed(median((JSON.parse(`${said}`) as number[]).slice(often >> 1))),
      bspatch: speed(each(`env bspatch ${old} ${out} ${theirs}`)),
      c: inC === null ? null : speed(each(`env ${inC.program} apply ${old} ${patch} ${out}`)),
    }
  })
  const byBspatch = (measured: number, { bspatch }: { bspatch: number }) => ({ measured, yardstick: bspatch })
  const reference = rounds.map(round => byBspatch(round.reference, round))
  const c = rounds.flatMap(round => (round.c === null ? [] : [byBspatch(round.c, round)]))
  return [
    ratioLine(`${pair.name}: applied by the reference, by bspatch`, 'MB/s', reference, null),
    ...(c.length === 0
      ? []
      : [
          ratioLine(`${pair.name}: applied by the C applier, by bspatch`, 'MB/s', c, { bound: 'at least', ratio: 0.5 }),
        ]),
  ]
}

function tableOf(pair: Pair, outcomes: readonly Outcome[]): Table {
  const mib = (memory: number | null): number | null => (memory === null ? null : memory / (1 << 20))
  return {
    title: `${pair.name}: ${pair.now.length} bytes`,
    columns: ['patch, bytes', 'made, s', 'MiB', 'applied, s', 'MiB'],
    rows: outcomes
      .toSorted((a, b) => a.bytes - b.bytes)
      .map(({ tool, bytes, making, applying }) => ({
        name: tool,
        cells: [bytes, making.seconds, mib(making.memory), applying.seconds, mib(applying.memory)],
      })),
  }
}
