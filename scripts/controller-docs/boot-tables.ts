import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { BootDecision, BootEffect, BootEvent } from '../../src/core/slot/boot-decision.ts'
import { BOOT_TABLE, decideBoot } from '../../src/core/slot/boot-machine.ts'
import { intentOf, type KeyFacts } from '../../src/core/slot/key-change.ts'
import { activeOnly, type BootState, type Memory } from '../../src/core/slot/memory.ts'
import { type Bootable, type SlotNote, UNKNOWN_NOTE, type Verdict } from '../../src/core/slot/slot.ts'
import { code, type Edge, stateDiagram, table } from './markdown.ts'

/** The boot machine, told by asking it: every state, every event, and what a reset finds in flash. */

const image = (letter: string, sequence: number, counter: number) => ({
  digest: letter.repeat(32),
  sequence,
  version: `${sequence}.0.0`,
  counter,
})
const RESCUE = image('0', 1, 0)
const BEFORE = image('1', 2, 1)
const OLD = image('2', 3, 1)
const NEW = image('3', 4, 2)
const STRANGE = image('4', 5, 2)

const note = (one: typeof OLD, state: SlotNote['state']): SlotNote => ({ state, ...one })
/** Every image is signed by the first key of the device. */
const FIRST = { kid: '1'.repeat(64), key: { alg: 'ed25519', spki: new Uint8Array(1) } } as const
const SECOND = { kid: '2'.repeat(64), key: { alg: 'ed25519', spki: new Uint8Array(2) } } as const
const good = (one: typeof OLD, transition: KeyFacts['transition'] = null): Verdict => ({
  good: true,
  ...one,
  digest: one.digest.repeat(2),
  transition,
  signers: [FIRST.kid],
})
const BAD: Verdict = { good: false, reason: 'slot-image-damaged' }

const remembering = (state: BootState, b: SlotNote): Memory => ({
  state,
  slots: { a: state.at === 'blank' ? UNKNOWN_NOTE : note(OLD, 'confirmed'), b },
  failed: [],
  update: '',
})

const CONFIRMED = { ...activeOnly('a'), floor: 1 }

/** A device in each state. Slot a holds what was confirmed last, slot b the other image. */
type Sample = { readonly name: string; readonly memory: Memory; readonly b: typeof OLD }
const SAMPLES: Readonly<Record<BootState['at'], readonly [Sample, ...Sample[]]>> = {
  blank: [{ name: 'blank', memory: remembering({ at: 'blank' }, UNKNOWN_NOTE), b: NEW }],
  stable: [
    {
      name: 'stable',
      memory: remembering({ at: 'stable', ...CONFIRMED }, note(BEFORE, 'confirmed')),
      b: BEFORE,
    },
  ],
  candidate: [
    {
      name: 'candidate',
      memory: remembering({ at: 'candidate', ...CONFIRMED }, note(NEW, 'candidate')),
      b: NEW,
    },
  ],
  armed: [{ name: 'armed', memory: remembering({ at: 'armed', ...CONFIRMED }, note(NEW, 'candidate')), b: NEW }],
  trial: [
    {
      name: 'trial, budget left',
      memory: remembering({ at: 'trial', slot: 'b', triesLeft: 2, lossesLeft: 9 }, note(NEW, 'trial')),
      b: NEW,
    },
    {
      name: 'trial, budget spent',
      memory: remembering({ at: 'trial', slot: 'b', triesLeft: 0, lossesLeft: 0 }, note(NEW, 'trial')),
      b: NEW,
    },
  ],
}

type Running = Exclude<BootEvent['kind'], 'reset'>
const EVENTS: { readonly [Kind in Running]: Extract<BootEvent, { kind: Kind }> } = {
  staged: { kind: 'staged', slot: 'b', image: NEW, update: '' },
  withdraw: { kind: 'withdraw' },
  arm: { kind: 'arm' },
  confirm: { kind: 'confirm', image: { transition: null, signers: [FIRST.kid], anchors: [FIRST] } },
  revert: { kind: 'revert', cause: 'a probe failed' },
}

