import type { Guard } from './guard.ts'

const DOOR = 'tests/apps/gateway/page-door.test.ts'
const PEOPLE = 'tests/flows/site-people.test.ts'
const LIST = 'tests/core/fleet/site-people.test.ts'
const ACCOUNT = 'tests/apps/gateway/people.test.ts'
const GATE = 'src/apps/gateway/page-gate.ts'
const SIGN_IN = 'src/flows/site-sign-in.ts'

/** The guards of a gateway's own page: who comes in, what other pages can do, and what its log says of people. */
export const GATEWAY_PAGE_GUARDS: readonly Guard[] = [
  // Who comes in.
  {
    stops: 'reading a gateway’s page without a session',
    file: GATE,
    text: '    if (isRefusal(who)) throw new RefusalError(who)\n',
    without: '    if (isRefusal(who)) return\n',
    tests: DOOR,
  },
  {
    stops: 'a session at a gateway whose password was changed since',
    file: SIGN_IN,
    text: '  if (known === null || known.password !== password) {',
    without: '  if (known === null) {',
    tests: DOOR,
  },
  {
    stops: 'somebody who is shut out while their sign-in at a gateway is judged',
    file: SIGN_IN,
    text: '|| known.password !== before?.password)',
    without: ')',
    tests: DOOR,
  },
  {
    stops: 'guessing passwords at a gateway',
    file: SIGN_IN,
    text: '  if (locked !== null) return locked\n',
    without: '',
    tests: DOOR,
  },
  {
    stops: 'a page of a gateway that keeps its own session alive',
    file: SIGN_IN,
    text: '  if (!watching) held!.used = now\n',
    without: '  held!.used = now\n',
    tests: DOOR,
  },
  {
    stops: 'sessions without end at a gateway',
    file: SIGN_IN,
    text: '      this.#held.delete(credential.id)\n',
    without: '',
    tests: DOOR,
  },
  {
    stops: 'two sessions at once at a gateway',
    file: GATE,
    text: 'if (cookies.length > 1) return',
    without: 'if (cookies.length > 9) return',
    tests: DOOR,
  },
  // The list.
  {
    stops: 'a list of people that others on the machine can read or write',
    file: 'src/adapters/site-people-file.ts',
    text: 'if ((mode & 0o077) !== 0)',
    without: 'if (mode < 0)',
    tests: DOOR,
  },
  {
    stops: 'the list of people of another site',
    file: 'src/core/fleet/site-people.ts',
    text: '  if (read.site !== site)',
    without: "  if (read.site === '')",
    tests: LIST,
  },
  {
    stops: 'a name that stands twice on the list of a site',
    file: 'src/core/fleet/site-people.ts',
    text: '  if (names.size !== read.people.length)',
    without: '  if (names.size > 64)',
    tests: LIST,
  },
  {
    stops: 'a weak password at a gateway',
    file: 'src/apps/gateway/people.ts',
    text: 'return refusePassword(password, name) ?? passwords.hash(password)',
    without: 'return passwords.hash(password)',
    tests: ACCOUNT,
  },
  {
    stops: 'a list of people that is written for everybody to read',
    file: 'src/apps/gateway/people.ts',
    text: 'sitePeopleText(site, next), 0o600)',
    without: 'sitePeopleText(site, next), 0o644)',
    tests: ACCOUNT,
  },
  // Other pages.
  {
    stops: 'a page elsewhere that signs its visitor in at a gateway as somebody else',
    file: GATE,
    text: '      const forged = refuseForged(request, origins, true)\n',
    without: '      const forged = null as Refusal | null\n',
    tests: DOOR,
  },
  {
    stops: 'a page elsewhere that asks with a session of a gateway',
    file: GATE,
    text: 'return refuseForged(request, origins, true) ?? admitAtSite(',
    without: 'return admitAtSite(',
    tests: DOOR,
  },
  {
    stops: 'a page elsewhere that fills the log of a gateway',
    file: GATE,
    text: '    if (isKnock(request, refusal, origins, SITE_COOKIE)) return\n',
    without: '',
    tests: DOOR,
  },
  // What is told.
  {
    stops: 'what was typed at a refused sign-in, in the log of a gateway',
    file: SIGN_IN,
    text: "refuse(code, 'the page of the gateway', expected, actual)",
    without: 'refuse(code, typed, expected, actual)',
    tests: DOOR,
  },
  {
    stops: 'where the list of people lies, told to whoever asks',
    file: SIGN_IN,
    text: "return refuse(all.code, 'the list of people', 'one that can be used', 'another one')",
    without: 'return all',
    tests: DOOR,
  },
  {
    stops: 'another site asked of a gateway',
    file: 'src/apps/gateway/page-views.ts',
    text: '  id === site ? null : refuse(',
    without: "  id !== '' ? null : refuse(",
    tests: DOOR,
  },
  {
    stops: 'somebody who is let in at a gateway, and nobody is told',
    file: 'src/flows/site-people.ts',
    text: '    if (notes.length === 0) return null\n',
    without: '    if (notes.length < 9) return null\n',
    tests: PEOPLE,
  },
  {
    stops: 'a meter that those wear out who look at a gateway’s page',
    file: 'src/flows/show-plant.ts',
    text: 'if (before !== undefined && steady - before.steady < APART) return before.shown',
    without: 'if (before !== undefined && steady < before.steady) return before.shown',
    tests: 'tests/flows/show-plant.test.ts',
  },
  {
    stops: 'an index that keeps an item from being written',
    file: 'src/adapters/store-sqlite/own-log.ts',
    text: 'CASE WHEN json_valid(CAST(bytes AS TEXT)) THEN',
    without: 'CASE WHEN 1 THEN',
    tests: 'tests/adapters/store-sqlite/items-by-controller.test.ts',
  },
]
