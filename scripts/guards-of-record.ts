import type { Guard } from './guard.ts'

const SEARCH = 'src/apps/fleet/log-search.ts'
const SEARCHES = 'tests/apps/fleet/log-search.test.ts'
const SOUGHT = 'src/adapters/store-sqlite/sought.ts'
const PACKS = 'src/apps/fleet/packs.ts'
const MADE = 'tests/apps/fleet/packs.test.ts'
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
  {
    stops: 'the evidence pack of somebody else, fetched or cancelled',
    file: PACKS,
    text: 'return pack === undefined || pack.by !== account ? this.#none(id) : pack',
    without: 'return pack === undefined ? this.#none(id) : pack',
    tests: MADE,
  },
  {
    stops: 'the names of somebody else’s evidence packs',
    file: PACKS,
    text: '.filter(({ by }) => by === account)',
    without: '',
    tests: MADE,
  },
  {
    stops: 'a forged entry that is shown as one that holds',
    file: 'src/core/ledger/proof-walk.ts',
    text: '    if (sameBytes(expected, hash)) return null\n',
    without: '    if (expected.length > 0) return null\n',
    tests: 'tests/console/proof.test.ts',
  },
  {
    stops: 'a proof to take away that the verifier of the command line has not taken',
    file: 'console/picture/proof.ts',
    text: 'text: isRefusal(verdict) ? null : text',
    without: 'text',
    tests: 'tests/console/proof.test.ts',
  },
]
