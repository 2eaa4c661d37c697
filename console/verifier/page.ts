import { formatUtc } from '../../src/core/encoding/utc-time.ts'
import { noWitness } from '../../src/core/ledger/log-policy.ts'
import { standingOf } from '../../src/core/ledger/pack/clauses.ts'
import { countKinds } from '../../src/core/ledger/pack/manifest.ts'
import { queryLines } from '../../src/core/ledger/pack/query.ts'
import { LIMITS, verdictLines } from '../../src/core/ledger/pack/told.ts'
import { type PackVerdict, type Progress, verifyPack } from '../../src/core/ledger/pack/verify.ts'
import { parseVerifierKey } from '../../src/core/ledger/signed-note.ts'
import { sentence } from '../../src/core/refusal/refusal.ts'
import { browserCrypto } from '../crypto-browser.ts'
import { inflateBrowser } from './inflate.ts'

/**
 * The page that lies in every evidence pack as `verify.html`: one file, built by `npm run build:verifier`. It runs the verifier of the
 * core on a file that somebody chooses. Its policy lets it load nothing, so that it cannot tell anybody what it read.
 */

const byId = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E
const out = byId('out')
const key = byId<HTMLInputElement>('key')
const eventsOnly = byId<HTMLInputElement>('events-only')
const file = byId<HTMLInputElement>('file')
const drop = byId('drop')

/** Text is only ever set as text: nothing of a pack becomes markup. */
function element(name: string, options: { text?: string; class?: string } = {}, ...children: Node[]): HTMLElement {
  const made = document.createElement(name)
  if (options.class !== undefined) made.className = options.class
  if (options.text !== undefined) made.textContent = options.text
  made.append(...children)
  return made
}

function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): HTMLElement {
  const head = element('tr', {}, ...heads.map(text => element('th', { text })))
  const body = rows.map(row =>
    element(
      'tr',
      {},
      ...row.map(cell =>
        element('td', { text: String(cell), ...(typeof cell === 'number' ? { class: 'number' } : {}) }),
      ),
    ),
  )
  return element(
    'div',
    { class: 'scroll' },
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...body)),
  )
}

/** The newest run: an older one that is still going shows nothing any more. */
let newest = 0

async function verify(chosen: File): Promise<void> {
  newest += 1
  const run = newest
  const written = key.value.trim()
  const parsed = written === '' ? null : parseVerifierKey(browserCrypto, written)
  if (written !== '' && parsed === null) {
    return show(
      notice(
        'bad',
        'This is not a key',
        'A key of a log is written NAME+ID+BASE64. Leave the field empty to see what the pack says of itself.',
      ),
    )
  }
  show(element('p', { text: `Reading ${chosen.name} …` }))
  const zip = new Uint8Array(await chosen.arrayBuffer())
  const policy = parsed === null ? null : noWitness(parsed)
  const verifying = verifyPack(browserCrypto, zip, inflateBrowser, { policy, eventsOnly: eventsOnly.checked })
  const bar = element('progress') as HTMLProgressElement
  const told = element('p', { class: 'quiet' })
  show(bar, told)
  for (let step = verifying.next(); run === newest; step = verifying.next()) {
    if (step.done) return report(chosen.name, step.value)
    await turn(bar, told, step.value)
  }
}

/** Lets the browser draw. */
function turn(bar: HTMLProgressElement, told: HTMLElement, { done, of }: Progress): Promise<void> {
  bar.max = Math.max(1, of)
  bar.value = done
  told.textContent = `${done} of ${of} events`
  return new Promise(resolve => setTimeout(resolve))
}

const show = (...nodes: Node[]): void => out.replaceChildren(...nodes)
const notice = (tone: 'good' | 'bad', head: string, text: string): HTMLElement =>
  element('div', { class: `notice ${tone}` }, element('strong', { text: head }), element('span', { text }))

