import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bundle, root } from './bundle.ts'

/**
 * `npm run build:agent [FILE]`: the second stage of the Linux agent as one file, everything in it but Node.js itself. A
 * release carries it beside the application (`voltseal release create --image APP --also agent=FILE`).
 */

/** Bundles the second stage; answers its bytes. */
export async function bundleSecondStage(): Promise<Uint8Array> {
  const { code } = await bundle('src/apps/agent/second-stage.ts', { runs: 'node', target: 'esnext' })
  return new TextEncoder().encode(code)
}

if (process.argv[1] === import.meta.filename) {
  const { writeWhole } = await import('../src/adapters/config-file.ts')
  const path = resolve(process.argv[2] ?? join(root, 'dist', 'second-stage.mjs'))
  writeWhole(path, await bundleSecondStage())
  process.stdout.write(`${path} ${(readFileSync(path).length / 1024).toFixed(0)} KiB\n`)
}
