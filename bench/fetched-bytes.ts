import type { Traffic } from './counting-relay.ts'
import { type Figure, median, type Result, ratioLine } from './figure.ts'
import { CONTROLLERS, siteRuns } from './site-runs.ts'

/**
 * Bytes that a gateway fetches from the fleet server for one update of 200 controllers of one class, against the bytes
 * that it fetches for a site of 1. The image is 1 MiB. Three countings, since they answer different questions:
 * - blobs: bodies of payload, envelope and plan. This is what "each blob once, whatever the number of controllers" says,
 *   and what the target is about. The plan is a blob, and it lists 200 controllers instead of one.
 * - all bodies: blobs and the metadata of the three repositories. The director's targets name every controller, and are
 *   signed anew for each wave, so they grow with the site.
 * - the wire: every byte towards the gateway on its connections to the fleet server, counted by a relay between the two
 *   (TLS records, handshakes, headers, the answers to reports and to every question for news). Asking depends on how
 *   often the gateway polls (here each 50 ms) and on how long the update takes, and that is longer for 200.
 *
 * What bounds it: the plan's and the director's lines for each controller, which must say who is meant.
 */
export const fetchedBytes: Figure = {
  name: 'fetched-bytes',
  title: 'Gateway: bytes fetched from the fleet for 200 controllers of one class',
  against: 'the bytes for 1 controller',
  async run(run): Promise<Result> {
    const one = (await siteRuns(1, run)).updates
    const many = (await siteRuns(CONTROLLERS[run.scale], run)).updates
    const line = (what: string, bytes: (traffic: Traffic) => number, target: { atMost: number } | null) =>
      ratioLine(
        what,
        'KiB',
        many.map(({ traffic }, at) => {
          return { measured: bytes(traffic) / 1024, yardstick: bytes(one[at]!.traffic) / 1024 }
        }),
        target === null ? null : { bound: 'at most', ratio: target.atMost },
      )
    const lines = [
      line('blobs: payload, envelope, plan', traffic => traffic.blobs, { atMost: 1.02 }),
      line('all bodies: blobs and metadata', traffic => traffic.blobs + traffic.metadata, null),
      line('the wire, towards the gateway', traffic => traffic.tlsDown, null),
    ]
    const middle = (of: (traffic: Traffic) => number): number => median(many.map(({ traffic }) => of(traffic)))
    const kib = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB`
    const bounds = [
      `The payload crosses once. For ${CONTROLLERS[run.scale]} controllers come with it ${kib(middle(traffic => traffic.metadata))} of metadata and ${middle(traffic => traffic.checkIns).toFixed(0)} questions for news; ${kib(middle(traffic => traffic.upstream))} of reports and log go the other way.`,
    ]
    return { lines, bounds }
  },
}
