import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { MAX_PLAN_BYTES, parsePlan, planBytes } from '../../../src/core/campaign/plan.ts'
import { parsePlanFile } from '../../../src/core/campaign/plan-file.ts'
import {
  MAX_SHEET_BYTES,
  openSheet,
  type ProvenSheet,
  type Sheet,
  sheetBytes,
  sheetFile,
} from '../../../src/core/campaign/sheet.ts'
import { fromUtf8, sameBytes, utf8 } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault } from '../../../src/core/encoding/canonical-json.ts'
import { readJson } from '../../../src/core/encoding/strict-json.ts'
import { parseSite, siteBytes } from '../../../src/core/fleet/topology.ts'
import { openCheckpoint } from '../../../src/core/ledger/checkpoint.ts'
import { type AuditEntry, entryBytes, MAX_ENTRY_BYTES, parseEntry } from '../../../src/core/ledger/entry.ts'
import { MAX_NOTE_BYTES, parseNote, writeNote } from '../../../src/core/ledger/signed-note.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { planOf, planOfSheets, sheetOf, turnOf } from '../../core/campaign/plans.ts'
import { ENTRY as SAMPLE } from '../../core/ledger/entry-sample.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from '../../core/ledger/keys.ts'
import { quay } from '../../worlds/quay.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN, trusting } from '../outcome.ts'

const CHECKPOINT = `${ORIGIN}\n42\n${'A'.repeat(43)}=\n`
const KEY = logKey(1)

const note: Target = {
  name: 'note',
  form: { of: 'lines' },
  // It counts characters, of three bytes at most.
  limit: 3 * MAX_NOTE_BYTES,
  share: 6,
  seeds: [
    utf8(signedBy(testLogKey(1), CHECKPOINT)),
    utf8(`${signedBy(testLogKey(1), `${CHECKPOINT}extension\n`)}— other.example AAAAAAAA\n`),
  ],
  words: ['— ', `— ${ORIGIN} AAAAAAA=`, '', ' ', '\n\n', '9007199254740993', '-1', '00'],
  read: bytes => {
    const text = fromUtf8(bytes)
    if (text === null) return 'not UTF-8'
    const read = parseNote(text)
    if ('fault' in read) return read.fault.replaceAll(/\d+/g, '#')
    hold(writeNote(read) === text, 'a note with a second spelling')
    return outcomeOf(openCheckpoint(text, KEY, trusting))
  },
}

const ENTRY: AuditEntry = {
  ...SAMPLE,
  detail: { ...SAMPLE.detail, more: { a: [[], {}] } },
  origin: { gateway: 'harbour-gateway', sequence: 7, kind: 'entry', item: 'ab'.repeat(32), head: 'cd'.repeat(32) },
}
const entry: Target = {
  name: 'entry',
  form: { of: 'json', spelling: 'canonical' },
  limit: MAX_ENTRY_BYTES,
  share: 4,
  seeds: [orThrow(entryBytes(ENTRY))],
  words: ['"detail":', '"kind":', '"actor":', '"origin":', '"log-opened"'],
  read: bytes => {
    const read = parseEntry(bytes, 'fuzz')
    if (isRefusal(read)) return outcomeOf(read)
    hold(sameBytes(orThrow(entryBytes(read)), bytes), 'an entry with a second spelling')
    return TAKEN
  },
}

const plan: Target = {
  name: 'plan',
  form: { of: 'json', spelling: 'canonical' },
  limit: MAX_PLAN_BYTES,
  share: 3,
  seeds: [planBytes(planOf([1, 3])), planBytes(planOf([1]))],
  words: ['"waves":', '"gate":', '"controllers":', '"releases":', '"soakMillis":'],
  read: bytes => {
    const read = parsePlan(bytes, 'fuzz')
    if (isRefusal(read)) return outcomeOf(read)
    hold(sameBytes(planBytes(read), bytes), 'a plan with a second spelling')
    return TAKEN
  },
}

/** A sheet as a gateway gets it, with its proof: nothing of it is believed before the head vouches for it. */
const SHEETS = ['harbour', 'quay'].map(site => sheetOf(site, [turnOf('c0'), turnOf('c1')]))
const SHEETED = planOfSheets(SHEETS)
const sheet: Target = {
  name: 'sheet',
  form: { of: 'json', spelling: 'canonical' },
  limit: MAX_SHEET_BYTES,
  share: 3,
  seeds: [sheetFile(SHEETED.proven[1] as ProvenSheet)],
  words: ['"path":', '"sheet":', '"turns":', '"steps":', '"order":', '"index":'],
  read: bytes => {
    const read = openSheet(bytes, SHEETED.plan, 'quay', crypto)
    if (isRefusal(read)) return outcomeOf(read)
    hold(sameBytes(sheetFile(read), bytes), 'a sheet with a second spelling')
    hold(sameBytes(sheetBytes(read.sheet), sheetBytes(SHEETS[1] as Sheet)), 'a sheet that nobody approved')
    return TAKEN
  },
}

/** What an operator asks for, as it comes through the door. */
const FILE_LIMIT = 1 << 20
const planFile: Target = {
  name: 'plan-file',
  form: { of: 'json', spelling: 'any' },
  limit: FILE_LIMIT,
  share: 3,
  seeds: [
    canonicalJson({
      id: 'a',
      releases: ['a.suit', { path: 'b.suit', criticality: 'content' }],
      select: { versions: { bms: '<4.2' }, labels: ['night'] },
      waves: [
        { name: 'one', take: { racks: 2 }, soak: '2h', gate: { success: 95, failures: 1 } },
        { name: 'rest', take: 'rest' },
      ],
      rules: { windows: [{ days: ['mon'], from: '22:00', to: '04:00' }], budgets: [{ per: 'site', watts: '1MW' }] },
      validFor: '30d',
    }),
  ],
  words: ['"take":', '"rest"', '"controllers":', '"rules":', '"notAfter":', '"2027-03-01T00:00:00Z"', '"wayBack":'],
  read: bytes => {
    const json = readJson(bytes, FILE_LIMIT)
    if (json instanceof JsonFault) return outcomeOf(json)
    const read = parsePlanFile(json, 'fuzz')
    return isRefusal(read) ? outcomeOf(read) : TAKEN
  },
}

/** A site as it is stored: what people write comes through YAML, which is a reader of others. */
const SITE_LIMIT = 1 << 20
const site: Target = {
  name: 'site',
  form: { of: 'json', spelling: 'any' },
  limit: SITE_LIMIT,
  share: 3,
  seeds: [canonicalJson(quay(3) as Json)],
  words: ['"controllers":', '"classes":', '"slot":', '"512KiB"', '"zone":', '"Europe/Amsterdam"'],
  read: bytes => {
    const json = readJson(bytes, SITE_LIMIT)
    if (json instanceof JsonFault) return outcomeOf(json)
    const read = parseSite(json, 'fuzz')
    if (isRefusal(read)) return outcomeOf(read)
    const stored = siteBytes(read)
    hold(sameBytes(siteBytes(orThrow(parseSite(readJson(stored, 2 * SITE_LIMIT), 'fuzz'))), stored), 'a site once only')
    return TAKEN
  },
}

export const LEDGER: readonly Target[] = [note, entry, plan, sheet, planFile, site]
