import { readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

/**
 * `npm run build:console`: the console's few files, into console/dist, and those of a gateway's own page, into dist/site-page; or both into
 * the folders that are named. Fails when a first load is larger than it may be.
 */

const root = join(import.meta.dirname, '..')

type Page = {
  readonly name: string
  /** The folder of its document. */
  readonly from: string
  readonly to: string
  /** The screen that is seen first: it is loaded with all that it imports. */
  readonly first: string
  /** What a browser loads before it shows that, at most, in bytes as gzip. Other screens come when they are opened. */
  readonly most: number
}

const [consoleFolder = join(root, 'console', 'dist'), siteFolder = join(root, 'dist', 'site-page')] =
  process.argv.slice(2)
const PAGES: readonly Page[] = [
  {
    name: 'the console',
    from: join(root, 'console'),
    to: resolve(consoleFolder),
    first: 'screens/fleet.tsx',
    most: 60 * 1024,
  },
  {
    name: 'a gateway’s page',
    from: join(root, 'console', 'gateway'),
    to: resolve(siteFolder),
    first: 'home.tsx',
    most: 40 * 1024,
  },
]

/** Where the build says what it made of what. */
const MANIFEST = 'manifest.json'

type Chunk = { readonly file: string; readonly css?: readonly string[]; readonly imports?: readonly string[] }
type Loaded = { readonly file: string; readonly bytes: number; readonly gzip: number }

async function buildPage(page: Page): Promise<readonly Loaded[]> {
  const { from, to } = page
  await build({
    root: from,
    publicDir: join(root, 'console', 'public'),
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    css: { postcss: {} },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: to,
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
  return firstLoad(page).map(file => {
    const content = readFileSync(join(to, file))
    return { file, bytes: content.length, gzip: gzipSync(content, { level: 9 }).length }
  })
}

/** The page, what it names, and its first screen with all that it imports: what is fetched before that is seen. */
function firstLoad({ to, first }: Page): readonly string[] {
  const page = readFileSync(join(to, 'index.html'), 'utf8')
  const named = [...page.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(match => match[1] as string)
  const chunks = JSON.parse(readFileSync(join(to, MANIFEST), 'utf8')) as Record<string, Chunk>
  // What was built is all that the folder holds: the list of it is for the build.
  rmSync(join(to, MANIFEST))
  const files = new Set(['index.html', ...named])
  const add = (name: string): void => {
    const { file, css = [], imports = [] } = chunks[name] as Chunk
    if (files.has(file)) return
    for (const one of [file, ...css]) files.add(one)
    for (const one of imports) add(one)
  }
  add(first)
  return [...files]
}

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1).padStart(6)} KiB`

for (const page of PAGES) {
  const started = performance.now()
  const files = await buildPage(page)
  const total = files.reduce((sum, { gzip }) => sum + gzip, 0)
  process.stdout.write(`${page.name}\n`)
  for (const { file, bytes, gzip } of files) {
    process.stdout.write(`${file.padEnd(32)} ${kib(bytes)}  gzip ${kib(gzip)}\n`)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`first load ${kib(total).trim()} of ${kib(page.most).trim()} (gzip), built in ${seconds} s\n`)
  if (total <= page.most) continue
  process.stderr.write(`${page.name} has grown beyond its first load.\n`)
  process.exitCode = 1
}
