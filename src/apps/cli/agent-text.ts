import type { ControllerStatus } from '../../core/slot/status.ts'
import type { Cell } from './table.ts'

/** What the second stage adds to a controller's status of itself. */
export type AgentStatus = ControllerStatus & {
  readonly class: string
  readonly hardware: string
  readonly application: number | null
  readonly stage: string
}

/** An agent's status for a person, one fact to a line. */
export function statusLines(status: AgentStatus): (readonly [name: string, value: Cell])[] {
  const { controller, running, previous, golden, staged, counter, anchors, attempts, application } = status
  return [
    ['controller', controller],
    ['class', `${status.class}, hardware ${status.hardware}`],
    ['state', stateCell(status)],
    ['running', `${running.version} in slot ${running.slot}`],
    // The other slot's, as the record has it: whether it still verifies is seen when it is needed.
    ...(previous === undefined ? [] : [['other slot', `${previous.version}, confirmed`] as const]),
    ...(staged === undefined ? [] : [['staged', { text: stagedText(status), tone: 'warn' }] as const]),
    ['golden', golden?.version ?? { text: 'does not verify: there is nothing left to recover with', tone: 'bad' }],
    ['security counter', counter],
    ...anchors.map(kid => ['accepts releases by', kid] as const),
    ...attempts.map(attemptLine),
    ['application', application === null ? notRunning(running.slot) : `process ${application}`],
    ['second stage', status.stage === 'slot' ? 'of the slot' : 'of the package'],
  ]
}

function stateCell({ state }: AgentStatus): Cell {
  if (state === 'golden') return { text: 'golden: neither slot verifies; it waits for an update', tone: 'bad' }
  return state === 'trial' ? { text: 'trial', tone: 'warn' } : { text: state, tone: 'good' }
}

const stagedText = ({ staged, armed }: AgentStatus): string =>
  `${staged?.version}, ${armed ? 'armed: the next restart tries it' : 'waits for: voltseal agent arm'}`

const notRunning = (slot: string | null): Cell =>
  slot === 'golden' ? 'none: with golden none is started' : { text: 'does not run', tone: 'bad' }

function attemptLine({ version, at, phase, cause }: AgentStatus['attempts'][number]): readonly [string, Cell] {
  const when = new Date(at)
  const time = Number.isNaN(when.getTime()) ? `${at} ms` : when.toISOString()
  return ['did not hold', { text: `${version}, ${time}, ${phase}: ${cause}`, tone: 'bad' }]
}
