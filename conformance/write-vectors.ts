import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DELTA_VECTORS } from './delta-vectors.ts'
import { VECTORS, vectorText } from './vectors.ts'

/** Writes conformance/vectors and conformance/delta: `node conformance/write-vectors.ts`. The same bytes each time. */
for (const [folder, vectors] of [
  ['vectors', VECTORS],
  ['delta', DELTA_VECTORS],
] as const) {
  const path = join(import.meta.dirname, folder)
  mkdirSync(path, { recursive: true })
  for (const stray of readdirSync(path)) if (!(stray in vectors)) rmSync(join(path, stray))
  for (const [name, make] of Object.entries(vectors)) writeFileSync(join(path, name), vectorText(make))
}