function report(name: string, verdict: PackVerdict): void {
  const { sound, findings, dropped, manifest, seal } = verdict
  const [head, ...lines] = verdictLines(verdict)
  const words = !sound
    ? 'see what was found.'
    : seal === null
      ? 'every event is in the log that this key signed. The report is whoever’s who made the pack.'
      : 'every event is in the log that this key signed, and nothing in the pack was changed.'
  const summary = notice(sound ? 'good' : 'bad', head?.[1] ?? '', `${name}: ${words}`)
  const facts = element(
    'dl',
    {},
    ...lines.flatMap(([term, value, tone]) => [
      element('dt', { text: term }),
      element('dd', { text: value, class: `${tone}-text` }),
    ]),
  )
  show(summary, ...found(verdict), facts, element('p', { class: 'quiet', text: LIMITS }))
  if (dropped > 0) out.append(element('p', { text: `and ${dropped} further findings` }))
  // What stands in a pack that does not verify is shown as what it says, below the reasons not to believe it.
  if (manifest === null) return
  out.append(element('h2', { text: 'What was asked for' }))
  out.append(
    element(
      'dl',
      {},
      ...queryLines(manifest.query).flatMap(([term, value]) => [
        element('dt', { text: term }),
        element('dd', { text: value }),
      ]),
    ),
  )
  if (findings.every(({ code }) => code === 'pack-key-unconfirmed' || code === 'pack-unsealed')) contents(verdict)
}

function found({ findings }: PackVerdict): HTMLElement[] {
  if (findings.length === 0) return []
  const items = findings.map(finding =>
    element('li', {}, element('code', { text: finding.code }), element('div', { text: sentence(finding) })),
  )
  return [element('ul', { class: 'findings' }, ...items)]
}

/** Rows that a person reads; all of them are in the pack. */
const MAX_ROWS = 1000

function contents({ manifest, events, standards }: PackVerdict): void {
  const cited = countKinds(events)
  for (const { standard, edition, clauses } of standards) {
    out.append(element('h2', { text: `${standard}, ${edition}` }))
    const rows = clauses.map(clause => [clause.clause, clause.about, WORDS[standingOf(clause, cited).standing]])
    out.append(table(['clause', 'what it is about', 'evidence'], rows))
  }
  out.append(element('h2', { text: 'Events by kind' }))
  const kinds = Object.entries(manifest?.counts ?? {}).map(([kind, { cited: some, log }]) => [kind, some, log])
  out.append(table(['kind', 'cited', 'in the log'], kinds))
  out.append(
    element('h2', { text: events.length > MAX_ROWS ? `The first ${MAX_ROWS} of ${events.length} events` : 'Events' }),
  )
  const rows = events
    .slice(0, MAX_ROWS)
    .map(({ index, entry }) => [
      index,
      formatUtc(entry.at),
      entry.kind,
      [entry.site, entry.controller].filter(one => one !== undefined).join('/'),
      `${entry.actor.kind} ${entry.actor.id}`,
      JSON.stringify(entry.detail).slice(0, 160),
    ])
  out.append(table(['entry', 'time (UTC)', 'kind', 'where', 'who', 'detail'], rows))
}

const WORDS = { shown: 'events shown', partly: 'partly shown', missing: 'missing', unrecorded: 'no events' } as const

const take = (chosen: File | undefined): void => {
  if (chosen === undefined) return
  verify(chosen).catch((error: unknown) => show(notice('bad', 'This file could not be read', String(error))))
}

file.addEventListener('change', () => take(file.files?.[0]))
key.addEventListener('change', () => take(file.files?.[0]))
eventsOnly.addEventListener('change', () => take(file.files?.[0]))
for (const event of ['dragover', 'dragleave', 'drop'] as const) {
  drop.addEventListener(event, one => {
    one.preventDefault()
    drop.classList.toggle('over', event === 'dragover')
    const dropped = event === 'drop' ? one.dataTransfer : null
    if (dropped === null) return
    file.files = dropped.files
    take(dropped.files[0])
  })
}
