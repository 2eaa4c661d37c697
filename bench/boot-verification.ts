import { generateKeyPairSync, hash, sign, verify } from 'node:crypto'
import { isRefusal } from '../src/core/refusal/refusal.ts'
import { bootUp, verify as verifySlot } from '../src/flows/boot.ts'
import { boardWith } from './board.ts'
import { type Figure, median, RUNS, type Run, ratioLine } from './figure.ts'

const IMAGE_BYTES = { full: 2 * 1024 * 1024, tiny: 64 * 1024 } as const
const ROUNDS = { full: 150, tiny: 3 } as const
const WARM_UP = { full: 400, tiny: 3 } as const

const OPERATIONS = ['bare', 'slot', 'software', 'power-loss'] as const
type Operation = (typeof OPERATIONS)[number]

/**
 * Boot verification of a 2 MiB image on the simulated board, three ways: `verifySlot` alone (slot header, envelope,
 * signature, manifest, fit to the device, digest of the image in flash), and the whole power-up path `bootUp` (record,
 * history, verification, decision, a new record and a line of history, each read back) after a software reset and
 * after a loss of power, which writes the record once more before it acts.
 *
 * Against bare OpenSSL: one SHA-256 over the same bytes in the same flash, and one ECDSA P-256 verification. All four
 * are timed in turn, in an order that goes round, so that caches and other work on the machine fall on each alike; a
 * run is the median of its rounds.
 *
 * What bounds it: the hash of the image. What is ours is fixed, whatever the image's size: the strict CBOR of envelope
 * and manifest, four to five MACs of the secure element, and the scan of the record blocks and the history ring.
 */
export const bootVerification: Figure = {
  name: 'boot-verification',
  title: 'Boot verification of a 2 MiB image',
  against: 'bare SHA-256 and one ECDSA P-256 verification of the same bytes',
  async run(run) {
    const operations = await prepare(IMAGE_BYTES[run.scale])
    run.say('warms up')
    for (let round = 0; round < WARM_UP[run.scale]; round += 1) for (const name of OPERATIONS) operations[name]()
    const runs = Array.from({ length: RUNS[run.scale] }, (_, at) => {
      run.say(`run ${at + 1}`)
      return medians(operations, run)
    })
    const line = (what: string, name: Operation) =>
      ratioLine(
        what,
        'ms',
        runs.map(times => ({ measured: times[name], yardstick: times.bare })),
        { bound: 'at most', ratio: 1.25 },
      )
    const lines = [
      line('the slot alone', 'slot'),
      line('the whole power-up after a software reset', 'software'),
      line('the whole power-up after a loss of power', 'power-loss'),
    ]
    const [slot, software] = lines.map(({ measured, yardstick }) => measured - yardstick!)
    const micros = (millis: number): string => `${(millis * 1000).toFixed(0)} µs`
    const bounds = [
      `The image's hash bounds it. Ours is a fixed cost: ${micros(slot!)} to open and read the envelope, and ${micros(software! - slot!)} to read, decide, write and read back record and history.`,
    ]
    return { lines, bounds }
  },
}

type Operations = Readonly<Record<Operation, () => void>>

async function prepare(imageBytes: number): Promise<Operations> {
  const { controller, clock } = await boardWith(imageBytes)
  const { board } = controller
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
  const digestOf = (): Buffer => hash('sha256', board.flash.read('a', board.device.imageOffset, imageBytes)!, 'buffer')
  const signature = sign('sha256', digestOf(), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const boot = (cause: 'software' | 'power-loss') => () => {
    if (bootUp(board, cause, clock.now()).at !== 'running') throw new Error('nothing runs')
  }
  return {
    bare: () => {
      if (!verify('sha256', digestOf(), key, signature)) throw new Error('the signature does not hold')
    },
    slot: () => {
      if (isRefusal(verifySlot(board, 'a'))) throw new Error('the slot does not verify')
    },
    software: boot('software'),
    'power-loss': boot('power-loss'),
  }
}

/** The median time of each operation, in milliseconds. */
function medians(operations: Operations, { scale }: Run): Record<Operation, number> {
  const times: Record<Operation, number[]> = { bare: [], slot: [], software: [], 'power-loss': [] }
  for (let round = 0; round < ROUNDS[scale]; round += 1) {
    for (let turn = 0; turn < OPERATIONS.length; turn += 1) {
      const name = OPERATIONS[(turn + round) % OPERATIONS.length]!
      const started = process.hrtime.bigint()
      operations[name]()
      times[name].push(Number(process.hrtime.bigint() - started) / 1e6)
    }
  }
  return {
    bare: median(times.bare),
    slot: median(times.slot),
    software: median(times.software),
    'power-loss': median(times['power-loss']),
  }
}
