import type { Guard } from './guard.ts'

const SEARCH = 'src/apps/fleet/log-search.ts'
const SEARCHES = 'tests/apps/fleet/log-search.test.ts'
const SOUGHT = 'src/adapters/store-sqlite/sought.ts'
const STORED = 'tests/adapters/store-sqlite/sought.test.ts'

/** The guards of looking into the log: who finds what, and what the browser believes of it. */
export const RECORD_GUARDS: readonly Guard[] = [
  {
    stops: 'whose a pseudonym is, told to who may not see accounts',
    file: SEARCH,
    text: "  if (mayDo(reader, 'read-accounts', FLEET) !== null) return [actor]\n",
    without: '',
    tests: SEARCHES,
  },
  {
    stops: 'a word of a change that failed, found under another one’s number',
    file: SOUGHT,
    text: '  forget(): void {\n    this.#rows.forget()\n  }',
    without: '  forget(): void {}',
    tests: STORED,
  },
]
