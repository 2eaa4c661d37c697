import type { FlashOperation } from '../sim/flash/faults.ts'
import { isRefusal, orThrow } from '../src/core/refusal/refusal.ts'
import type { Flash } from '../src/core/slot/hardware.ts'
import { bootUp } from '../src/flows/boot.ts'
import { type BoardBench, boardWith } from './board.ts'
import { type Figure, plainLine, type Result, ratioLine } from './figure.ts'

const KIB = 1024
const IMAGE_BYTES = { full: 1024 * KIB, tiny: 64 * KIB } as const
/** Updates in a row: long enough that record blocks and history go round several times. */
const UPDATES = { full: 40, tiny: 12 } as const
/** A link's piece; what the flash is written in does not depend on it beyond the write unit. */
const PIECE = 16 * KIB

type Wear = { written: number; recordErases: number; historyErases: number }

/**
 * What an update costs the flash and the memory of a controller, counted and not timed: a 1 MiB image, sectors of 4 KiB,
 * records of 512 bytes in two blocks of 4 KiB, from the offer to the confirmation with its boots.
 * - bytes programmed over the bytes of the image: header, envelope, boot records and history come on top;
 * - erases of a sector that holds records or history, per update;
 * - the largest stretch of flash that the boot path asks for at once, the image apart: that is hashed in stretches of any
 *   size. On flash that cannot be read in place it is the largest buffer that a boot loader needs.
 */
export const updateWear: Figure = {
  name: 'update-wear',
  title: 'Controller: what an update of 1 MiB costs its flash and its memory',
  against: 'the bytes of the image',
  async run(run): Promise<Result> {
    const bytes = IMAGE_BYTES[run.scale]
    const bench = await boardWith(bytes)
    bench.controller.powerUp()
    const wears: Wear[] = []
    for (let number = 2; number < 2 + UPDATES[run.scale]; number += 1) {
      run.say(`update ${number - 1}`)
      wears.push(await update(bench, number))
    }
    const mean = (of: (wear: Wear) => number): number => wears.reduce((sum, wear) => sum + of(wear), 0) / wears.length
    const largest = largestRead(bench)
    return {
      lines: [
        ratioLine('bytes programmed', 'KiB', [{ measured: mean(wear => wear.written / KIB), yardstick: bytes / KIB }], {
          bound: 'at most',
          ratio: 1.02,
        }),
        plainLine('erases of a record sector, per update', '', [mean(wear => wear.recordErases)]),
        plainLine('erases of a history sector, per update', '', [mean(wear => wear.historyErases)]),
        plainLine('largest stretch that a boot reads at once, the image apart', 'bytes', [largest.bytes]),
      ],
      bounds: [
        `Header and envelope, five boot records and as many lines of history make the difference. The largest stretch is ${largest.what}: the envelope.`,
      ],
    }
  },
}

async function update({ controller, clock, make }: BoardBench, number: number): Promise<Wear> {
  const release = await make(`1.${number}.0`, number)
  const wear: Wear = { written: 0, recordErases: 0, historyErases: 0 }
  const { flash } = controller
  flash.faults = ({ kind, area, length }: FlashOperation) => {
    if (kind === 'program') wear.written += length
    else if (kind === 'erase') {
      const sectors = length / flash.sector(area)
      if (area.startsWith('record')) wear.recordErases += sectors
      else if (area === 'history') wear.historyErases += sectors
    }
    return null
  }
  orThrow(controller.begin({ envelope: release.envelope, update: `update-${number}` }))
  for (let at = 0; at < release.image.length; at += PIECE) {
    const refusal = controller.write(at, release.image.subarray(at, at + PIECE))
    if (refusal !== null) throw new Error(refusal.code)
  }
  orThrow(controller.finish())
  orThrow(controller.activate())
  for (let round = 0; round < 40 && controller.running()?.trial === true; round += 1) {
    clock.advance(100)
    controller.tick()
  }
  if (controller.running()?.facts.version !== release.facts.version) throw new Error('the update is not confirmed')
  return wear
}

function largestRead({ controller, clock }: BoardBench): { bytes: number; what: string } {
  const { board } = controller
  let [bytes, what] = [0, '']
  const flash: Flash = {
    size: area => board.flash.size(area),
    sector: area => board.flash.sector(area),
    program: (...args) => board.flash.program(...args),
    erase: (...args) => board.flash.erase(...args),
    read: (area, offset, length) => {
      const image = (area === 'a' || area === 'b' || area === 'golden') && offset >= board.device.imageOffset
      if (!image && length > bytes) [bytes, what] = [length, `in ${area}, ${length} bytes`]
      return board.flash.read(area, offset, length)
    },
  }
  const outcome = bootUp({ ...board, flash }, 'power-loss', clock.now())
  if (isRefusal(outcome) || outcome.at !== 'running') throw new Error('nothing runs')
  return { bytes, what }
}
