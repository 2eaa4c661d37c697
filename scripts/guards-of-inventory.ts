import type { Guard } from './guard.ts'

const IMPORT = 'tests/flows/import.test.ts'
const DOOR = 'tests/apps/fleet/import.test.ts'
const CHECK = 'tests/flows/check.test.ts'

/** The guards of the inventory: what it says is what was signed. */
export const INVENTORY_GUARDS: readonly Guard[] = [
  {
    stops: 'a row of the inventory that says something else than its report',
    file: 'src/flows/check.ts',
    text: '  return expected === actual ? null : refuse(',
    without: "  return expected !== '' ? null : refuse(",
    tests: CHECK,
  },
  {
    stops: 'a row of the inventory that is shown without its report',
    file: 'src/apps/fleet/inventory.ts',
    text: '  const held = fault === null && stored !== null ? row.attested : null',
    without: '  const held = row.attested',
    tests: CHECK,
  },
  {
    stops: 'a report of the inventory that its controller never signed',
    file: 'src/flows/check.ts',
    text: '  if (isRefusal(report)) return report\n  const subject',
    without: '  if (isRefusal(report)) return null\n  const subject',
    tests: CHECK,
  },
  {
    stops: 'a controller of the inventory that was moved or hidden',
    file: 'src/flows/check.ts',
    text: '  return found === expected ? null : refuse(',
    without: "  return found !== '' ? null : refuse(",
    tests: CHECK,
  },
  {
    stops: 'a controller of the inventory that nobody registered',
    file: 'src/flows/check.ts',
    text: "    if (row.attested === null && row.standing !== 'enrolled') {",
    without: '    if (row.id !== null) {',
    tests: CHECK,
  },
  {
    stops: 'a controller of the inventory that sorts as another version than it has',
    file: 'src/flows/check.ts',
    text: '(misplaced.has(row.id) ? refuseKey(site, row.id) : null)',
    without: 'null',
    tests: CHECK,
  },
  {
    stops: 'figures of a controller that make its version’s incidents unreadable',
    file: 'src/adapters/store-sqlite/inventory-rows.ts',
    text: 'const MOST = Number.MAX_SAFE_INTEGER',
    without: 'const MOST = 2 ** 62',
    tests: 'tests/adapters/store-sqlite/inventory.test.ts',
  },
  {
    stops: 'a quote too many in a list, which swallows the lines behind it',
    file: 'src/core/encoding/csv.ts',
    text: "        else if (char === '\\n') {",
    without: "        else if (char === '\\0') {",
    tests: 'tests/core/encoding/csv.test.ts',
  },
  {
    stops: 'an outage of the link that is all counted for the version of before it',
    file: 'src/core/fleet/exposure.ts',
    text: 'const place = at >= now - APART ? now : Math.max(at, mark)',
    without: 'const place = at >= mark ? now : Math.max(at, mark)',
    tests: 'tests/flows/exposure.test.ts',
  },
  {
    stops: 'a clock that goes back and forth and is counted each time',
    file: 'src/core/fleet/exposure.ts',
    text: 'const stands = at >= mark - APART && at <= now + APART',
    without: 'const stands = at <= now + APART',
    tests: 'tests/core/fleet/exposure.test.ts',
  },
  {
    stops: 'roll-ups of the inventory that say something else than its rows',
    file: 'src/flows/check.ts',
    text: '  if (tally !== null) findings.push(',
    without: "  if (tally === '') findings.push(",
    tests: CHECK,
  },
  {
    stops: 'a list with bad lines that is taken in part',
    file: 'src/flows/import.ts',
    text: "(ending === 'all' && found > 0)",
    without: "(ending === 'all' && found < 0)",
    tests: IMPORT,
  },
  {
    stops: 'bad lines of a list that whoever ends it is silent about',
    file: 'src/flows/import.ts',
    text: 'Math.max(bad, await world.store.imports.faults())',
    without: 'bad',
    tests: DOOR,
  },
  {
    stops: 'lines of a list that come in while nobody has decided on it',
    file: 'src/adapters/store-sqlite/imports.ts',
    text: 'as Stored | undefined)?.decided !== 1) return',
    without: 'as Stored | undefined) === null) return',
    tests: DOOR,
  },
  {
    stops: 'a list that brings a controller into an enrolled site that has none of that name',
    file: 'src/adapters/store-sqlite/inventory-rows.ts',
    text: "iif(EXISTS (SELECT 1 FROM site WHERE id = ?1), 'removed', 'imported')",
    without: "'imported'",
    tests: IMPORT,
  },
  {
    stops: 'a list that moves the controllers of an enrolled site',
    file: 'src/flows/import.ts',
    text: '    if (known.region !== null && known.region !== region) {',
    without: '    if (known.region !== null && region === null) {',
    tests: IMPORT,
  },
  {
    stops: 'a list that makes another board of an enrolled one',
    file: 'src/flows/import.ts',
    text: '    if (described.class === of && described.hardware === hardware) return null',
    without: '    if (described.class !== null) return null',
    tests: IMPORT,
  },
  {
    stops: 'a list that comes in half when power fails behind its decision',
    file: 'src/flows/import.ts',
    text: '  if (standing.decided) await bringIn(world)\n  else',
    without: '  if (standing.decided) return\n  else',
    tests: IMPORT,
  },
  {
    stops: 'a question about sites that who asks may not see',
    file: 'src/adapters/store-sqlite/inventory-where.ts',
    text: '  if (reach !== undefined) {',
    without: '  if (reach !== undefined && query === undefined) {',
    tests: CHECK,
  },
]
