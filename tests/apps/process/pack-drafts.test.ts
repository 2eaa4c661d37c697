import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { type Drafts, exportPack, judge, type Making, type PackSource } from '../../../src/apps/process/pack-export.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { AuditEntry } from '../../../src/core/ledger/entry.ts'
import { readPolicy } from '../../../src/core/ledger/log-policy.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
import type { SealPack } from '../../../src/wire/evidence-api.ts'
import { ORIGIN } from '../../core/ledger/keys.ts'
import { cosigned, LOG_KEY, witnessKey } from '../../core/ledger/signed-log.ts'
import { campaignEntries, filesOf } from '../../worlds/evidence-log.ts'

/** A pack that the log has sealed is never lost: all of it but the seal is kept from before. */

const verifier = mkdtempSync(join(tmpdir(), 'voltseal-drafts-'))
before(() => {
  // Any verifier will do: what is in it is tried where it is built.
  for (const [name, text] of [
    ['verify.html', '<!doctype html>'],
    ['verify.mjs', '//'],
    ['sources.json', '{}'],
  ] as const) {
    writeFileSync(join(verifier, name), text)
  }
})
after(() => rmSync(verifier, { recursive: true, force: true }))

const POLICY = orThrow(
  readPolicy(`log ${LOG_KEY}\nwitness harbour ${witnessKey('harbour', 5)}\nquorum harbour\n`, crypto),
)
const QUERY = { sites: ['harbour-1'] }

/** A log that seals packs, with a witness that signs as long as it is not silent; and a place for one draft. */
class Desk {
  readonly #entries = campaignEntries({ sites: 2, controllers: 2, months: 1 })
  #signed = this.#entries.length
  isSilent = false
  draft: Uint8Array | null = null
  sealed: number[] = []
  seals = 0
  /** What goes wrong: behind the seal, or where the draft is kept. */
  fault: 'none' | 'answer-lost' | 'disk-full' = 'none'

  async run(query: object = QUERY) {
    const drafts: Drafts = {
      begun: this.draft,
      keep: zip => {
        if (this.fault === 'disk-full') throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
        this.draft = zip
      },
      sealed: index => this.sealed.push(index),
    }
    const source: PackSource = {
      files: { file: path => this.#file(path) },
      policy: POLICY,
      seal: claim => this.#seal(claim),
    }
    return exportPack(MAKING, source, query as typeof QUERY, verifier, drafts)
  }

  async #file(path: string): Promise<Uint8Array | null> {
    if (!this.isSilent) this.#signed = this.#entries.length
    const bytes = await filesOf(this.#entries).file(path)
    if (path !== 'checkpoint' || this.#signed < this.#entries.length) return bytes
    return utf8(await cosigned(new TextDecoder().decode(bytes as Uint8Array), 'harbour', 5, 1_790_000_000))
  }

  async #seal(claim: SealPack): Promise<{ index: number } | Refusal> {
    this.seals += 1
    const index = this.#entries.length
    const { manifest, query, size, events } = claim
    const detail = { manifest, query, size, events } as unknown as JsonObject
    const last = this.#entries.at(-1) as AuditEntry
    const actor = { kind: 'fleet', id: ORIGIN } as const
    this.#entries.push({ v: 1, kind: 'evidence-exported', at: last.at, clock: 'synchronised', actor, detail })
    return this.fault === 'answer-lost' ? refuse('not-reachable', 'the server', 'an answer', 'none') : { index }
  }
}

const MAKING: Making = {
  crypto,
  now: () => instant(1_790_000_000_000),
  maker: 'voltseal test',
  patience: 1,
  tell: () => {},
  warn: () => {},
}
const soundly = (zip: Uint8Array, eventsOnly = false) => judge(MAKING, zip, { policy: POLICY, eventsOnly })

describe('an evidence pack that is not finished', () => {
  it('witnesses that are silent behind the seal: the next run finishes it under the same seal', async () => {
    const desk = new Desk()
    const seal = desk.sealed
    // The witness falls silent when the log grows by the seal.
    const first = desk.run()
    desk.isSilent = true
    const refused = await first
    assert.ok(isRefusal(refused) && refused.code === 'cosignatures-too-few')
    assert.equal(seal.length, 1)
    const draft = soundly(desk.draft as Uint8Array, true)
    assert.deepEqual([draft.sound, draft.seal, draft.proven > 5], [true, null, true], 'its events are proven as it is')
    assert.ok(isRefusal(await desk.run()), 'they are silent still')
    desk.isSilent = false
    const made = orThrow(await desk.run())
    assert.ok(made.verdict.sound)
    assert.equal(made.verdict.seal?.index, seal[0])
    assert.deepEqual([desk.seals, new Set(seal).size], [1, 1], 'the log seals it once')
  })

  it('the answer to the seal is lost: the next run finds the seal in the log', async () => {
    const desk = new Desk()
    desk.fault = 'answer-lost'
    assert.ok(isRefusal(await desk.run()))
    assert.deepEqual(desk.sealed, [])
    desk.fault = 'none'
    assert.ok(orThrow(await desk.run()).verdict.sound)
    assert.equal(desk.seals, 1)
  })

  it('a command that is killed in front of the seal: the next run has it sealed', async () => {
    const desk = new Desk()
    const done = orThrow(await desk.run())
    const again = new Desk()
    again.draft = desk.draft
    assert.equal(orThrow(await again.run()).verdict.seal?.index, done.verdict.seal?.index)
    assert.equal(again.seals, 1)
  })

  it('a disk that is full in front of the seal: nothing is sealed', async () => {
    const desk = new Desk()
    desk.fault = 'disk-full'
    await assert.rejects(desk.run(), /ENOSPC/)
    assert.equal(desk.seals, 0)
  })

  it('attack: a draft that was changed where it lay', async () => {
    const desk = new Desk()
    orThrow(await desk.run())
    const draft = desk.draft as Uint8Array
    desk.draft = draft.subarray(0, draft.length - 40)
    const cut = await desk.run()
    assert.equal(isRefusal(cut) && cut.code, 'pack-truncated')
    const other = new Desk()
    other.draft = draft
    const asked = await other.run({ sites: ['harbour-2'] })
    assert.equal(isRefusal(asked) && asked.code, 'file-exists')
    assert.deepEqual([desk.seals, other.seals], [1, 0])
  })
})
