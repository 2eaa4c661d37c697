import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { isRefusal, orThrow, refuse } from '../../../src/core/refusal/refusal.ts'
import {
  checkReportNew,
  openReport,
  type Report,
  reportBytes,
  reportedRefusal,
  sealReport,
} from '../../../src/core/trust/report.ts'
import { openSiteManifest, sealSiteManifest, writeSiteManifest } from '../../../src/core/trust/site-manifest.ts'
import { report } from './report-sample.ts'
import { keyOf, NOW, signWith, type TestKey, testKey } from './simulated-repository.ts'

const device = keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ecdsa-p256')
const gateway = testKey(40)

const from = { site: 'harbour', controller: 'bms-1', key: device.key }
const sealedBy = (key: TestKey, content: Report): Uint8Array =>
  sealReport(content, signWith(key, orThrow(reportBytes(content))))
const open = (bytes: Uint8Array, reporter = from): string => {
  const opened = openReport(bytes, reporter, nodeCrypto)
  return isRefusal(opened) ? opened.code : 'nothing'
}

describe('report', () => {
  test('comes out as it went in', () => {
    assert.deepEqual(orThrow(openReport(sealedBy(device, report), from, nodeCrypto)), report)
  })

  test('carries a refusal on one line each', () => {
    const refusal = reportedRefusal(refuse('metadata-expired', 'a\nb', '\ud800x', 'y'.repeat(999)))
    const opened = openReport(sealedBy(device, { ...report, event: 'refused', refusal }), from, nodeCrypto)
    assert.deepEqual(orThrow(opened).refusal, {
      code: 'metadata-expired',
      subject: 'a b',
      expected: '\ufffdx',
      actual: 'y'.repeat(512),
    })
  })

  test('is not made from what is not a report', () => {
    const made = reportBytes({ ...report, sequence: 0 })
    assert.equal(isRefusal(made) && made.code, 'report-malformed')
  })

  test('carries the figures that its maker counts, as many as have room', () => {
    const figures = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`figure-${index}`, index]))
    assert.deepEqual(orThrow(openReport(sealedBy(device, { ...report, figures }), from, nodeCrypto)).figures, figures)
    const wrong: Record<string, number>[] = [
      { ...figures, more: 1 },
      { restarts: -1 },
      { restarts: 0.5 },
      { 'Not a name': 1 },
    ]
    for (const one of wrong) {
      const made = reportBytes({ ...report, figures: one })
      assert.equal(isRefusal(made) && made.code, 'report-malformed', JSON.stringify(one))
    }
  })

  const spaced = (bytes: Uint8Array): Uint8Array => new TextEncoder().encode(` ${new TextDecoder().decode(bytes)}`)
  const rows: readonly (readonly [string, string, () => string])[] = [
    ['attack: a report by another key', 'report-signature-invalid', () => open(sealedBy(testKey(41), report))],
    [
      'attack: a report of one controller in the name of another',
      'report-wrong-controller',
      () => open(sealedBy(device, { ...report, controller: 'bms-2' })),
    ],
    [
      'attack: a report from another site',
      'report-wrong-controller',
      () => open(sealedBy(device, { ...report, site: 'mountain' })),
    ],
    [
      'attack: a report that was changed',
      'report-signature-invalid',
      () =>
        open(
          new TextEncoder().encode(
            new TextDecoder().decode(sealedBy(device, report)).replace('"counter":3', '"counter":9'),
          ),
        ),
    ],
    ['attack: a second spelling of a report', 'report-malformed', () => open(spaced(sealedBy(device, report)))],
    ['an oversized report', 'report-malformed', () => open(new Uint8Array(16 * 1024 + 1))],
  ]
  for (const [name, code, act] of rows) test(name, () => assert.equal(act(), code))

  test('attack: replayed report', () => {
    assert.equal(checkReportNew(report, 11), null)
    for (const last of [12, 13]) assert.equal(checkReportNew(report, last)?.code, 'report-replayed')
    const nonce = 'ab'.repeat(16)
    assert.equal(checkReportNew({ ...report, nonce }, 0, nonce), null)
    assert.equal(checkReportNew(report, 0, nonce)?.code, 'report-nonce-mismatch')
    assert.equal(checkReportNew({ ...report, nonce: 'cd'.repeat(16) }, 0, nonce)?.code, 'report-nonce-mismatch')
  })

  test('one flipped bit anywhere is refused', () => {
    const bytes = sealedBy(device, report)
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice()
      changed[at]! ^= 1
      assert.notEqual(open(changed), 'nothing', `byte ${at}`)
    }
  })
})

describe('site manifest', () => {
  const other = { ...report, controller: 'bms-2' }
  const manifest = {
    site: 'harbour',
    sequence: 5,
    at: NOW,
    batch: 'c'.repeat(64),
    before: '0'.repeat(64),
    head: 'd'.repeat(64),
    reports: [sealedBy(device, report), sealedBy(device, other)],
  }
  const sealed = (content: typeof manifest, key = gateway): Uint8Array => {
    const signed = writeSiteManifest(content)
    return sealSiteManifest(signed, signWith(key, canonicalJson(signed as Json)))
  }
  const opened = (bytes: Uint8Array, site = 'harbour', last = 5) =>
    openSiteManifest(bytes, { site, key: gateway.key }, last, nodeCrypto)
  const code = (answer: ReturnType<typeof opened>): string => (isRefusal(answer) ? answer.code : 'nothing')

  test('hands its reports over as they were signed', () => {
    const { reports, ...rest } = orThrow(opened(sealed(manifest)))
    const { reports: _, ...said } = manifest
    assert.deepEqual(rest, said)
    assert.deepEqual(orThrow(openReport(reports[0] as Uint8Array, from, nodeCrypto)), report)
  })

  test('attack: a manifest by another key', () => {
    assert.equal(code(opened(sealed(manifest, testKey(42)))), 'site-manifest-signature-invalid')
  })
  test('attack: a manifest of another site', () => {
    const empty = { ...manifest, reports: [] }
    assert.equal(code(opened(sealed(empty), 'mountain')), 'site-manifest-wrong-site')
  })
  test('attack: a replayed manifest', () => {
    assert.equal(code(opened(sealed(manifest), 'harbour', 6)), 'site-manifest-replayed')
  })
  test('attack: duplicate controller id in a manifest', () => {
    const twice = { ...manifest, reports: [sealedBy(device, report), sealedBy(device, { ...report, sequence: 13 })] }
    assert.equal(code(opened(sealed(twice))), 'site-manifest-malformed')
  })
  test("attack: another site's controller in a manifest", () => {
    const foreign = { ...manifest, reports: [sealedBy(device, { ...report, site: 'mountain' })] }
    assert.equal(code(opened(sealed(foreign))), 'site-manifest-malformed')
  })
  test('attack: a report in the place of a manifest', () => {
    assert.equal(code(opened(sealedBy(gateway, report))), 'site-manifest-malformed')
  })
})
