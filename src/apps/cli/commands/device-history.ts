import { basename } from 'node:path'
import { readText } from '../../../adapters/config-file.ts'
import { type ReadPart, readDump } from '../../../adapters/flash-dump.ts'
import { loadPublicKey } from '../../../adapters/signer-file.ts'
import { fromHex } from '../../../core/encoding/bytes.ts'
import type { Anchor } from '../../../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import type { DumpKey } from '../../../core/slot/dump.ts'
import { type DumpSlot, type DumpView, viewDump } from '../../../core/slot/dump-view.ts'
import type { BootRecord } from '../../../core/slot/record.ts'
import { other } from '../../../core/slot/slot.ts'
import { keyId } from '../../../core/trust/keys.ts'
import type { Cli, Work } from '../cli.ts'
import { type Cell, listing, table } from '../table.ts'

export type DeviceOptions = {
  readonly device?: readonly string[]
  readonly recordKey?: string
  readonly anchor?: readonly string[]
}

const MAX_KEY_FILE = 64 * 1024

/**
 * Shows what a dump of a controller's flash says: what runs, the slots, the history. Needs no profile and no network.
 * Refuses what `readDump`, `viewDump` and `loadPublicKey` refuse, and `record-key-malformed`.
 */
export function deviceHistory(cli: Cli, options: DeviceOptions): Work {
  const key = options.recordKey === undefined ? null : readRecordKey(options.recordKey, cli)
  if (isRefusal(key)) return key
  const anchors = readAnchors(options.anchor ?? [], cli)
  if (isRefusal(anchors)) return anchors
  const parts: ReadPart[] = []
  for (const path of options.device ?? []) {
    const read = readDump(path, key, cli.world.crypto)
    if (isRefusal(read)) return read
    parts.push(...read)
  }
  if (parts.length === 0) {
    const folders = (options.device ?? []).join(', ')
    return refuse('dump-holds-nothing', folders, 'a boot record, a history or a slot', 'an empty folder')
  }
  const view = viewDump(parts, key !== null, anchors, cli.world.crypto)
  if (isRefusal(view)) return view
  const unreadable = parts.reduce((sum, part) => sum + part.unreadable, 0)
  warn(cli, view, unreadable)
  return { json: { ...view, unreadable }, text: sections(cli, view).join('\n\n') }
}

/** 32 bytes in hex, alone in a file or as `recordKey` in the document of an element that is kept in a file. */
function readRecordKey(path: string, { world: { crypto } }: Cli): DumpKey | Refusal {
  const text = readText(path, MAX_KEY_FILE)
  if (isRefusal(text)) return text
  const key = fromHex((memberOf(text, 'recordKey') ?? text).trim().toLowerCase())
  if (key?.length === 32) return { mac: message => crypto.hmacSha256(key, message), equal: crypto.equal.bind(crypto) }
  return refuse('record-key-malformed', path, '32 bytes in hex, or a document with a recordKey', 'something else')
}

