// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

/** The guards of what campaigns leave behind: the report of changes. */
export const PLANT_GUARDS: readonly Guard[] = [
  {
    stops: 'a report of changes out of a log that was altered',
    file: 'src/apps/cli/commands/audit-changes.ts',
    text: '  if (finding !== undefined) return finding\n',
    without: '',
    tests: 'tests/apps/cli/audit-changes.test.ts',
  },
  {
    stops: 'a formula in a report of changes',
    file: 'src/core/ledger/change-report.ts',
    text: "/^[=+\\-@\\t\\r]/.test(value) ? `'${value}` : value",
    without: 'value',
    tests: 'tests/core/ledger/change-report.test.ts',
  },
]
