import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { nodeCrypto } from '../src/adapters/crypto-node.ts'
import { toHex } from '../src/core/encoding/bytes.ts'
import { canonicalJson } from '../src/core/encoding/canonical-json.ts'
import type { Crypto, PublicKey } from '../src/core/encoding/crypto.ts'
import { instant } from '../src/core/encoding/units.ts'
import { firstHead, headBehind } from '../src/core/ledger/site-chain.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { openReport, type Report, reportBytes, sealReport } from '../src/core/trust/report.ts'
import { batchDigest, openSiteManifest, sealSiteManifest, writeSiteManifest } from '../src/core/trust/site-manifest.ts'

const SITE = 'harbour'

type Key = { readonly key: PublicKey; sign(message: Uint8Array): Uint8Array }

function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secret = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  return { key: { alg: 'ecdsa-p256', spki }, sign: message => new Uint8Array(sign('sha256', message, secret)) }
}

/**
 * What a site's gateway hands over after a round: its signed manifest, and the signed report of every controller, each by
 * a key of its own. Answers its verification as the fleet server does it (flows/report.ts), without line and store.
 */
export function reportsOf(controllers: number): { verify(by: Crypto): number; readonly bytes: number } {
  const gateway = newKey()
  const boards = Array.from({ length: controllers }, (_, at) => ({ id: `c${at}`, ...newKey() }))
  const items = boards.map(({ id, sign: signed }, at) => {
    const report = reportOf(id, at)
    return { sequence: at + 1, kind: 'report', bytes: sealReport(report, signed(orThrow(reportBytes(report)))) }
  })
  const body = writeSiteManifest({
    site: SITE,
    sequence: controllers,
    at: instant(1_800_000_000_000),
    batch: batchDigest(items, nodeCrypto),
    before: toHex(firstHead()),
    head: toHex(headBehind(nodeCrypto, firstHead(), items)),
    reports: [],
    roots: { image: 1, approval: 1, director: 1 },
  })
  const manifest = sealSiteManifest(body, gateway.sign(canonicalJson(body)))
  const keys = new Map(boards.map(({ id, key }) => [id, key]))
  return {
    bytes: items.reduce((sum, { bytes }) => sum + bytes.length, manifest.length),
    verify: by => {
      const opened = orThrow(openSiteManifest(manifest, { site: SITE, key: gateway.key }, 0, by))
      if (opened.batch !== batchDigest(items, by)) throw new Error('another batch')
      if (opened.head !== toHex(headBehind(by, firstHead(), items))) throw new Error('another head')
      let [at, counters] = [0, 0]
      for (const [controller, key] of keys) {
        counters += orThrow(openReport(items[at++]!.bytes, { site: SITE, controller, key }, by)).counter
      }
      return counters
    },
  }
}

function reportOf(controller: string, at: number): Report {
  const version = (sequence: number) => ({ version: `${sequence}.0.0`, sequence, digest: 'ab'.repeat(32) })
  return {
    kind: 'voltseal-report',
    v: 1,
    site: SITE,
    controller,
    sequence: 40 + at,
    at: instant(1_800_000_000_000),
    event: 'confirmed',
    state: 'stable',
    running: { ...version(2), slot: 'b' },
    previous: version(1),
    golden: version(1),
    counter: 3,
    anchors: ['cd'.repeat(32)],
    attempts: [],
    assignment: 'bench/0123456789abcdef/1',
  }
}
