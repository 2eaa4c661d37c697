import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { planFileSchema } from '../src/core/campaign/plan-file.ts'

/** Writes docs/campaign-plan.schema.json from the parser of plan files. A test holds the two to each other. */
const path = join(import.meta.dirname, '../docs/campaign-plan.schema.json')
writeFileSync(path, `${JSON.stringify(planFileSchema(), null, 2)}\n`)
process.stdout.write(`${path}\n`)
