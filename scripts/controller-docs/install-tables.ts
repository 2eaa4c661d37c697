import { isRefusal } from '../../src/core/refusal/refusal.ts'
import {
  decideInstall,
  INSTALL_TABLE,
  type InstallEvent,
  type InstallState,
} from '../../src/core/slot/install-machine.ts'
import { code, type Edge, stateDiagram, table } from './markdown.ts'

/** The install machine, told by asking it: every state, every event, with each kind of piece that may come. */

const TOTAL = 10
const RECEIVED = 4
const STATES: { readonly [At in InstallState['at']]: Extract<InstallState, { at: At }> } = {
  preparing: { at: 'preparing', slot: 'b', total: TOTAL },
  receiving: { at: 'receiving', slot: 'b', received: RECEIVED, total: TOTAL },
  complete: { at: 'complete', slot: 'b', total: TOTAL },
  staged: { at: 'staged', slot: 'b', total: TOTAL },
  spoilt: { at: 'spoilt', slot: 'b', total: TOTAL },
}

type Sample = { readonly name: string; readonly event: InstallEvent }
const SAMPLES: { readonly [Kind in InstallEvent['kind']]: readonly Sample[] } = {
  prepared: [{ name: 'prepared', event: { kind: 'prepared', kept: 0 } }],
  piece: [
    { name: 'the next piece', event: { kind: 'piece', offset: RECEIVED, length: 1 } },
    { name: 'the last piece', event: { kind: 'piece', offset: RECEIVED, length: TOTAL - RECEIVED } },
    { name: 'a piece from elsewhere', event: { kind: 'piece', offset: RECEIVED + 1, length: 1 } },
    { name: 'too much', event: { kind: 'piece', offset: RECEIVED, length: TOTAL } },
  ],
  damaged: [{ name: 'damaged', event: { kind: 'damaged', back: 0 } }],
  finish: [{ name: 'finish', event: { kind: 'finish' } }],
  verified: [{ name: 'verified', event: { kind: 'verified' } }],
  rejected: [{ name: 'rejected', event: { kind: 'rejected' } }],
}
const samples = Object.values(SAMPLES).flat()

/** An outcome that the flow would have to have asked for: the machine throws, as for any bug. */
const NEVER = 'never'

function cellOf(state: InstallState, event: InstallEvent): string {
  const outcome = asked(state, event)
  if (outcome === NEVER) return NEVER
  if (isRefusal(outcome)) return code(outcome.code)
  const effects = outcome.effects.length === 0 ? '' : `: ${outcome.effects.join(', ')}`
  const same = JSON.stringify(outcome.next) === JSON.stringify(state)
  return `${same && effects === '' ? 'stay' : outcome.next.at}${effects}`
}

function asked(state: InstallState, event: InstallEvent): ReturnType<typeof decideInstall> | typeof NEVER {
  try {
    return decideInstall(state, event)
  } catch {
    return NEVER
  }
}

/** The machine as a diagram. */
export function installDiagram(): string {
  const edges: Edge[] = [{ from: '[*]', to: 'preparing', label: 'begin' }]
  for (const state of Object.values(STATES)) {
    for (const { name, event } of samples) {
      const outcome = asked(state, event)
      if (outcome === NEVER || isRefusal(outcome)) continue
      if (outcome.next.at !== state.at) edges.push({ from: state.at, to: outcome.next.at, label: name })
    }
  }
  return stateDiagram(edges)
}

/** Every state and every event: the next state and what is done, or the refusal. */
export function installEvents(): string {
  const states = (Object.keys(INSTALL_TABLE) as InstallState['at'][]).map(at => STATES[at])
  return table(
    ['', ...states.map(({ at }) => `**${at}**`)],
    samples.map(({ name, event }) => [name, ...states.map(state => cellOf(state, event))]),
  )
}
