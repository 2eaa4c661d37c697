import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const

const ASK =
  'Believe nothing that the pack says there; have it exported again, and compare it with the log itself (evidence verify --log).'

/** Evidence packs: what is wrong with one, each way of being wrong by a code of its own. */
export const packCodes = {
  'pack-truncated': {
    ...data,
    title: 'the pack is cut short',
    fix: 'Copy or download it again. If it stays so, have it exported again.',
  },
  'pack-malformed': {
    ...data,
    title: 'the pack does not have the form of one',
    fix: 'Take the file as it was exported: packed again by another program, or edited, it is no evidence.',
  },
  'pack-too-large': {
    ...data,
    title: 'the pack is larger than a pack may be',
    fix: 'Ask for a shorter period, for fewer sites or for one change request. A pack that somebody gave you may be made to exhaust your machine.',
  },
  'pack-file-missing': {
    ...trust,
    title: 'a file that the pack states is not in it',
    fix: 'Somebody took it out, or the copy is not whole. Have the pack exported again.',
  },
  'pack-file-unexpected': {
    ...trust,
    title: 'the pack holds a file that it does not state',
    fix: 'Do not open it: nobody vouches for it. Have the pack exported again.',
  },
  'pack-file-changed': {
    ...trust,
    title: 'a file of the pack is not the one that was packed',
    fix: ASK,
  },
  'pack-csv-changed': {
    ...trust,
    title: 'events.csv is not what the proven events give',
    fix: 'Believe events.json, if that is in order, and not the table. Have the pack exported again.',
  },
  'pack-report-changed': {
    ...trust,
    title: 'report.pdf is not the report that was packed',
    fix: 'Believe nothing that the report says. Have the pack exported again.',
  },
  'pack-event-forged': {
    ...trust,
    title: 'the event is not the one that the log holds at its place',
    fix: 'Somebody wrote it anew. The log itself says what happened: have the pack exported again.',
  },
  'pack-event-missing': {
    ...trust,
    title: 'an event that the pack states is not in it',
    fix: 'Somebody took it out. Have the pack exported again.',
  },
  'pack-event-unasked': {
    ...trust,
    title: 'the events of the pack are not those that its query asks for',
    fix: ASK,
  },
  'pack-proof-foreign': {
    ...trust,
    title: 'the proof is of another tree than the checkpoint of the pack',
    fix: 'It proves nothing here. Have the pack exported again.',
  },
  'pack-counts-wrong': {
    ...trust,
    title: 'the pack counts other events than it holds',
    fix: ASK,
  },
  'pack-clauses-wrong': {
    ...trust,
    title: 'the pack shows evidence for clauses otherwise than its events do',
    fix: ASK,
  },
  'pack-manifest-changed': {
    ...trust,
    title: 'the log sealed another statement of what is in the pack',
    fix: 'Somebody rewrote the list of its files or events. Have the pack exported again.',
  },
  'pack-unsealed': {
    ...trust,
    title: 'no entry of the log seals the pack',
    fix: 'Its events are proven; its report and its list of clauses are whoever’s who made it. A pack exported from a copy of the log is never sealed: --events-only takes it for what it is. If it came from a fleet server, the seal was taken out.',
  },
  'pack-key-unconfirmed': {
    ...trust,
    title: 'nobody has said whose key signs the log',
    fix: 'The pack names its own key, and anybody can make a pack with a key of their own. Get the key of the log from somebody you trust, and give it with --key.',
  },
  'pack-incomplete': {
    ...trust,
    title: 'the log holds events that the pack leaves out',
    fix: 'Ask whoever made the pack why. The numbers of the entries say where to look in the log.',
  },
  'pack-verifier-missing': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'the offline verifier has not been built, or is of another version',
    fix: 'Run "npm run build:verifier" where Voltseal is installed, and export again; npm start does so too.',
  },
  'pack-under-way': {
    exit: 75,
    status: 409,
    action: 'retry',
    title: 'the server is making an evidence pack already',
    fix: 'Wait until it is made, or cancel it if it is yours; or have it made on your own machine (voltseal evidence export).',
  },
  'pack-not-made': {
    exit: 74,
    status: 500,
    action: 'retry',
    title: 'the pack could not be made',
    fix: 'Try again. If it stays so, have it made on your own machine (voltseal evidence export), and look at the log of the server.',
  },
} as const satisfies CodeTable
