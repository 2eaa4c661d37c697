import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { type AuditEntry, entryBytes } from '../../../src/core/ledger/entry.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { LOG_KEY, signedLog } from '../../core/ledger/signed-log.ts'
import { commandLine, type Ran } from '../../worlds/command-line.ts'
import { writeLog } from '../../worlds/log-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-changes-'))
const at = (name: string): string => join(folder, name)

const entry = (kind: AuditEntry['kind'], more: Partial<AuditEntry>): Uint8Array => {
  const actor = { kind: 'person', id: `person:${'e1'.repeat(32)}` } as const
  const common = { v: 1, at: instant(1_790_000_000_000), clock: 'free', actor, campaign: 'spring', detail: {} } as const
  return orThrow(entryBytes({ ...common, kind, ...more }))
}
const LOG = [
  entry('campaign-created', {
    changeRequest: 'CHG-7',
    detail: { title: 'Patch', criticality: 'safety', sha256: 'cd'.repeat(32) },
  }),
  entry('controller-assigned', {
    site: 'hall',
    controller: 'ups-1',
    detail: { from: '1.0.0', path: 'ups/1.1.0/envelope.suit' },
  }),
  entry('controller-confirmed', { site: 'hall', controller: 'ups-1', detail: { report: 5 } }),
]

/** Writes a folder whose checkpoint is over `signed`, and whose entries are `entries`. */
function exported(name: string, entries: readonly Uint8Array[], signed = entries): string {
  writeLog(at(name), signedLog(entries).files, { checkpoint: utf8(signedLog(signed).checkpoint()) })
  return at(name)
}

const changes = (...argv: string[]): Promise<Ran> => commandLine(['audit', 'changes', ...argv, '--key', LOG_KEY])

describe('voltseal audit changes', () => {
  after(() => rmSync(folder, { recursive: true, force: true }))
  it('tells of a campaign from a folder, for people, as JSON and as CSV', async () => {
    const file = exported('whole', LOG)
    const { exit, out } = await changes('spring', file, '--csv', at('c.csv'), '--out', at('c.json'))
    assert.equal(exit, 0)
    assert.match(out, /change request +CHG-7/)
    assert.match(out, /hall\/ups-1 +1\.0\.0 +1\.1\.0 .* confirmed/)
    const json = JSON.parse((await changes('spring', file, '--json')).out) as object
    assert.deepEqual(JSON.parse(readFileSync(at('c.json'), 'utf8')), json)
    assert.match(readFileSync(at('c.csv'), 'utf8'), /\r\nspring,CHG-7,.*,hall,ups-1,1\.0\.0,1\.1\.0,/)
  })
  it('refuses a campaign that the log does not know, and a name that is none', async () => {
    const file = exported('whole', LOG)
    assert.match((await changes('summer', file)).err, /campaign summer/)
    assert.notEqual((await changes('summer', file)).exit, 0)
    assert.notEqual((await changes('../spring', file)).exit, 0)
  })
  it('attack: an entry was altered after the log was signed: nothing is told and nothing is written', async () => {
    const altered = [...LOG]
    altered[2] = entry('controller-failed', { site: 'hall', controller: 'ups-1', detail: { result: 'reverted' } })
    const { exit, out } = await changes('spring', exported('altered', altered, LOG), '--csv', at('no.csv'))
    assert.notEqual(exit, 0)
    assert.equal(out, '')
    assert.throws(() => readFileSync(at('no.csv')), /ENOENT/)
  })
})
