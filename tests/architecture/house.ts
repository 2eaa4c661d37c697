import { posix } from 'node:path'
import { readSource } from './source.ts'

/** The rules of the house as tables. `faults` is pure: the files of a tree in, sentences out. */

export type Files = ReadonlyMap<string, string>

/** What may lie in the tree, from the longest path to the shortest: the first that fits is the floor. */
const FLOORS: readonly (readonly [path: string, floor: Floor])[] = [
  ['src/core/refusal/', 'refusal'],
  ['src/core/encoding/', 'encoding'],
  ['src/core/trust/', 'trust'],
  ['src/core/firmware/', 'firmware'],
  ['src/core/delta/', 'delta'],
  ['src/core/fleet/', 'fleet'],
  ['src/core/slot/', 'slot'],
  ['src/core/ledger/', 'ledger'],
  ['src/core/campaign/', 'campaign'],
  ['src/flows/ports.ts', 'ports'],
  ['src/flows/people-ports.ts', 'ports'],
  ['src/flows/webhook-ports.ts', 'ports'],
  ['src/flows/inventory-ports.ts', 'ports'],
  ['src/flows/siem-ports.ts', 'ports'],
  ['src/flows/archive-ports.ts', 'ports'],
  ['src/flows/witness-ports.ts', 'ports'],
  ['src/flows/turn-ports.ts', 'ports'],
  ['src/flows/patch-ports.ts', 'ports'],
  ['src/flows/folder-ports.ts', 'ports'],
  ['src/flows/', 'flows'],
  ['src/wire/', 'wire'],
  ['src/adapters/', 'adapters'],
  ['src/apps/process/', 'process'],
  ['src/apps/cli/', 'cli'],
  ['src/apps/', 'apps'],
  ['sim/doors/', 'doors'],
  ['sim/', 'sim'],
  ['console/', 'console'],
  ['bench/', 'outside'],
  ['conformance/', 'outside'],
  ['scripts/', 'outside'],
  ['tests/', 'outside'],
]

type Core = 'refusal' | 'encoding' | 'trust' | 'firmware' | 'delta' | 'fleet' | 'slot' | 'ledger' | 'campaign'
type Floor =
  | Core
  | 'ports'
  | 'flows'
  | 'wire'
  | 'adapters'
  | 'process'
  | 'cli'
  | 'apps'
  | 'doors'
  | 'sim'
  | 'console'
  | 'outside'

const GROUND: readonly Core[] = ['refusal', 'encoding']
const MIDDLE: readonly Core[] = [...GROUND, 'trust', 'firmware']
const CORE: readonly Core[] = [...MIDDLE, 'delta', 'fleet', 'slot', 'ledger', 'campaign']

/** What each floor may import of the others. A floor may always import itself. */
const ARROWS: Readonly<Record<Floor, readonly Floor[]>> = {
  refusal: [],
  encoding: ['refusal'],
  trust: GROUND,
  firmware: GROUND,
  delta: GROUND,
  fleet: MIDDLE,
  slot: MIDDLE,
  ledger: MIDDLE,
  campaign: CORE,
  ports: CORE,
  flows: [...CORE, 'ports'],
  wire: CORE,
  adapters: [...CORE, 'ports', 'wire'],
  process: [...CORE, 'ports', 'flows', 'wire', 'adapters'],
  apps: [...CORE, 'ports', 'flows', 'wire', 'adapters', 'process'],
  cli: [...CORE, 'ports', 'flows', 'wire', 'adapters', 'process', 'apps'],
  sim: [...CORE, 'ports', 'flows'],
  doors: [...CORE, 'ports', 'flows', 'wire', 'adapters', 'process', 'apps', 'cli', 'sim'],
  console: [...CORE, 'wire'],
  outside: [...CORE, 'ports', 'flows', 'wire', 'adapters', 'process', 'apps', 'cli', 'sim', 'doors', 'console'],
}

/** Adapters that stand for the platform under the other adapters. */
const FOUNDATIONS: readonly string[] = ['src/adapters/openssl.ts']

/** Packages that pure floors may use: pure JavaScript without a clock, a disk or a network. */
const PURE_PACKAGES: Readonly<Record<string, readonly string[]>> = { cbor2: ['encoding'], typebox: ['wire'] }

const PURE: ReadonlySet<Floor> = new Set<Floor>([...CORE, 'ports', 'flows', 'wire'])

/** Words that reach for the world. `Date.UTC` only computes. */
const WORLDLY =
  /(?<![.\w$])(?:Date(?!\.UTC\b)|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|performance|process|Buffer|console|fetch|require|globalThis|Temporal\.Now)(?![\w$])(?!\s*\??:)/g
/** In the simulated world time and chance come from its seed; its disk is real. */
const UNSEEDED =
  /(?<![.\w$])(?:Date(?!\.UTC\b)|Math\.random|setTimeout|setInterval|performance|Temporal\.Now)(?![\w$])(?!\s*\??:)/g
const WAITING = /(?<![.\w$])(?:async|await|Promise)(?![\w$])/g

