import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { VECTORS, vectorText } from './vectors.ts'

/** Writes conformance/vectors: `node conformance/write-vectors.ts`. The same bytes each time. */
const folder = join(import.meta.dirname, 'vectors')
mkdirSync(folder, { recursive: true })
for (const [name, make] of Object.entries(VECTORS)) writeFileSync(join(folder, name), vectorText(make))
