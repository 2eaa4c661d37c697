import { readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

/**
 * `npm run build:console`: the console's few files, into console/dist or the folder that is named. Fails when the first
 * load is larger than it may be.
 */

const root = join(import.meta.dirname, '..', 'console')

/** What a browser loads before it shows the fleet, at most, in bytes as gzip. Other screens come when they are opened. */
const FIRST_LOAD = 60 * 1024

/** Where the build says what it made of what. */
const MANIFEST = 'manifest.json'

type Chunk = { readonly file: string; readonly css?: readonly string[]; readonly imports?: readonly string[] }
type Loaded = { readonly file: string; readonly bytes: number; readonly gzip: number }

async function buildConsole(folder: string): Promise<readonly Loaded[]> {
  await build({
    root,
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    css: { postcss: {} },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'es2024',
      // What is small is a file too: the policy of the page allows nothing inline.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      manifest: MANIFEST,
      copyPublicDir: true,
      // Nothing of the core does anything when it is read: what is not used of it is not fetched, nor what only that needs.
      rolldownOptions: { treeshake: { moduleSideEffects: id => !id.includes('/src/core/') } },
    },
  })
  return firstLoad(folder).map(file => {
    const content = readFileSync(join(folder, file))
    return { file, bytes: content.length, gzip: gzipSync(content, { level: 9 }).length }
  })
}

/** The page, what it names, and the fleet's screen with all that it imports: what is fetched before the fleet is seen. */
function firstLoad(folder: string): readonly string[] {
  const page = readFileSync(join(folder, 'index.html'), 'utf8')
  const named = [...page.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(match => match[1] as string)
  const chunks = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Record<string, Chunk>
  // What was built is all that the folder holds: the list of it is for the build.
  rmSync(join(folder, MANIFEST))
  const files = new Set(['index.html', ...named])
  const add = (name: string): void => {
    const { file, css = [], imports = [] } = chunks[name] as Chunk
    if (files.has(file)) return
    for (const one of [file, ...css]) files.add(one)
    for (const one of imports) add(one)
  }
  add('screens/fleet.tsx')
  return [...files]
}

const started = performance.now()
const files = await buildConsole(resolve(process.argv[2] ?? join(root, 'dist')))
const total = files.reduce((sum, { gzip }) => sum + gzip, 0)
const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1).padStart(6)} KiB`
for (const { file, bytes, gzip } of files) {
  process.stdout.write(`${file.padEnd(32)} ${kib(bytes)}  gzip ${kib(gzip)}\n`)
}
const seconds = ((performance.now() - started) / 1000).toFixed(1)
process.stdout.write(`first load ${kib(total).trim()} of ${kib(FIRST_LOAD).trim()} (gzip), built in ${seconds} s\n`)
if (total > FIRST_LOAD) {
  process.stderr.write('The console has grown beyond its first load.\n')
  process.exitCode = 1
}
