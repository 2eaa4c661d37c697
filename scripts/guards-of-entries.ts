import type { Guard } from './guard.ts'

const FORGET = 'tests/flows/forget.test.ts'

/** What the log says of people, and how they are forgotten. */
export const ENTRY_GUARDS: readonly Guard[] = [
  {
    stops: 'a name that is guessed from the log',
    file: 'src/core/ledger/pseudonym.ts',
    text: ', salt, utf8(text))',
    without: ', utf8(text))',
    tests: FORGET,
  },
  {
    stops: 'somebody in force who is forgotten',
    file: 'src/flows/forget.ts',
    text: "if (account !== null && account.standing.at === 'active') {",
    without: 'if (account !== null && account.id === null) {',
    tests: FORGET,
  },
  {
    stops: 'a name that stays in the pages of the store',
    file: 'src/adapters/store-sqlite/persons.ts',
    text: "    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')\n  }\n",
    without: '  }\n',
    tests: FORGET,
  },
]
