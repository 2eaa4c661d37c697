import assert from 'node:assert/strict'
import { seeded } from '../../sim/clock/random.ts'
import type { FlashFault, FlashOperation } from '../../sim/flash/faults.ts'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { createPatch } from '../../src/core/delta/create.ts'
import { memoryOf, parseHeader } from '../../src/core/delta/patch.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Geometry } from '../../src/core/slot/layout.ts'
import type { PatchRef } from '../../src/core/trust/image-target.ts'
import type { Release } from '../../src/flows/release.ts'
import { type Bench, bench, release, rememberingOpen, SMALL, settle, V1 } from './bench-board.ts'

/** A board whose journal of patches is so small that it has to make room. */
export const JOURNALED: Geometry = { ...SMALL, journal: { size: 512, sector: 256 } }
/** The least that a model takes. */
const SLOT_BITS = 10

/** Bytes that keep most of what they are made from, moved, with changes all over. */
export function changed(from: Uint8Array, seed: number): Uint8Array {
  const random = seeded(seed)
  const out = [...from.subarray(1_000), ...from.subarray(0, 1_000)]
  for (let change = 0; change < 300; change += 1) {
    out[Math.floor(random() * out.length)] = Math.floor(random() * 256)
  }
  return Uint8Array.from(out)
}

/** `wrap`: of the content key, where the release and the patch are encrypted. */
export type Patched = { readonly bytes: Uint8Array; readonly ref: PatchRef; readonly wrap?: Uint8Array }

/** A patch between two images, in blocks so short that an image of a few kilobytes has many. */
export function patchBetween(old: Uint8Array, now: Uint8Array, blockBytes = 48): Patched {
  const making = createPatch(nodeCrypto, { old, now, architecture: 'none', load: 0, slotBits: SLOT_BITS, blockBytes })
  let step = making.next()
  while (!step.done) step = making.next()
  return patched(step.value, nodeCrypto.sha256(old).toHex())
}

export function patched(bytes: Uint8Array, base: string): Patched {
  const header = parseHeader(bytes, 'the patch')
  const memory = 'code' in header ? 1 : memoryOf(header)
  return { bytes, ref: { base, memory, length: bytes.length, sha256: nodeCrypto.sha256(bytes).toHex() } }
}

export const MEMORY = 64 * 1024
export const NEXT = await release('2.0.0', 20, { counter: 2, image: changed(V1.image, 5) })
export const PATCH = patchBetween(V1.image, NEXT.image)

/** Stages a release by a patch, from wherever an earlier attempt got to; answers how many bytes of the patch it fetched. */
export function stageByPatch(
  { controller }: Bench,
  wanted: Release,
  { bytes, ref, wrap }: Patched,
  piece = 90,
): number {
  const offer = { envelope: wanted.envelope, update: `update-${wanted.facts.version}` }
  const installation = orThrow(controller.begin(wrap === undefined ? offer : { ...offer, wrap }))
  let fetched = 0
  if (installation.state.at !== 'staged') {
    const receiver = orThrow(controller.beginPatch(ref, MEMORY))
    while (receiver.offset < receiver.total) {
      if (!orThrow(receiver.learn())) continue
      const at = receiver.offset
      orThrow(receiver.write(at, bytes.subarray(at, at + piece)))
      fetched += Math.min(piece, bytes.length - at)
      assert.ok(fetched < 20 * bytes.length, 'it ends')
    }
  }
  orThrow(controller.finish())
  return fetched
}

/** What a cut leaves of the write that it hits. */
export const FAULTS: readonly FlashFault[] = [
  { cut: 'before' },
  { cut: 'after' },
  { cut: 'inside', share: 0 },
  { cut: 'inside', share: 0.5 },
  { cut: 'inside', share: 0.99 },
  { cut: 'inside', share: 0.5, weak: true },
]

/** What happens to the journal while the power is away. */
export const JOURNALS = {
  kept: () => {},
  lost: ({ controller: { flash } }: Bench) => flash.erase('journal', 0, flash.size('journal')),
  torn: ({ controller: { flash } }: Bench) => {
    for (let at = 7; at < flash.size('journal'); at += 50) flash.rot('journal', at, 0xff)
  },
} as const satisfies Record<string, (on: Bench) => void>

type Of<K extends 'flash' | 'element'> = ReturnType<Bench['controller'][K]['snapshot']>
type Moment = { readonly flash: Of<'flash'>; readonly element: Of<'element'> }

