import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import { batchDigest, sealSiteManifest, writeSiteManifest } from '../../src/core/trust/site-manifest.ts'
import { acceptUpstream } from '../../src/flows/report.ts'
import { report as sample } from '../core/trust/report-sample.ts'
import { keyOf, signWith } from '../core/trust/simulated-repository.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { heads } from '../worlds/site-log.ts'

const HOUR = 3_600_000
const pair = () => keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ecdsa-p256')
const [gateway, board] = [pair(), pair()]

describe('the exposure of versions', () => {
  let fleet: QuietFleet
  let upstream = 0

  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('harbour', 1, { gateway: gateway.key.spki, reports: [board.key.spki] })
  })
  after(() => fleet.close())

  async function hand(...reports: readonly Partial<Report>[]): Promise<void> {
    const items = reports.map(change => {
      upstream += 1
      const { assignment: _, ...rest } = sample
      const report = { ...rest, site: 'harbour', controller: 'c0', sequence: upstream, attempts: [], ...change }
      return {
        sequence: upstream,
        kind: 'report' as const,
        bytes: sealReport(report, signWith(board, orThrow(reportBytes(report)))),
      }
    })
    const { head } = (await fleet.world.store.site('harbour'))!
    const said = { sequence: upstream, at: fleet.clock.now(), batch: batchDigest(items, crypto), ...heads(head, items) }
    const body = writeSiteManifest({ site: 'harbour', ...said, reports: [] })
    const manifest = sealSiteManifest(body, signWith(gateway, canonicalJson(body)))
    orThrow(await acceptUpstream(fleet.world, 'harbour', items, manifest))
  }

  it('attack: a version that was installed and failed while the link was down has the time that it ran', async () => {
    const from = fleet.clock.now()
    const at = (hours: number) => instant(from + hours * HOUR)
    const runs = (version: string) =>
      ({
        running: { version, sequence: 1, digest: 'b'.repeat(64), slot: 'a' },
        state: 'stable',
        event: 'boot',
      }) as const
    const failed = { version: '1.1.0', sequence: 2, digest: '', at: at(20), phase: 'trial', cause: 'probe-failed bus' }
    await hand({ ...runs('1.0.0'), at: at(0) })
    fleet.clock.advance(24 * HOUR)
    await hand(
      { ...runs('1.1.0'), at: at(2) },
      { ...runs('1.0.0'), at: at(20), event: 'reverted', attempts: [failed] },
      { ...runs('1.0.0'), at: at(24), attempts: [failed] },
    )
    const experience = await fleet.world.store.inventory.experience(['bms'])
    assert.deepEqual(
      experience.map(({ version, watched, counts }) => [version, watched / HOUR, counts.revert]).toSorted(),
      [
        ['1.0.0', 6, 0],
        ['1.1.0', 18, 1],
      ],
    )
  })
})
