import type { CodeTable } from './code.ts'

/** The plant: how a site is put together, the rules under which its controllers restart, and what is read of it live. */
export const plantCodes = {
  'site-behind-unknown': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the controller is behind one that the site does not have',
    fix: 'Correct "behind": it names the controller through which the power of this one flows.',
  },
  'site-behind-circular': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'controllers are behind each other in a circle',
    fix: 'Correct "behind": power flows from racks through a PCS to the feeder, and never back to where it came from.',
  },
  'site-group-duplicate': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'a redundancy group, or a member of one, is named twice',
    fix: 'Give every group an id of its own and name each member once: one that is counted twice would hide that it is missing.',
  },
  'site-group-member-unknown': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'a redundancy group has a member that is no controller of the site',
    fix: 'Correct the spelling, or take the member out.',
  },
  'site-group-without-spare': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the redundancy group needs all of its members, so none of them could ever restart',
    fix: 'Let "needed" be less than the number of members. Where there is no redundancy, use a window and permissives instead.',
  },
  'rules-budget-zero': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'a budget of zero lets no controller restart, ever',
    fix: 'Give what may be offline at once, or leave the budget out. To keep a site out of a campaign, do not select it.',
  },
  'clock-differs': {
    exit: 75,
    status: 503,
    action: 'retry',
    title: 'the clock of the gateway and that of the fleet server differ',
    fix: 'Check the time sources of both. Until they agree, turns to restart are given only where the windows are open by both times.',
  },
  'clock-jumped': {
    exit: 75,
    status: 503,
    action: 'retry',
    title: 'the clock of the gateway was set ahead while it ran',
    fix: 'Check the time source of the gateway. For a day, turns to restart are given only where the windows are open by the time before the jump too.',
  },
  'rules-hold-nowhere': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'a rule names what is not there, and would hold nobody back',
    fix: 'Correct the name. A permissive names classes that the plan has a release for, a blackout names sites and regions of the plan, a budget limits what the site file gives for its controllers.',
  },
  'conditions-not-read': {
    exit: 69,
    status: 503,
    action: 'retry',
    title: 'the live values of the plant cannot be read',
    fix: 'Check the address, the certificate and the answer of the EMS that gateway.yaml names under "conditions". Until then whatever asks for a live value says no.',
  },
  'gateway-not-running': {
    exit: 69,
    status: 503,
    action: 'retry',
    title: 'no gateway serves from this folder',
    fix: 'Start it with "voltseal gateway serve", or name the folder of one that runs on this machine.',
  },
} as const satisfies CodeTable
