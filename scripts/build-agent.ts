import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'vite'

/**
 * `npm run build:agent [FILE]`: the second stage of the Linux agent as one file, everything in it but Node.js itself. A
 * release carries it beside the application (`voltseal release create --image APP --also agent=FILE`).
 */
const root = join(import.meta.dirname, '..')

/** Bundles the second stage; answers its bytes. */
export async function bundleSecondStage(): Promise<Uint8Array> {
  const built = await build({
    root,
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: 'error',
    // Everything in one file: on the controller there is no node_modules beside it.
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: join(root, 'src/apps/agent/second-stage.ts'),
      write: false,
      target: 'esnext',
      minify: false,
      rollupOptions: { output: { format: 'es', codeSplitting: false } },
    },
  })
  const outputs = [built].flat().flatMap(one => ('output' in one ? one.output : []))
  const [chunk, ...more] = outputs
  if (chunk?.type !== 'chunk' || more.length > 0) throw new Error(`the bundle is ${outputs.length} files, not one`)
  const foreign = chunk.imports.filter(name => !name.startsWith('node:'))
  if (foreign.length > 0) throw new Error(`the bundle still imports ${foreign.join(', ')}`)
  return new TextEncoder().encode(chunk.code)
}

if (process.argv[1] === import.meta.filename) {
  const { writeWhole } = await import('../src/adapters/config-file.ts')
  const path = resolve(process.argv[2] ?? join(root, 'dist', 'second-stage.mjs'))
  writeWhole(path, await bundleSecondStage())
  process.stdout.write(`${path} ${(readFileSync(path).length / 1024).toFixed(0)} KiB\n`)
}
