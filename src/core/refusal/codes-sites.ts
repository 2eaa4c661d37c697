import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const
const halt = { exit: 20, status: 422, action: 'halt' } as const

/** What sites tell of themselves: a gateway's own log, and the histories of its controllers. */
export const siteCodes = {
  'history-malformed': {
    ...data,
    title: 'the history does not have the form of a history, or does not account for every number in it',
    fix: 'Check that the controller runs a matching version of the agent.',
  },
  'history-signature-invalid': {
    ...trust,
    title: 'the history is not signed by the report key of the controller',
    fix: 'It was not taken in. If the board was exchanged, enrol the new one; if not, somebody speaks in its name.',
  },
  'history-wrong-controller': {
    ...trust,
    title: 'the history is of another controller than the one that it came from',
    fix: 'It was not taken in. Find out who sent it: a controller tells its own history only.',
  },
  'history-replayed': {
    ...trust,
    title: 'the history is not newer than what the controller told last',
    fix: 'It was not taken in. If it keeps coming, look at the link, and at who is on it.',
  },
  'history-gap': {
    ...trust,
    title: 'decisions of a controller were never told, and it does not say that it lost them',
    fix: 'Read its history on the spot ("voltseal device history") and compare. Whoever stands between it and the fleet, its gateway first, left them out.',
  },
  'history-lost': {
    ...data,
    title: 'a controller says that its history no longer has some of its decisions',
    fix: 'After a long time without its gateway that is to be expected: its ring is small. Else look at its flash, and at who had it in hands.',
  },
  'history-repeated': {
    ...data,
    title: 'a controller told decisions a second time',
    fix: 'Nothing is missing. It is so after its gateway was restored from a backup; else look at the gateway.',
  },
  'history-rewritten': {
    ...trust,
    title: 'a controller tells something else now than it told before',
    fix: 'Take it for broken into: keep it from moving anything, read its flash, and give it new keys before it is used again.',
  },
  'history-restarted': {
    ...trust,
    title: 'the numbers of a controller’s decisions went back',
    fix: 'Its records and its history are gone together. Find out what erased them; if the board was exchanged, enrol the new one.',
  },
  'history-withheld': {
    ...trust,
    title: 'a controller attests decisions that were not told',
    fix: 'Read its history on the spot and compare. Its gateway held them back, unless they come with the next word of the controller.',
  },
  'upstream-forked': {
    ...halt,
    status: 409,
    title: 'what the gateway tells does not continue what it told before',
    fix: 'Its store was set back, or its history was rewritten. Find out which; then "voltseal gateway continue" lets it go on, and the log says so.',
  },
  'upstream-continues': {
    ...data,
    title: 'the gateway’s own log fits what the fleet has of it',
    fix: 'There is nothing to do: it goes on by itself. If the fleet refuses it all the same, look at what "voltseal fleet breaks" says.',
  },
  'upstream-lost': {
    ...data,
    title: 'a gateway says that it lost a stretch of its own log',
    fix: 'It was offline for longer than it has room for. Give it a larger limit (keep.unsentBytes in gateway.yaml), and read the histories of its controllers on the spot.',
  },
  'upstream-forgotten': {
    ...data,
    title: 'the fleet has lost a stretch of a gateway’s log, and the gateway no longer has it',
    fix: 'The fleet was restored from an older copy. An export or a witness’s copy of the log may have it; the histories of the controllers tell what they did.',
  },
  'log-origin-forked': {
    ...halt,
    title: 'an entry is not the one that its gateway signed for',
    fix: 'Compare with the gateway’s own log. Whoever could write the fleet’s log changed it on its way.',
  },
  'log-break-unsaid': {
    ...halt,
    title: 'a sequence breaks, and the log does not say so',
    fix: 'The fleet server says every break itself when it takes it in: this log was written by something else.',
  },
} as const satisfies CodeTable
