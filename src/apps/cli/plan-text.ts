import type { PlanBody } from '../../core/campaign/plan.ts'
import type { WayBack } from '../../core/campaign/rollout-plan.ts'
import type { Sheet } from '../../core/campaign/sheet.ts'
import { instant } from '../../core/encoding/units.ts'
import { formatUtc } from '../../core/encoding/utc-time.ts'
import { durationText } from './arguments.ts'
import type { Output } from './output.ts'
import { ruleLines } from './rules-text.ts'
import { type Cell, counted, listing, table } from './table.ts'

/** Controllers that are shown one by one; of a larger plan, each site has a line. */
const ONE_BY_ONE = 500

/**
 * A plan as an approver reads it: what is installed where, in which order, under which rules, until when. Whatever a plan
 * says is shown: people sign what they read.
 */
export function planText(output: Output, head: PlanBody, sheets: readonly Sheet[]): string {
  const head1 = listing(output, [
    ['campaign', head.id],
    ['title', head.title],
    ['change request', head.changeRequest ?? null],
    ['criticality', head.criticality],
    ['drawn up by', head.createdBy],
    ['not before', head.notBefore === undefined ? null : formatUtc(head.notBefore)],
    ['valid until', formatUtc(head.notAfter)],
    ['priority', priorityText(head)],
    ['given up after', `${durationText(head.timeoutMillis)}, ${retryText(head)}`],
    ['halts itself', abortText(head)],
    ['members', membersText(head)],
    ['sheets', `${counted(head.sheets.controllers, 'controller')} at ${counted(head.sheets.sites, 'site')}`],
    ['root of these', head.sheets.root],
  ])
  const releases = head.releases.map(({ path, version, counter, criticality, sha256 }) => [
    path,
    version,
    counter,
    criticality,
    `${sha256.slice(0, 16)}…`,
  ])
  return [
    head1,
    table(output, ['release', 'version', '>counter', 'criticality', 'SHA-256 of the envelope'], releases),
    table(output, ['rule', 'what must be so'], ruleLines(head)),
    ...(head.back === undefined ? [] : [wayBackTable(output, head.releases, head.back)]),
    turnsTable(output, head, sheets),
  ].join('\n\n')
}

function wayBackTable(output: Output, releases: PlanBody['releases'], back: readonly WayBack[]): string {
  const path = (index: number): string | null => releases[index]?.path ?? null
  return table(
    output,
    ['way back from', 'is'],
    back.map(({ of, to }) => [path(of), path(to)]),
  )
}

function turnsTable(output: Output, head: PlanBody, sheets: readonly Sheet[]): string {
  const waveOf = (index: number): readonly Cell[] => {
    const wave = head.waves[index]
    if (wave === undefined) return [String(index + 1), null, null]
    const { name, soakMillis, gate } = wave
    const passes = `${gate.minSuccessPercent} %, ${counted(gate.maxFailures, 'failure')}`
    return [`${index + 1} ${name}`, durationText(soakMillis), passes]
  }
  const turns = sheets.flatMap(({ site, turns }) =>
    head.sheets.controllers > ONE_BY_ONE ? [] : turns.map(turn => ({ site, ...turn })),
  )
  if (head.sheets.controllers <= ONE_BY_ONE) {
    const rows = turns
      .sort((a, b) => a.wave - b.wave)
      .map(({ site, controller, wave, steps }) => {
        const [name = '', soak = '', gate = ''] = waveOf(wave)
        const releases = steps.map(({ release }) => head.releases[release]?.path ?? '?').join(', then ')
        return [name, `${site}/${controller}`, releases, soak, gate]
      })
    return table(output, ['wave', 'controller', 'release', '>soak', 'gate'], rows)
  }
  const waves = head.waves.map(({ controllers }, index) => [...waveOf(index), controllers])
  const sites = sheets.map(({ site, turns }) => {
    const counts = head.waves.map((_, index) => turns.filter(({ wave }) => wave === index).length)
    return [site, turns.length, ...counts]
  })
  const columns = head.waves.map((_, index) => `>wave ${index + 1}`)
  return [
    table(output, ['wave', '>soak', 'gate', '>controllers'], waves),
    table(output, ['site', '>controllers', ...columns], sites),
  ].join('\n\n')
}

const priorityText = ({ priority, deadline }: PlanBody): string => {
  if (deadline === undefined) return String(priority)
  const steps = deadline.steps.map(step => `${step.priority} from ${formatUtc(instant(step.at))}`)
  return [priority, ...steps, `deadline ${formatUtc(deadline.at)}`].join(', ')
}

const retryText = ({ retry }: PlanBody): string => {
  const [first, most] = [durationText(retry.backOffMillis), durationText(retry.maxBackOffMillis)]
  const wait = retry.backOffMillis === 0 ? '' : `, ${first} apart and doubling up to ${most}`
  return `${retry.retries} further ${retry.retries === 1 ? 'try' : 'tries'}${wait}`
}

/** A bound that no failure of the plan can pass is none. */
function abortText({ abort, sheets }: PlanBody): string {
  const { maxFailures, maxFailurePercent } = abort
  const parts = [
    ...(maxFailures < sheets.controllers ? [`above ${counted(maxFailures, 'failure')} in all`] : []),
    ...(maxFailurePercent < 100 ? [`above ${maxFailurePercent} % failures of those that ended`] : []),
  ]
  return parts.length === 0 ? 'by its gates alone' : `${parts.join(', or ')}, beside its gates`
}

const membersText = ({ membership, waves }: PlanBody): string => {
  if (membership === 'fixed') return 'those below'
  const { regions, sites, classes, labels } = membership.select
  const narrowed = Object.entries({ regions, sites, classes, labels }).flatMap(([of, names]) =>
    names === undefined ? [] : `${of} ${names.join(', ')}`,
  )
  const whom = narrowed.length === 0 ? 'whoever comes to these sites' : narrowed.join('; ')
  return `those below, and later in wave ${waves[membership.wave]?.name}: ${whom}`
}
