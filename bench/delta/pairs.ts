import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { unzipSync } from 'fflate'

/** Two images, and how small a patch between them is to be, in bytes. */
export type Pair = { readonly name: string; readonly old: Uint8Array; readonly now: Uint8Array; readonly goal?: number }

/**
 * Releases of `@pybricks/firmware` (MIT): firmware of hubs with a Cortex-M4 (primehub, essentialhub, technichub, cityhub), a Cortex-M0
 * (movehub), an ARM9 (ev3) and an ARM7 (nxt). Two are installed for the demonstration; the others are fetched when they are measured, and are what
 * their digest says.
 */
const RELEASES = {
  '6.2': {
    version: '6.2.0',
    integrity: 'rL7ZC8GOv2NH/Vv2vtb3mh6BfUstZUxumjE1i/R2h7SlNoDmwmwEhAP61oeWR03cz2NBtfaR6YmYTvJ5CdV2eQ==',
  },
  '7.22': {
    version: '7.22.0',
    integrity: 'ipLmh1wfU+6eP5yFqAIMH2Lid+1IzpXWODRLR+urMdzynZqOxrbQv9sva/lxddF/yolkzQMenj3oqlP09XcINA==',
  },
  '7.27': { installed: 'pybricks-7-27' },
  '7.28': { installed: 'pybricks-7-28' },
} as const
type Release = keyof typeof RELEASES

/** Pairs of the issue that set the goals, and pairs that nothing was tuned to. */
const PAIRS: readonly (readonly [hub: string, old: Release, now: Release, goal?: number])[] = [
  ['essentialhub', '7.27', '7.28', 5000],
  ['primehub', '7.27', '7.28', 9200],
  ['primehub', '6.2', '7.22', 114_000],
  ['essentialhub', '6.2', '7.22'],
  ['essentialhub', '7.22', '7.27'],
  ['primehub', '7.22', '7.27'],
  ['technichub', '7.27', '7.28'],
  ['technichub', '7.22', '7.27'],
  ['cityhub', '7.27', '7.28'],
  ['cityhub', '7.22', '7.27'],
  ['movehub', '7.27', '7.28'],
  ['movehub', '7.22', '7.27'],
  ['nxt', '7.27', '7.28'],
  ['ev3', '7.27', '7.28'],
]

const ENTRY = 'firmware-base.bin'
const modules = join(import.meta.dirname, '..', '..', 'node_modules')
/** Beside the packages: what was fetched once is there the next time. */
const cache = join(modules, '.cache', 'voltseal-bench')

/** Every pair whose releases are there or can be fetched; of the others it is said why they are missing. */
export function hubPairs(say: (line: string) => void): Pair[] {
  const missing = new Set<Release>()
  const image = (hub: string, release: Release): Uint8Array | null => {
    if (missing.has(release)) return null
    try {
      return imageOf(hub, release)
    } catch (error) {
      say(`release ${release} cannot be had: ${(error as Error).message}`)
      missing.add(release)
      return null
    }
  }
  return PAIRS.flatMap(([hub, from, to, goal]) => {
    const [old, now] = [image(hub, from), image(hub, to)]
    if (old === null || now === null) return []
    return [{ name: `${hub} ${from} → ${to}`, old, now, ...(goal === undefined ? {} : { goal }) }]
  })
}

/** The same 16 KiB of two releases that are installed: enough to see that everything runs. */
export function tinyPair(): Pair {
  const part = (release: Release): Uint8Array => imageOf('movehub', release).slice(0, 16_384)
  return { name: '16 KiB of movehub 7.27 → 7.28', old: part('7.27'), now: part('7.28') }
}

/** 512 KiB: two hubs' firmware one behind the other. */
export function halfMegabyte(): Pair {
  const both = (release: Release): Uint8Array =>
    Buffer.concat([imageOf('primehub', release), imageOf('essentialhub', release)]).subarray(0, 512 * 1024)
  return { name: '512 KiB of primehub and essentialhub 7.27 → 7.28', old: both('7.27'), now: both('7.28') }
}

const MIB = 1 << 20

/**
 * 128 MiB that a seed makes, as a file system is: files of any length, each behind the last one's block, a third of it zeros. In the next release
 * one file in twenty has grown by bytes in its midst, so that all behind it stands elsewhere, and one in fifty is new.
 */
export function fileSystem(): Pair {
  let state = 1
  const draw = (below: number): number => {
    state = (Math.imul(state, 0x5deece6d) + 0xb) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const content = (length: number): Buffer => {
    const bytes = Buffer.alloc(length)
    for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(draw(2 ** 32), at)
    return bytes
  }
  const padded = (file: Buffer): Buffer[] => [file, Buffer.alloc(4096 - (file.length % 4096) + 4096 * draw(24))]
  const [old, now]: [Buffer[], Buffer[]] = [[], []]
  for (let length = 0; length < 128 * MIB; ) {
    const file = content(1000 + draw(120_000))
    const kind = draw(100)
    const at = draw(file.length)
    const [was, is] = [
      padded(file),
      padded(kind < 5 ? Buffer.concat([file.subarray(0, at), content(40), file.subarray(at)]) : file),
    ]
    old.push(...was)
    now.push(...(kind >= 98 ? padded(content(4000)) : []), ...is)
    length += was.reduce((sum, part) => sum + part.length, 0)
  }
  return { name: '128 MiB of files', old: Buffer.concat(old), now: Buffer.concat(now) }
}

/** Pairs of a folder: NAME.old and NAME.new. Kernels of a distribution are too large to be anything else's dependency. */
export function folderPairs(folder: string): Pair[] {
  const names = readdirSync(folder).filter(name => name.endsWith('.old'))
  return names.toSorted().map(name => ({
    name: name.slice(0, -'.old'.length),
    old: readFileSync(join(folder, name)),
    now: readFileSync(join(folder, name.replace(/old$/, 'new'))),
  }))
}

function imageOf(hub: string, release: Release): Uint8Array {
  const build = join('build', `${hub}.zip`)
  const at = RELEASES[release]
  const archive =
    'installed' in at
      ? readFileSync(join(modules, at.installed, build))
      : execFileSync('tar', ['-xzOf', fetched(at), `package/${build}`], { maxBuffer: 1 << 26, stdio: 'pipe' })
  const image = unzipSync(new Uint8Array(archive), { filter: ({ name }) => name === ENTRY })[ENTRY]
  if (image === undefined) throw new Error(`${hub} of ${release} holds no ${ENTRY}`)
  return image
}

/** The package as npm brings it, with the digest that it must have. */
function fetched({ version, integrity }: { readonly version: string; readonly integrity: string }): string {
  const path = join(cache, `pybricks-firmware-${version}.tgz`)
  if (existsSync(path)) return path
  const scratch = `${path}.part`
  mkdirSync(scratch, { recursive: true })
  try {
    const npm = process.env.npm_execpath
    const [program, ...args] = npm === undefined ? ['npm'] : [process.execPath, npm]
    const wanted = ['pack', '--silent', `@pybricks/firmware@${version}`]
    const { status } = spawnSync(program as string, [...args, ...wanted], { cwd: scratch, stdio: 'ignore' })
    const name = readdirSync(scratch)[0]
    if (status !== 0 || name === undefined) throw new Error(`npm pack ended with ${status}`)
    const bytes = readFileSync(join(scratch, name))
    if (createHash('sha512').update(bytes).digest('base64') !== integrity) {
      throw new Error(`@pybricks/firmware ${version} is not what its digest says`)
    }
    renameSync(join(scratch, name), path)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return path
}