/** A board that is returned to what it was, as often as one likes. */
export class PatchBench {
  readonly on: Bench
  readonly #start: Moment

  constructor(prepare: (on: Bench) => void = () => {}, options: Parameters<typeof bench>[0] = {}) {
    this.on = bench({ geometry: JOURNALED, open: rememberingOpen(), ...options })
    prepare(this.on)
    this.#start = this.moment()
  }

  moment(): Moment {
    this.on.controller.powerCut()
    return { flash: this.on.controller.flash.snapshot(), element: this.on.controller.element.snapshot() }
  }

  back(to: Moment = this.#start, seed = 1): Bench {
    const { controller } = this.on
    controller.flash.faults = () => null
    controller.flash.restore(to.flash, seed)
    controller.element.restore(to.element)
    controller.powerUp('power-loss')
    return this.on
  }

  /** Does work that the power ends at its n-th write, counted from 0. False: the work has fewer, and came to its end. */
  cut(at: number, fault: FlashFault, work: () => void): boolean {
    this.#willCut(at, fault)
    try {
      work()
      return false
    } catch (error) {
      return this.#isCut(error)
    } finally {
      this.on.controller.flash.faults = () => null
    }
  }

  /** The same of work that waits in between. */
  async cutLater(at: number, fault: FlashFault, work: () => Promise<void>): Promise<boolean> {
    this.#willCut(at, fault)
    try {
      await work()
      return false
    } catch (error) {
      return this.#isCut(error)
    } finally {
      this.on.controller.flash.faults = () => null
    }
  }

  #willCut(at: number, fault: FlashFault): void {
    let seen = 0
    const { controller } = this.on
    controller.flash.faults = (operation: FlashOperation) => {
      assert.ok(
        operation.area !== controller.running()?.slot && operation.area !== 'golden',
        'what runs is not written',
      )
      seen += 1
      return seen - 1 === at ? fault : null
    }
  }

  #isCut(error: unknown): true {
    if (!(error instanceof PowerLost)) throw error
    return true
  }

  /** What must be so behind every cut: the old image runs, untouched, and the update comes to its end by the same patch. */
  comesThrough(wanted: Release, patch: Patched, where: string): number {
    const { controller } = this.on
    const running = () => `${controller.running()?.slot} ${controller.running()?.facts.version}`
    if (controller.at !== 'running') controller.powerUp('power-loss')
    assert.equal(running(), 'a 1.0.0', where)
    const fetched = stageByPatch(this.on, wanted, patch)
    const { imageOffset } = controller.board.device
    assert.deepEqual(controller.flash.read('a', imageOffset, V1.image.length)?.slice(), V1.image, `${where}: what runs`)
    assert.deepEqual(controller.flash.read('b', imageOffset, wanted.image.length)?.slice(), wanted.image, where)
    orThrow(controller.activate())
    settle(this.on)
    assert.equal(running(), `b ${wanted.facts.version}`, where)
    return fetched
  }
}

/**
 * Cuts the power at every write of an update by a patch, each way it can leave a write, and again at
 * those writes of what follows that `again` says; the journal is as the cut left it, lost, or torn. Answers how many updates came to their end, and how many of them went on in the middle.
 */
export function cutEverywhere(again: (first: number, second: number) => boolean): {
  readonly runs: number
  readonly resumed: number
} {
  const plain = new PatchBench()
  let [runs, resumed] = [0, 0]
  const through = (where: string): void => {
    runs += 1
    if (plain.comesThrough(NEXT, PATCH, where) < PATCH.bytes.length) resumed += 1
  }
  for (const fault of FAULTS) {
    for (let first = 0; ; first += 1) {
      plain.back()
      if (!plain.cut(first, fault, () => stageByPatch(plain.on, NEXT, PATCH))) break
      const after = plain.moment()
      for (const [name, happens] of Object.entries(JOURNALS)) {
        const where = `${JSON.stringify(fault)} at write ${first}, journal ${name}`
        happens(plain.back(after, first + 1))
        through(where)
        for (let second = 0; ; second += 1) {
          if (!again(first, second)) continue
          happens(plain.back(after, first + 1))
          const other = FAULTS[(first + second) % FAULTS.length] as FlashFault
          if (!plain.cut(second, other, () => stageByPatch(plain.on, NEXT, PATCH))) break
          through(`${where}; then ${JSON.stringify(other)} at write ${second}`)
        }
      }
    }
  }
  return { runs, resumed }
}
