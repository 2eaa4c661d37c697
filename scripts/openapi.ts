import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROUTES } from '../src/wire/fleet-routes.ts'
import { openApi } from '../src/wire/openapi.ts'

/** Where the OpenAPI document lies: `node scripts/openapi.ts` writes it, a test says when it is out of date. */
export const OPENAPI_FILE = join(import.meta.dirname, '..', 'docs', 'openapi.json')

/** The document as the file holds it. */
export const openApiText = (): string => `${JSON.stringify(openApi(ROUTES), null, 2)}\n`

if (import.meta.main) writeFileSync(OPENAPI_FILE, openApiText())