function memberOf(text: string, name: string): string | null {
  try {
    const value = (JSON.parse(text) as Readonly<Record<string, unknown>> | null)?.[name]
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}

function readAnchors(paths: readonly string[], { world: { crypto } }: Cli): Anchor[] | Refusal {
  const anchors: Anchor[] = []
  for (const path of paths) {
    const key = loadPublicKey(path)
    if (isRefusal(key)) return key
    anchors.push({ kid: keyId(key, crypto), key })
  }
  return anchors
}

/** What a reader must not overlook, on stderr: whom to believe, and what is not whole. */
function warn({ output }: Cli, view: DumpView, unreadable: number): void {
  if (!view.authenticated) output.warn('Not authenticated: this is what the dump says. To check it: --record-key FILE')
  const wrong = view.faults.filter(({ fault }) => fault === 'another-mac').length
  if (wrong > 0) output.warn(`${count(wrong, 'place')} with another MAC than this device’s: damaged, or forged.`)
  if (view.newest === null) output.warn('No boot record can be read: what runs is not known.')
  if (view.cutOff) output.warn('The dump ends inside a record, a cell or a slot: it is not whole.')
  if (unreadable > 0) output.warn(`${unreadable} bytes could not be read.`)
  if (view.unlisted > 0) output.warn(`${count(view.unlisted, 'find')} more, not listed: this dump is full of them.`)
}

function sections(cli: Cli, view: DumpView): string[] {
  const out = [listing(cli.output, [...summary(view), ...condition(view)])]
  if (view.slots.length > 0) out.push(slotTable(cli, view.slots))
  if (view.history.length > 0) out.push(historyTable(cli, view))
  if (view.faults.length > 0) {
    const rows = view.faults.map(({ file, offset, kind, fault, claims }) => {
      const what = fault === 'torn' ? `torn ${kind}` : `${kind} with another MAC`
      return [place(file, offset), what, claims === '' ? null : claims]
    })
    out.push(table(cli.output, ['does not count', 'what', 'claims'], rows))
  }
  return out
}

type Line = readonly [name: string, value: Cell]

function summary({ newest, running, authenticated }: DumpView): Line[] {
  if (newest === null) return [['boot record', { text: 'none', tone: 'bad' }]]
  const { record, file, offset } = newest
  const proof = authenticated ? 'under the device’s MAC' : 'not authenticated'
  return [
    ['boot record', `${record.sequence} at ${place(file, offset)}, ${proof}`],
    ['state', stateText(record)],
    ['runs', runningCell(running)],
    ...floorLine(record),
    ...keyLine(record),
    ['failed versions', record.memory.failed.length === 0 ? 'none' : record.memory.failed.map(failedText).join(', ')],
    ['update', record.memory.update === '' ? null : record.memory.update],
  ]
}

function stateText({ memory: { state, slots } }: BootRecord): string {
  switch (state.at) {
    case 'blank':
      return 'blank: no record could be read at the last boot'
    case 'stable':
      return `stable: slot ${state.active} is confirmed`
    case 'candidate':
      return `candidate: ${slots[other(state.active)].version} waits in slot ${other(state.active)} for the word of the site`
    case 'armed':
      return `armed: the next reset tries ${slots[other(state.active)].version} in slot ${other(state.active)}`
    case 'trial':
      return `trial of slot ${state.slot}: ${count(state.triesLeft, 'reset')} and ${count(state.lossesLeft, 'power loss')} left`
  }
}

function runningCell(running: DumpView['running']): Cell {
  if (running === null) return null
  const { slot, version, trial } = running
  if (slot === 'none') return { text: 'nothing: no image verifies', tone: 'bad' }
  if (slot === 'golden') return { text: `golden ${version}, which only asks for an update`, tone: 'bad' }
  return trial
    ? { text: `${slot} ${version}, unconfirmed`, tone: 'warn' }
    : { text: `${slot} ${version}`, tone: 'good' }
}

const floorLine = ({ memory: { state } }: BootRecord): Line[] =>
  state.at === 'blank' || state.at === 'trial' || state.floor === 0 ? [] : [['confirmed at counter', state.floor]]

/** A change of keys that was confirmed with the active image: done, or to be finished by the next boot. */
function keyLine({ memory: { state } }: BootRecord): Line[] {
  if (state.at === 'blank' || state.at === 'trial' || state.keys.kind === 'none') return []
  const { kind, kid } = state.keys
  return [['change of keys', `${kind === 'add' ? 'accepts' : 'retires'} ${kid}…`]]
}

const failedText = ({ sequence, digest }: { sequence: number; digest: string }): string =>
  `sequence ${sequence} (${digest.slice(0, 8)}…)`

function condition({ records, spoilt, torn, missing, history }: DumpView): Line[] {
  const gaps = missing.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`))
  return [
    ['records', `${records} whole, ${spoilt} spoilt`],
    ['history', `${count(history.length, 'decision')}, ${count(torn, 'torn cell')}`],
    ...(gaps.length === 0 ? [] : [['missing decisions', { text: gaps.join(', '), tone: 'warn' }] as const]),
  ]
}

function slotTable({ output }: Cli, slots: readonly DumpSlot[]): string {
  const rows = slots.map(({ file, offset, header, facts, noted, signed, image }): Cell[] => {
    const named = noted.length === 0 ? null : noted.join(' or ')
    if (isRefusal(facts)) {
      return [
        place(file, offset),
        named,
        { text: facts.code, tone: 'refused' },
        null,
        null,
        header.imageBytes,
        null,
        null,
        null,
      ]
    }
    const { version, sequence, counter, class: of, imageDigest } = facts
    return [
      place(file, offset),
      named,
      version,
      sequence,
      counter,
      header.imageBytes,
      `${of}, SHA-256 ${imageDigest.slice(0, 16)}…`,
      wholeCell(image),
      signedCell(signed),
    ]
  })
  const headings = [
    'slot at',
    'noted as',
    'version',
    '>sequence',
    '>counter',
    '>bytes',
    'image',
    'in flash',
    'envelope',
  ]
  return table(output, headings, rows)
}

/** What of the image is there, chunk by chunk, as its envelope names them. */
function wholeCell(image: DumpSlot['image']): Cell {
  if (image === null) return { text: 'no chunk of it', tone: 'bad' }
  const { good, chunks } = image
  return good === chunks ? { text: 'whole', tone: 'good' } : { text: `${good} of ${chunks} chunks`, tone: 'warn' }
}

function signedCell(signed: DumpSlot['signed']): Cell {
  if (signed === null) return 'not verified'
  if (isRefusal(signed)) return { text: signed.code, tone: 'refused' }
  return { text: `signed by ${signed.map(kid => kid.slice(0, 8)).join(', ')}`, tone: 'good' }
}

function historyTable({ output }: Cli, { history }: DumpView): string {
  // A decision whose line of history was cut off stands in its record alone, until the next boot adds it.
  const cut = history.some(line => line.from === 'record')
  const rows = history.map((line): Cell[] => [
    line.decision,
    line.at === 0 ? null : timeText(line.at),
    line.event,
    line.phase === 'none' ? null : line.phase,
    line.slot === 'none' ? null : line.slot,
    line.version === '' ? null : line.version,
    line.cause === '' ? null : line.cause,
    line.reset,
    ...(cut ? [line.from === 'record' ? ({ text: 'the record only', tone: 'warn' } as const) : null] : []),
  ])
  const headings = ['>decision', 'when', 'event', 'phase', 'slot', 'version', 'cause', 'last reset']
  return table(output, cut ? [...headings, 'kept in'] : headings, rows)
}

/** The time of a device is whatever its clock said; beyond what a date can hold, the number itself. */
function timeText(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? `${at} ms` : date.toISOString()
}

const place = (file: string, offset: number): string => `${basename(file)}+0x${offset.toString(16)}`

const PLURALS: Readonly<Record<string, string>> = { 'power loss': 'power losses' }
const count = (number: number, noun: string): string =>
  `${number} ${number === 1 ? noun : (PLURALS[noun] ?? `${noun}s`)}`
