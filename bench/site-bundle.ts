import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { DIGEST, signatureOptions } from '../src/adapters/openssl.ts'
import { type Figure, type Line, RUNS, type Run, ratioLine } from './figure.ts'
import { reportsOf } from './signed-reports.ts'
import { type Bundle, bundleOf, recorded } from './whole-bundle.ts'

const CONTROLLERS = { full: [50, 200], tiny: [3, 5] } as const
const ROUNDS = { full: 60, tiny: 3 } as const
const WARM_UP = { full: 5, tiny: 1 } as const

/**
 * What is verified in one round of a site of 50 and of 200 controllers that all get one release: its orders at the gateway
 * (the client workflow of the three repositories from the first roots on, the lookup of envelope and payload, the plan, the
 * agreement of all about every controller, the envelope), and what the site hands back at the fleet server (the signed site
 * manifest, and a signed report of every controller). Without line and store: what is left is verification.
 *
 * Against the bare signature checks that it contains: the same keys, messages and signatures, handed to OpenSSL alone, the
 * keys parsed before. Both are timed in turn in the processor time of the thread that runs them, so that what else the machine does does
 * not count; a run is a number of rounds of each. The orders and the reports alone stand below, for they are of two kinds.
 *
 * What bounds it: the orders contain few signatures, however large the site, and documents that name every controller:
 * there the reading weighs more than the signatures. The reports are one signature each.
 */
export const siteBundle: Figure = {
  name: 'site-bundle',
  title: 'Verification of a site’s bundle: its orders, its manifest and reports',
  against: 'the bare signature checks that it contains',
  async run(run) {
    const lines = []
    const bounds = []
    for (const count of CONTROLLERS[run.scale]) {
      run.say(`a site of ${count}`)
      const orders = await bundleOf(count)
      const handed = reportsOf(count)
      const reports = recorded(handed.verify, handed.bytes)
      const [a, b] = [runsOf(orders, run), runsOf(reports, run)]
      const both = a.map(({ measured, yardstick }, at) => {
        return { measured: measured + b[at]!.measured, yardstick: yardstick + b[at]!.yardstick }
      })
      lines.push(ratioLine(`${count} controllers, all of it`, 'ms', both, { bound: 'at most', ratio: 1.5 }))
      lines.push(ratioLine(`${count} controllers, the orders alone`, 'ms', a, null))
      lines.push(ratioLine(`${count} controllers, manifest and reports alone`, 'ms', b, null))
      bounds.push(boundOf(count, orders, reports, lines.slice(-2)))
    }
    return { lines, bounds }
  },
}

function boundOf(count: number, orders: Bundle, reports: Bundle, [down, up]: readonly Line[]): string {
  const rest = ({ measured, yardstick }: Line): string => `${((measured - yardstick!) * 1000).toFixed(0)} µs`
  const kib = ({ bytes }: Bundle): string => `${(bytes / 1024).toFixed(0)} KiB`
  return `${count} controllers: the orders are ${orders.checks.length} signatures over ${kib(orders)}, and ${rest(down!)} beside them to read, compare and agree; the reports are ${reports.checks.length} signatures over ${kib(reports)}, and ${rest(up!)} beside them.`
}

/** Pairs of times, in milliseconds of this process for one round. */
function runsOf(bundle: Bundle, { scale }: Run): { measured: number; yardstick: number }[] {
  const bare = bareChecks(bundle)
  const millis = (work: () => unknown): number => {
    const before = process.threadCpuUsage()
    for (let round = 0; round < ROUNDS[scale]; round += 1) work()
    const { user, system } = process.threadCpuUsage(before)
    // A few rounds may be below what the system counts in.
    return Math.max(1, user + system) / 1000 / ROUNDS[scale]
  }
  for (let round = 0; round < WARM_UP[scale]; round += 1) {
    millis(bundle.verify)
    millis(bare)
  }
  return Array.from({ length: RUNS[scale] }, () => {
    const yardstick = millis(bare)
    return { measured: millis(bundle.verify), yardstick }
  })
}

function bareChecks({ checks }: Bundle): () => void {
  const keys = new Map<string, KeyObject>()
  const prepared = checks.map(([key, message, signature, form]) => {
    const name = key.spki.toBase64()
    const parsed = keys.get(name) ?? createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
    keys.set(name, parsed)
    return { digest: DIGEST[key.alg], message, signature, key: { key: parsed, ...signatureOptions(key.alg, form) } }
  })
  return () => {
    for (const { digest, message, key, signature } of prepared) {
      if (!verify(digest, message, key, signature)) throw new Error('a signature does not hold')
    }
  }
}
