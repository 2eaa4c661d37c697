import type { Guard } from './guard.ts'

const PATH = 'tests/core/campaign/path.test.ts'
const BOTH = 'tests/core/campaign/{path,path-rules}.test.ts'
const BESIDE = 'tests/core/campaign/versions-beside.test.ts'
const COMPARE = 'tests/flows/compare.test.ts'
const WAVES = 'tests/core/campaign/path-waves.test.ts'
const RULES = 'tests/core/campaign/path-rules.test.ts'

/** The guards of versions that go together: no pair that does not accept each other is ever active. */
export const PATH_GUARDS: readonly Guard[] = [
  {
    stops: 'a path past what the release that is to run needs of others',
    file: 'src/core/campaign/path-rules.ts',
    text: 'return [brokenRule(one, other), brokenRule(other, one)]',
    without: 'return [brokenRule(other, one)]',
    tests: PATH,
  },
  {
    stops: 'a path past what the releases that run need of the one that comes',
    file: 'src/core/campaign/path-rules.ts',
    text: '  const others = brokenRule(runs, becomes)\n',
    without: '  const others = null as ReturnType<typeof brokenRule>\n',
    tests: BOTH,
  },
  {
    stops: 'a path that trusts in a neighbour that has attested nothing',
    file: 'src/core/campaign/path-rules.ts',
    text: '(other.version !== null && isWithin(other.version, needs))',
    without: '(other.version === null || isWithin(other.version, needs))',
    tests: BOTH,
  },
  {
    stops: 'a path through a state between the cohorts that is not allowed',
    file: 'src/core/campaign/path-search.ts',
    text: 'near[a]!.every(([b, { fits }]) => fits[to]![at[b]!] === 1)',
    without: 'near[a]!.every(([b]) => at[b]! >= 0 && to > 0)',
    tests: PATH,
  },
  {
    stops: 'a step brought forward that stands in the way of others',
    file: 'src/core/campaign/path-search.ts',
    text: 'if (near[a]!.every(([b, { harmed }]) => harmed[at[b]!] === 0))',
    without: 'if (near[a]!.every(([b, { fits }]) => fits[to]![at[b]!] === 1))',
    tests: PATH,
  },
  {
    stops: 'a crowd of one class that meets its own other version',
    file: 'src/core/campaign/path-cohorts.ts',
    text: ' && !(crowd && apart(runs[at]!, runs[to]!))',
    without: '',
    tests: PATH,
  },
  {
    stops: 'steps at once that would not go together in another order',
    file: 'src/core/campaign/path-order.ts',
    text: '      fits(one.piece, one.from, other.piece, other.to)\n',
    without: '      true\n',
    tests: PATH,
  },
  {
    stops: 'a circle that is taken for another one with other neighbours in it',
    file: 'src/core/campaign/path-cohorts.ts',
    text: 'JSON.stringify([made, around])',
    without: 'JSON.stringify([made])',
    tests: PATH,
  },
  {
    stops: 'a grant of a step beside a controller that is on its way between two versions',
    file: 'src/core/campaign/path-rules.ts',
    text: 'for (const runs of near.runs) {',
    without: 'for (const runs of near.runs.slice(0, 1)) {',
    tests: RULES,
  },
  {
    stops: 'a turn beside versions that do not accept the release, or that it does not accept',
    file: 'src/core/campaign/coordinator.ts',
    text: 'if (board === undefined) return this.#versions.before(controller)',
    without: 'if (board === undefined) return null',
    tests: BESIDE,
  },
  {
    stops: 'two turns at once that do not go together',
    file: 'src/core/campaign/coordinator.ts',
    text: '    this.#versions.take(id)\n',
    without: '',
    tests: BESIDE,
  },
  {
    stops: 'a turn beside a controller that is on its way, judged by what it had',
    file: 'src/flows/compare.ts',
    text: 'const versions = settled ? [report.running] : reported(report)',
    without: 'const versions = [report.running]',
    tests: COMPARE,
  },
  {
    stops: 'a turn for a release whose envelope nobody can read',
    file: 'src/core/campaign/versions-beside.ts',
    text: '    if (becomes === undefined) {',
    without: '    if (becomes === undefined && id === name) {',
    tests: BESIDE,
  },
  {
    stops: 'a running release that is forgotten with its orders, and with it what it accepts',
    file: 'src/flows/relay.ts',
    text: '  await keepStated(world, bytes, opened.facts)\n',
    without: '',
    tests: COMPARE,
  },
  {
    stops: 'a wave that waits for one that waits for it',
    file: 'src/core/campaign/draft-waves.ts',
    text: 'needs.size === 0 ? new Set(taken) : withNeeded(taken, left, needs)',
    without: 'needs.size === 0 ? new Set(taken) : new Set(withNeeded(taken, [], needs))',
    tests: WAVES,
  },
  {
    stops: 'a plan beside a board that nobody registered, as if it were not there',
    file: 'src/core/campaign/draft-site.ts',
    text: '    if (of !== null) candidates.push(',
    without: '    if (of !== null && known.has(of.id)) candidates.push(',
    tests: WAVES,
  },
  {
    stops: 'a turn before those that the plan lets go first',
    file: 'src/core/campaign/step-order.ts',
    text: 'return first === undefined || first.order >= own ? null : first.controller',
    without: 'return first === undefined || first.order >= own || first.order >= 0 ? null : first.controller',
    tests: WAVES,
  },
  {
    stops: 'a neighbour that ran before the gateway was there, and whose release it does not know',
    file: 'src/flows/relay.ts',
    text: 'agreed.length === 0 ? null : await keepNeighbours(world, look)',
    without: 'agreed.length === 0 ? await keepNeighbours(world, look) : null',
    tests: 'tests/flows/compare.test.ts',
  },
  {
    stops: 'an assigned release that is forgotten since nobody has reported it yet',
    file: 'src/flows/state.ts',
    text: '    .filter(path => !assigned.has(path))\n',
    without: '',
    tests: 'tests/flows/compare.test.ts',
  },
  {
    stops: 'what somebody at the site has armed, and is about to run',
    file: 'src/flows/compare.ts',
    text: "isSettled(report) && at !== 'granted'",
    without: "report.state !== 'trial' && at !== 'granted'",
    tests: 'tests/flows/compare.test.ts',
  },
]
