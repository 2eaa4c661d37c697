import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RefusalCode, registry } from '../src/core/refusal/registry.ts'
import { OPENAPI_FILE, openApiText } from './openapi.ts'

/** Where the page of refusals lies: `node scripts/refusal-docs.ts` writes it, a test says when it is out of date. */
export const REFUSALS_PAGE = join(import.meta.dirname, '..', 'docs', 'refusals.md')

const HEAD = `# Refusals

<!-- Generated from src/core/refusal by scripts/refusal-docs.ts. Change the tables there, not this page. -->

When Voltseal does not do what was asked, it answers with a code. The same code stands in the exit of a command, in the
body of an API answer, in the audit log and in the console. \`voltseal explain CODE\` prints the row of a code.

**Action** says what Voltseal itself does: *retry* (the same may be tried again later), *refuse* (this is refused, all
else goes on), *halt* (work stops until a person has looked).
**Exit** is the exit code of a command: 64 usage, 65 bad data, 66 not there, 69 not reachable, 70 a fault of Voltseal,
73 not written, 74 input or output, 75 try later, 77 not permitted, 78 configuration; 20 trust refused, 21 policy
refused, 22 campaign halted, 23 controller failed. **Status** is the HTTP status of an API answer (RFC 9457).

| code | it means | what to do | action | exit | status |
|---|---|---|---|---:|---:|
`

/** The page, from the registry. */
export function refusalDocs(): string {
  const codes = (Object.keys(registry) as RefusalCode[]).sort()
  const rows = codes.map(code => {
    const { title, fix, action, exit, status } = registry[code]
    return `| \`${code}\` | ${cell(title)} | ${cell(fix)} | ${action} | ${exit} | ${status} |\n`
  })
  return HEAD + rows.join('')
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

if (import.meta.main) {
  writeFileSync(REFUSALS_PAGE, refusalDocs())
  // The list of problems is a part of it.
  writeFileSync(OPENAPI_FILE, openApiText())
}
