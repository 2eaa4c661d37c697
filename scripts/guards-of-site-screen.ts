import type { Guard } from './guard.ts'

const SHOWN = 'src/flows/show-plant.ts'
const VIEW = 'src/core/campaign/plant-view.ts'
const TESTS = 'tests/flows/show-plant.test.ts'
const VIEWS = 'tests/core/campaign/plant-view.test.ts'

/** The picture of a plant that people look at: bounded, asked for, and of its own site. */
export const SITE_SCREEN_GUARDS: readonly Guard[] = [
  {
    stops: 'a fleet that wears a meter out by asking for the plant at every check-in',
    file: SHOWN,
    text: '  if (known.looked !== null && steady - known.looked < APART) return null\n',
    without: '',
    tests: TESTS,
  },
  {
    stops: 'a plant that is read though nobody looks at it',
    file: SHOWN,
    text: '  if (!known.wanted) return null\n',
    without: '',
    tests: TESTS,
  },
  {
    stops: 'a gateway that fills the memory of the server with views that nobody looks at',
    file: SHOWN,
    text: '  if (look !== null) look.shown = { heardAt: world.clock.now(), view }',
    without: `  const all = looks.get(world) ?? new Map<string, Look>()
  looks.set(world, all)
  all.set(site, { at: look?.at ?? world.clock.now(), shown: { heardAt: world.clock.now(), view } })`,
    tests: TESTS,
  },
  {
    stops: 'somebody who has the plants of a whole fleet kept by looking at each',
    file: SHOWN,
    text: '  if (all.size > MOST_SITES && oldest !== undefined) all.delete(oldest)\n',
    without: '',
    tests: TESTS,
  },
  {
    stops: 'a value that is too old and is shown as one that permits',
    file: VIEW,
    text: '  const no = judge(permissive, of, readings, now)',
    without: '  const no = judge({ ...permissive, maxAgeMillis: 8.64e15 as Millis }, of, readings, now)',
    tests: VIEWS,
  },
  {
    stops: 'a view of a plant that grows with the rules and the waits of a site',
    file: VIEW,
    text: '      .slice(0, MOST_PERMISSIVES)\n',
    without: '',
    tests: VIEWS,
  },
]