/** What a reset may find. `b` is what the sample says of slot b. */
type Finding = {
  readonly name: string
  readonly flash: (b: Verdict) => Readonly<Record<Bootable, Verdict>>
  readonly failed?: boolean
  readonly counter?: number
  /** The change of keys that the image in slot a was confirmed with, and asks for. */
  readonly keys?: KeyFacts['transition']
  readonly anchors?: KeyFacts['anchors']
}
const RESCUED = good(RESCUE)
const FINDINGS: readonly Finding[] = [
  { name: 'a and b verify', flash: b => ({ a: good(OLD), b, golden: RESCUED }) },
  {
    name: 'the same, and the counter is behind the floor',
    counter: 0,
    flash: b => ({ a: good(OLD), b, golden: RESCUED }),
  },
  {
    name: 'the same, and the key that a brought is not there yet',
    keys: { kind: 'add', kid: SECOND.kid, alg: 'ed25519', spki: SECOND.key.spki.toHex() },
    flash: b => ({ a: good(OLD), b, golden: RESCUED }),
  },
  {
    name: 'the same, and the key that a retires is still there',
    keys: { kind: 'retire', kid: SECOND.kid },
    anchors: [FIRST, SECOND],
    flash: b => ({ a: good(OLD), b, golden: RESCUED }),
  },
  { name: 'a is rotten, b verifies', flash: b => ({ a: BAD, b, golden: RESCUED }) },
  { name: 'a verifies, b is rotten', flash: () => ({ a: good(OLD), b: BAD, golden: RESCUED }) },
  { name: 'a verifies, and is not what was confirmed', flash: b => ({ a: good(STRANGE), b, golden: RESCUED }) },
  { name: 'a is rotten, b verifies and has failed before', failed: true, flash: b => ({ a: BAD, b, golden: RESCUED }) },
  { name: 'a and b verify, b has failed before', failed: true, flash: b => ({ a: good(OLD), b, golden: RESCUED }) },
  { name: 'a and b are rotten', flash: () => ({ a: BAD, b: BAD, golden: RESCUED }) },
  { name: 'golden is rotten too', flash: () => ({ a: BAD, b: BAD, golden: BAD }) },
]

/** What a reset comes to: decided, and decided again where a confirmation is finished before a trial. */
function reset({ memory, b }: Sample, { flash, failed, counter, keys, anchors }: Finding): BootDecision {
  const found = flash(good(b))
  const { state } = memory
  const remembered: Memory = {
    ...memory,
    state: state.at === 'blank' || state.at === 'trial' ? state : { ...state, keys: intentOf(keys ?? null) },
    failed: failed === true ? [{ sequence: b.sequence, digest: b.digest }] : [],
  }
  const decide = (finishes: boolean): BootDecision => {
    const decision = decideBoot(remembered, {
      kind: 'reset',
      cause: 'power-loss',
      counter: counter ?? 1,
      anchors: anchors ?? [FIRST],
      budget: { tries: 3, losses: 20 },
      finishes,
      verdict: slot => (slot === 'a' && keys !== undefined ? good(OLD, keys) : found[slot]),
    })
    if (isRefusal(decision)) throw new Error(`a reset was refused: ${decision.code}`)
    return decision
  }
  const first = decide(true)
  if (!first.effects.some(({ kind }) => kind === 'again')) return first
  const second = decide(false)
  return { ...second, effects: [...first.effects, ...second.effects] }
}

const cellOf = (decision: BootDecision | Refusal): string =>
  isRefusal(decision) ? code(decision.code) : decision.note === null ? 'stay' : decision.next.state.at

const DONE: Readonly<Partial<Record<BootEffect['kind'], string>>> = {
  raise: ', raises the counter',
  'add-anchor': ', adds the key',
  'revoke-anchor': ', revokes the key',
}

function resetCell({ effects, note }: BootDecision): string {
  const run = effects.find(effect => effect.kind === 'run')
  const runs = run === undefined ? 'nothing' : `${run.slot}${run.trial ? ' on trial' : ''}`
  const first = effects.some(({ kind }) => kind === 'again')
  const done = effects.map(({ kind }) => DONE[kind] ?? '').join('')
  return first ? `${done.slice(2)}, then ${runs} (${note?.event})` : `${runs}${done} (${note?.event})`
}

const samples = Object.values(SAMPLES).flat()
const kinds = Object.keys(EVENTS) as Running[]

/** The machine as a diagram. The arrows of a reset bear the event that the history notes. */
export function bootDiagram(): string {
  const edges: Edge[] = [{ from: '[*]', to: 'stable', label: 'manufactured' }]
  for (const sample of samples) {
    const from = sample.memory.state.at
    for (const kind of kinds) {
      const decision = decideBoot(sample.memory, EVENTS[kind])
      if (!isRefusal(decision) && decision.note !== null) edges.push({ from, to: decision.next.state.at, label: kind })
    }
    for (const finding of FINDINGS) {
      const decision = reset(sample, finding)
      edges.push({ from, to: decision.next.state.at, label: `reset (${decision.note?.event})` })
    }
  }
  return stateDiagram(edges)
}

/** Every state and every event of a running device. */
export function bootEvents(): string {
  const rows = (Object.keys(BOOT_TABLE) as BootState['at'][]).map(at => {
    const [{ memory }] = SAMPLES[at]
    return [`**${at}**`, ...kinds.map(kind => cellOf(decideBoot(memory, EVENTS[kind])))]
  })
  return table(['', ...kinds], rows)
}

/** Every state and everything that a reset may find. */
export function bootResets(): string {
  return table(
    ['a reset finds', ...samples.map(({ name }) => `**${name}**`)],
    FINDINGS.map(finding => [finding.name, ...samples.map(sample => resetCell(reset(sample, finding)))]),
  )
}