const BAD_NAMES = /(?:^|[-/])(?:utils?|helpers?|manager|common|misc|index)(?:[-./]|$)/
const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|site))?\.(?:ts|tsx|cjs)$/
const LONGEST = 450
/** Tables and vectors may be long. */
const TABLES = /(?:\/codes-[a-z]+|[-/]vectors)\.ts$/

export function faults(files: Files): string[] {
  const sources = new Map([...files].map(([path, text]) => [path, readSource(text)]))
  const out: string[] = []
  for (const [path, { code, imports }] of sources) {
    out.push(...shapeFaults(path, files.get(path) as string, code))
    const floor = floorOf(path)
    if (floor === null) {
      out.push(`${path}: no floor has this folder`)
      continue
    }
    out.push(...purityFaults(path, floor, code))
    for (const name of imports) {
      const fault = arrowFault(path, floor, name, files)
      if (fault !== null) out.push(`${path}: ${fault}`)
    }
  }
  return [...out, ...circles(new Map([...sources].map(([path, { imports }]) => [path, inside(path, imports)])))]
}

export function floorOf(path: string): Floor | null {
  return FLOORS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? null
}

function arrowFault(path: string, floor: Floor, name: string, files: Files): string | null {
  if (!name.startsWith('.')) return packageFault(floor, name)
  const target = posix.join(posix.dirname(path), name)
  if (target === 'package.json') return null
  // A screen brings the stylesheet of its own name, and no other: the build looks whether it is there.
  if (floor === 'console' && target === path.replace(/\.tsx$/, '.css')) return null
  if (!files.has(target)) return `imports ${target}, which is not there`
  const other = floorOf(target)
  if (other === null) return `imports ${target}, which is on no floor`
  if (floor === 'adapters' && other === 'adapters') return adapterFault(path, target)
  if (floor === 'apps' && other === 'apps' && appOf(path) !== appOf(target)) return `imports another app, ${target}`
  return other === floor || ARROWS[floor].includes(other) ? null : `an arrow from ${floor} up to ${other}, ${target}`
}

function packageFault(floor: Floor, name: string): string | null {
  if (!PURE.has(floor)) return null
  if (name.startsWith('node:')) return `${floor} is pure and imports ${name}`
  const allowed = PURE_PACKAGES[name.split('/')[0] as string]
  return allowed?.includes(floor) ? null : `${floor} is pure and imports the package ${name}`
}

/** An adapter is a file, or a folder of files, that stands alone. */
function adapterFault(path: string, target: string): string | null {
  if (FOUNDATIONS.includes(target) || adapterOf(path) === adapterOf(target)) return null
  return `imports another adapter, ${target}`
}

const adapterOf = (path: string): string => path.split('/').slice(0, 3).join('/')
const appOf = adapterOf

function purityFaults(path: string, floor: Floor, code: string): string[] {
  const found = new Set<string>()
  if (PURE.has(floor)) for (const [word] of code.matchAll(WORLDLY)) found.add(word)
  if (floor === 'sim') for (const [word] of code.matchAll(UNSEEDED)) found.add(word)
  if ((CORE as readonly Floor[]).includes(floor)) for (const [word] of code.matchAll(WAITING)) found.add(word)
  return [...found].map(word => `${path}: ${floor} does not use ${word}`)
}

function shapeFaults(path: string, text: string, code: string): string[] {
  const out: string[] = []
  const lines = text.split('\n').length - 1
  if (BAD_NAMES.test(path)) out.push(`${path}: the name says nothing of what is in it`)
  if (!KEBAB.test(posix.basename(path))) out.push(`${path}: names are in kebab-case`)
  if (lines > LONGEST && !TABLES.test(path)) out.push(`${path}: ${lines} lines; split it (above ${LONGEST})`)
  if (/(?<![\w$.])export\s*\*/.test(code)) out.push(`${path}: a barrel (export *)`)
  const rest = code.replaceAll(/(?:im|ex)port\s+(?:type\s+)?\{[^}]*\}\s*from\s*§\d+§/g, '')
  if (/(?<![\w$.])export\s/.test(code) && rest.trim() === '') out.push(`${path}: a barrel (only re-exports)`)
  return out
}

const inside = (path: string, imports: readonly string[]): string[] =>
  imports.filter(name => name.startsWith('.')).map(name => posix.join(posix.dirname(path), name))

/** Every circle once, by the path of its first file. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const out: string[] = []
  const done = new Set<string>()
  const open: string[] = []
  const visit = (path: string): void => {
    const from = open.indexOf(path)
    if (from >= 0) out.push(`a circle: ${[...open.slice(from), path].join(' → ')}`)
    if (from >= 0 || done.has(path)) return
    open.push(path)
    for (const next of graph.get(path) ?? []) visit(next)
    open.pop()
    done.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return out
}

/** The flows that the README lists between its two marks, one backticked name at the start of each row or item. */
export function flowsOfReadme(readme: string): string[] | null {
  const part = /<!-- flows -->([\s\S]*?)<!-- \/flows -->/.exec(readme)?.[1]
  if (part === undefined) return null
  return [...part.matchAll(/^\s*(?:\||-)\s*`([a-z-]+)`/gm)].map(match => match[1] as string)
}
