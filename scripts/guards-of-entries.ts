import type { Guard } from './guard.ts'

const FORGET = 'tests/flows/forget.test.ts'
const ATTEMPTS = 'tests/apps/fleet/attempts.test.ts'
const AT_GATEWAY = 'tests/apps/gateway/attempts.test.ts'
const NAMES = 'tests/flows/forgotten-names.test.ts'
const SETTINGS = 'tests/flows/settings.test.ts'
const FORMS = 'tests/core/ledger/entry-forms.test.ts'

/** What the log says, of attempts and of people, and how these are forgotten. */
export const ENTRY_GUARDS: readonly Guard[] = [
  {
    stops: 'an attempt that is refused and leaves no trace',
    file: 'src/apps/fleet/gate.ts',
    text: '      await noteRefusal(reception, actor, attemptOf(request), refusal, about)\n',
    without: '      await Promise.resolve([actor, attemptOf, about, noteRefusal])\n',
    tests: ATTEMPTS,
  },
  {
    stops: 'an attempt at a gateway that leaves no trace',
    file: 'src/apps/gateway/door.ts',
    text: '      await noteRefusalAt(world, { controller: own, attempt }, refusal)\n',
    without: '      await Promise.resolve([own, attempt, noteRefusalAt])\n',
    tests: AT_GATEWAY,
  },
  {
    stops: 'an outbox that a controller fills by knocking',
    file: 'src/flows/refused.ts',
    text: '  if (!write) return\n  const left: JsonObject',
    without: '  const left: JsonObject',
    tests: AT_GATEWAY,
  },
  {
    stops: 'an outbox that a controller fills with histories that do not hold',
    file: 'src/apps/gateway/door.ts',
    text: '    // As with a report: what the flow refuses it has told of.\n    told.add(request)\n',
    without: '',
    tests: AT_GATEWAY,
  },
  {
    stops: 'an attempt to change something that counts as a look',
    file: 'src/flows/refused.ts',
    text: "return (method !== 'GET' && method !== 'HEAD') || status === 401 || status === 403",
    without: "return (method === '' || status === 401) || status === 403",
    tests: ATTEMPTS,
  },
  {
    stops: 'a code that keeps attempts out of the log',
    file: 'src/flows/refused.ts',
    text: 'if (status === 500) return false',
    without: 'if (status >= 500) return false',
    tests: ATTEMPTS,
  },
  {
    stops: 'a setting of the server that is changed unseen',
    file: 'src/flows/settings.ts',
    text: 'if (before === now) continue',
    without: 'if (before !== null || before === now) continue',
    tests: SETTINGS,
  },
  {
    stops: 'a server that says nothing of its settings',
    file: 'src/apps/fleet/serve.ts',
    text: '  await noteSettings(world, settings)\n',
    without: '  await Promise.resolve([noteSettings, settings])\n',
    tests: 'tests/flows/attest.test.ts',
  },
  {
    stops: 'a file beside the config that is exchanged unseen',
    file: 'src/apps/fleet/settings.ts',
    text: "return typeof text === 'string' ? digest(utf8(text)) : text",
    without: "return typeof text === 'string' ? digest(utf8(String(path))) : text",
    tests: SETTINGS,
  },
  {
    stops: 'a kind of entry that no flow writes any more',
    file: 'src/flows/seal.ts',
    text: "kind: 'evidence-exported'",
    without: "kind: 'policy-changed'",
    tests: FORMS,
  },
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
    stops: 'a name that stays in the log of the store',
    file: 'src/adapters/store-sqlite/persons.ts',
    text: "    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')\n  }\n",
    without: '  }\n',
    tests: FORGET,
  },
  {
    stops: 'a name that stays in the log of the store when power fails',
    file: 'src/adapters/store-sqlite/persons.ts',
    text: "    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')\n    this.#sql",
    without: '    this.#sql',
    tests: FORGET,
  },
  {
    stops: 'a name on a page that is given up',
    file: 'src/adapters/store-sqlite/fleet.ts',
    text: '    this.people.overwriting(change)\n',
    without: '',
    tests: FORGET,
  },
  {
    stops: 'a name that stays in the pages of the store',
    file: 'src/adapters/store-sqlite/persons.ts',
    text: 'if (change.forgottenAccounts?.length) ontoFreshPages(this.#database, [...OF_ACCOUNTS, ...OF_PERSONS])',
    without: 'if (change.forgottenAccounts?.length) Math.max(OF_ACCOUNTS.length, OF_PERSONS.length)',
    tests: FORGET,
  },
  {
    stops: 'a name that was only tried and stays between the rows',
    file: 'src/adapters/store-sqlite/persons.ts',
    text: 'else if (change.forgottenPersons?.length) ontoFreshPages(this.#database, OF_PERSONS)',
    without: '',
    tests: FORGET,
  },
  {
    stops: 'a name that was only tried and is known for ever',
    file: 'src/flows/persons.ts',
    text: '    if (forgottenPersons.length > 0) await store.commit({ forgottenPersons })\n',
    without: '',
    tests: FORGET,
  },
  {
    stops: 'a webhook that still names whoever was forgotten',
    file: 'src/adapters/store-sqlite/persons.ts',
    text: '      this.#sql.dropMaker.run(name)\n',
    without: '',
    tests: NAMES,
  },
  {
    stops: 'a token that still names whoever was forgotten',
    file: 'src/flows/forget.ts',
    text: 'await record(world, { credentials, ...forgotten }, [event])',
    without: 'await record(world, { ...forgotten }, [event])',
    tests: NAMES,
  },
]
