import type { Guard } from './guard.ts'

const ATTENTION = 'tests/apps/fleet/attention.test.ts'
const WATCHING = 'tests/apps/fleet/watching.test.ts'
const SHELL = 'tests/console/shell.test.ts'

/** The guards of the console's frame, and of what needs somebody. */
export const SHELL_GUARDS: readonly Guard[] = [
  {
    stops: 'the troubles of other sites, to who has a role in one region',
    file: 'src/apps/fleet/attention.ts',
    text: '    if (site !== null) return isWithin(reach, site, region)\n',
    without: '    if (site !== null) return true\n',
    tests: ATTENTION,
  },
  {
    stops: 'the campaigns of other regions among what needs somebody',
    file: 'src/apps/fleet/attention.ts',
    text: '(await isSeen(world, campaign, campaigns))',
    without: '(await isSeen(world, campaign, campaigns), true)',
    tests: ATTENTION,
  },
  {
    stops: 'the alarms of the fleet, to who may not see its status',
    file: 'src/apps/fleet/attention.ts',
    text: '    if (campaign === null) return told\n',
    without: '    if (campaign === null) return true\n',
    tests: ATTENTION,
  },
  {
    stops: 'controllers that a gateway makes up, or that are ordered nothing, among those that wait for a yes',
    file: 'src/adapters/store-sqlite/attention.ts',
    text: "WHERE i.standing = 'enrolled' AND EXISTS\n              (SELECT 1 FROM ordered o WHERE",
    without: "WHERE i.standing = 'enrolled' OR EXISTS\n              (SELECT 1 FROM ordered o WHERE",
    tests: ATTENTION,
  },
  {
    stops: 'how many sites other regions have',
    file: 'src/apps/fleet/attention.ts',
    text: 'all.filter(({ region }) => reach.regions.has(region))',
    without: 'all',
    tests: ATTENTION,
  },
  {
    stops: 'a session that a page keeps alive by itself',
    file: 'src/flows/admit.ts',
    text: 'if (!watching) await noteUse',
    without: 'await noteUse',
    tests: WATCHING,
  },
  {
    stops: 'a change that leaves its session as it was',
    file: 'src/apps/fleet/gate.ts',
    text: 'const watching = isRead(request) && (',
    without: 'const watching = (',
    tests: WATCHING,
  },
  {
    stops: 'a way back from the sign-in to another host',
    file: 'console/picture/address.ts',
    text: '(?![/\\\\])',
    without: '',
    tests: SHELL,
  },
]
