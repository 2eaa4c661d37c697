import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { SimController } from '../../sim/controller/sim-controller.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { concat } from '../../src/core/encoding/bytes.ts'
import { type Cbor, decodeCbor, encodeCbor } from '../../src/core/encoding/cbor.ts'
import { assembleEnvelope, signingInput, takeApart } from '../../src/core/firmware/suit-envelope.ts'
import { MAX_MANIFEST_BYTES } from '../../src/core/firmware/suit-read.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { encodeSlotHeader } from '../../src/core/slot/layout.ts'
import { RECORD_BYTES } from '../../src/core/slot/record.ts'
import {
  type Bench,
  bench,
  GOLDEN,
  imageOf,
  KID,
  release,
  SMALL,
  settle,
  stage,
  update,
  V2,
  V3,
  vendorSigner,
} from './bench-board.ts'

/**
 * The bad input of issue 3, one row each: whatever the flash, the secure element or a gateway hand over, the controller
 * ends in a defined state, with a code or a cause in its history or in its refusal. What an envelope may be, byte by
 * byte, is in tests/core/firmware; what happens to a download over a line in tests/apps/agent/link.
 */

const root = mkdtempSync(join(tmpdir(), 'voltseal-bad-input-'))
after(() => rmSync(root, { recursive: true, force: true }))
let folders = 0

/** A controller that updated to 2.0.0 (slot b, counter 2), powered up again. */
function updated(options: Parameters<typeof bench>[0] = {}): Bench {
  const on = bench(options)
  update(on, V2)
  on.controller.powerUp()
  return on
}

const said = (controller: SimController): string => {
  const running = controller.running()
  const what =
    running === null ? controller.at : `${running.slot} ${running.facts.version}${running.trial ? ', trial' : ''}`
  const { event, cause } = controller.history().at(-1) ?? { event: 'nothing', cause: '' }
  return `${what}; ${event}${cause === '' ? '' : `: ${cause}`}`
}

/** The blocks of records as they are, to be put back on a later day. */
const recordsOf = ({ flash }: SimController) =>
  (['record0', 'record1'] as const).map(area => ({ area, bytes: flash.read(area, 0, SMALL.record.size)!.slice() }))

function write(
  controller: SimController,
  area: 'record0' | 'record1' | 'a' | 'b',
  offset: number,
  bytes: Uint8Array,
): void {
  controller.flash.erase(area, 0, controller.flash.size(area))
  controller.flash.program(area, offset, bytes)
}

/** The places of the newest record and of the one before it: the block and the offset that hold them. */
function newestPlace({ flash, history }: SimController): { area: 'record0' | 'record1'; offset: number } {
  let best = { area: 'record0' as 'record0' | 'record1', offset: 0, sequence: -1 }
  for (const area of ['record0', 'record1'] as const) {
    for (let offset = 0; offset < SMALL.record.size; offset += RECORD_BYTES) {
      const bytes = flash.read(area, offset, RECORD_BYTES)!
      if (bytes[0] !== 0x56) continue
      const sequence = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true)
      if (sequence > best.sequence) best = { area, offset, sequence }
    }
  }
  assert.ok(best.sequence > 0 && history !== undefined)
  return best
}

describe('bad input from the flash', () => {
  type Row = { name: string; spoil: (on: Bench) => void; ends: string }
  const rotten = (on: Bench, slot: 'a' | 'b' | 'golden'): void => on.controller.flash.rot(slot, SMALL.imageOffset + 9)
  const rows: Row[] = [
    {
      name: 'a torn record: the one before it holds',
      spoil: ({ controller }) => {
        const { area, offset } = newestPlace(controller)
        controller.flash.program(area, offset + 300, new Uint8Array(RECORD_BYTES - 300))
      },
      ends: 'b 2.0.0; boot',
    },
    {
      name: 'attack: a forged record above every other, armed for the old slot: it is no record',
      spoil: ({ controller }) => {
        const { area, offset } = newestPlace(controller)
        const forged = controller.flash.read(area, offset, RECORD_BYTES)!.slice()
        forged[5] = 3
        forged[20] = 1
        write(controller, area === 'record0' ? 'record1' : 'record0', 0, forged)
      },
      ends: 'b 2.0.0; boot',
    },
    {
      name: 'attack: a stale record of the device, replayed behind the newest: its number is lower',
      spoil: ({ controller }) => {
        const { area } = newestPlace(controller)
        const other = area === 'record0' ? 'record1' : 'record0'
        const stale = controller.flash.read(other, 0, RECORD_BYTES)!.slice()
        write(controller, other, RECORD_BYTES, stale)
      },
      ends: 'b 2.0.0; boot',
    },
    {
      name: 'both slots rotten: golden',
      spoil: on => {
        rotten(on, 'a')
        rotten(on, 'b')
      },
      ends: 'golden 0.9.0; golden: slot-image-damaged',
    },
    {
      name: 'both slots rotten and golden too: nothing runs, and it is said',
      spoil: on => {
        for (const slot of ['a', 'b', 'golden'] as const) rotten(on, slot)
      },
      ends: 'halted; halt: slot-image-damaged',
    },
    {
      name: 'the active slot erased, and the other below the counter: golden',
      spoil: ({ controller }) => controller.flash.erase('b', 0, SMALL.slot.size),
      ends: 'golden 0.9.0; golden: slot-empty',
    },
    {
      name: 'an image longer than declared, in the header: not looked at',
      spoil: ({ controller }) => {
        const head = encodeSlotHeader({ envelopeBytes: V2.envelope.length, imageBytes: V2.image.length + 1 })
        write(controller, 'b', 0, concat(head, V2.envelope))
        controller.flash.program('b', SMALL.imageOffset, V2.image)
      },
      ends: 'golden 0.9.0; golden: slot-size-disagrees',
    },
    {
      name: 'an image shorter than declared: the digest over the declared length does not hold',
      spoil: ({ controller }) => {
        const head = encodeSlotHeader({ envelopeBytes: V2.envelope.length, imageBytes: V2.image.length })
        write(controller, 'b', 0, concat(head, V2.envelope))
        controller.flash.program('b', SMALL.imageOffset, V2.image.subarray(0, V2.image.length - 1))
      },
      ends: 'golden 0.9.0; golden: slot-image-damaged',
    },
    {
      name: 'a header that leads out of the slot',
      spoil: ({ controller }) => {
        write(controller, 'b', 0, encodeSlotHeader({ envelopeBytes: 0xffff_ffff, imageBytes: 0xffff_ffff }))
      },
      ends: 'golden 0.9.0; golden: slot-header-invalid',
    },
  ]
  for (const { name, spoil, ends } of rows) {
    it(name, () => {
      const on = updated()
      spoil(on)
      on.controller.powerUp()
      assert.equal(said(on.controller), ends)
      assert.equal(on.controller.element.counter(), 2, 'the counter stays')
    })
  }

  it('attack: all records of an earlier day put back: what they name is below the counter, and does not run', () => {
    const on = bench()
    const stale = recordsOf(on.controller)
    update(on, V2)
    for (const { area, bytes } of stale) write(on.controller, area, 0, bytes)
    on.controller.powerUp()
    assert.equal(on.controller.running()?.facts.version, '2.0.0')
    assert.equal(on.controller.running()?.trial, true, 'what the old record does not know is tried, not believed')
    settle(on)
    assert.match(said(on.controller), /^b 2\.0\.0; confirmed/)
  })
})

describe('bad input from a gateway', () => {
  type Row = { name: string; code: string; envelope: () => Promise<Uint8Array>; limit?: number }
  /** An envelope whose manifest is so many lists, one in the other: tag 107, a map of one, 3, a byte string. */
  const nested = (depth: number): Uint8Array => {
    const lists = concat(new Uint8Array(depth).fill(0x81), Uint8Array.of(0))
    return concat(Uint8Array.of(0xd8, 107, 0xa1, 0x03, 0x59, lists.length >> 8, lists.length & 0xff), lists)
  }
  /** The manifest of 3.0.0 with one more command in a sequence of it, signed as ever. */
  const commanded = async (label: number, command: Cbor): Promise<Uint8Array> => {
    const { manifest } = orThrow(takeApart(V3.envelope, nodeCrypto, 'V3'))
    const map = new Map(decodeCbor(manifest, MAX_MANIFEST_BYTES) as ReadonlyMap<number, Cbor>)
    const sequence = decodeCbor(map.get(label) as Uint8Array, MAX_MANIFEST_BYTES) as Cbor[]
    const bytes = encodeCbor(map.set(label, encodeCbor([...sequence, command, 0])))
    const input = orThrow(signingInput(bytes, vendorSigner.key.alg, KID, nodeCrypto))
    const signature = orThrow(await vendorSigner.sign(input.message, 'p1363'))
    return assembleEnvelope(bytes, [{ protectedHeader: input.protectedHeader, signature }], nodeCrypto)
  }
  const of = async (options: Parameters<typeof release>[2]): Promise<Uint8Array> =>
    (await release('3.0.0', 30, { counter: 2, ...options })).envelope
  const rows: Row[] = [
    { name: 'another class', code: 'release-wrong-class', envelope: () => of({ class: 'pcs' }) },
    { name: 'another hardware', code: 'release-wrong-hardware', envelope: () => of({ hardware: ['rev-z'] }) },
    {
      name: 'another range of boot loaders',
      code: 'release-bootloader-unsuited',
      envelope: () => of({ bootloader: { min: 4, max: 9 } }),
    },
    { name: 'attack: a replayed old envelope', code: 'release-below-floor', envelope: () => of({ counter: 1 }) },
    { name: 'attack: the envelope of what runs', code: 'release-not-newer', envelope: async () => V2.envelope },
    { name: 'a counter beyond its end', code: 'counter-headroom-spent', envelope: () => of({ counter: 9 }), limit: 8 },
    { name: 'attack: nested too deep', code: 'envelope-malformed', envelope: async () => nested(300) },
    {
      name: 'attack: nested as deep as its bytes go',
      code: 'envelope-malformed',
      envelope: async () => nested(16_000),
    },
    { name: 'attack: too long', code: 'envelope-too-large', envelope: async () => new Uint8Array(16 * 1024 + 1) },
    {
      name: 'attack: an unknown command, signed',
      code: 'manifest-command-not-allowed',
      envelope: () => commanded(9, 99),
    },
    { name: 'empty', code: 'envelope-malformed', envelope: async () => new Uint8Array(0) },
    { name: 'not CBOR', code: 'envelope-malformed', envelope: async () => imageOf(4, 600) },
    {
      name: 'cut off',
      code: 'envelope-malformed',
      envelope: async () => V3.envelope.subarray(0, V3.envelope.length - 1),
    },
    {
      name: 'attack: bytes behind it',
      code: 'envelope-malformed',
      envelope: async () => concat(V3.envelope, Uint8Array.of(0)),
    },
  ]
  for (const { name, code, envelope, limit } of rows) {
    it(`${code}: ${name}`, async () => {
      const { controller } = updated(limit === undefined ? {} : { counterLimit: limit })
      const before = controller.flash.operations
      const answer = controller.begin({ envelope: await envelope(), update: 'u' })
      assert.equal(isRefusal(answer) ? answer.code : 'taken', code)
      assert.equal(controller.flash.operations, before, 'nothing was erased')
      controller.powerUp()
      assert.equal(said(controller), 'b 2.0.0; boot')
    })
  }

  it('an image that ends too early or too late is never a candidate', () => {
    const { controller } = updated()
    const installation = orThrow(controller.begin({ envelope: V3.envelope, update: 'u' }))
    orThrow(controller.write(0, V3.image.subarray(0, V3.image.length - 1)))
    const early = controller.finish()
    assert.ok(isRefusal(early) && early.code === 'install-incomplete')
    const late = controller.write(installation.offset, V3.image.subarray(-2))
    assert.ok(isRefusal(late) && late.code === 'install-too-long')
    controller.powerUp()
    assert.equal(said(controller), 'b 2.0.0; boot')
  })
})

describe('bad input from the secure element', () => {
  /** The element answers nothing about its counter, from now on. */
  const silent = (controller: SimController): void =>
    void Object.defineProperty(controller.element, 'counter', { value: () => null, configurable: true })

  it('a counter that cannot be read: no floor can be held, golden runs and takes no update; then all is as before', () => {
    const { controller } = updated()
    silent(controller)
    controller.powerUp()
    assert.equal(said(controller), 'golden 0.9.0; golden: counter-unreadable')
    assert.equal(orThrow(controller.status()).counter, 0, 'reported as below every floor')
    const answer = controller.begin({ envelope: V3.envelope, update: 'u' })
    assert.ok(isRefusal(answer) && answer.code === 'counter-unreadable')
    Reflect.deleteProperty(controller.element, 'counter')
    controller.powerUp()
    assert.equal(said(controller), 'b 2.0.0; boot')
  })

  it('a counter that cannot be read when the candidate would be tried: it is dropped, and its version not blamed', () => {
    const on = updated()
    stage(on.controller, V3)
    silent(on.controller)
    orThrow(on.controller.activate())
    assert.equal(said(on.controller), 'golden 0.9.0; dropped: counter-unreadable; golden golden')
    Reflect.deleteProperty(on.controller.element, 'counter')
    on.controller.powerUp()
    update(on, V3)
    assert.match(said(on.controller), /^a 3\.0\.0; confirmed/)
  })

  /** Opens the board of a folder again, with another key in its element. */
  function withOther(folder: string, key: 'recordKey' | 'reportKey'): Bench {
    const path = join(folder, 'element.json')
    const contents = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>
    const other = bench({ folder: join(root, `other-${++folders}`) }).controller
    other.flash.close()
    const foreign = JSON.parse(readFileSync(join(root, `other-${folders}`, 'element.json'), 'utf8'))[key] as string
    writeFileSync(path, JSON.stringify({ ...contents, [key]: foreign }))
    return bench({ folder }, null)
  }

  it('the record key lost: no record is the device’s, so what verifies is tried and confirmed anew', () => {
    const folder = join(root, `lost-${++folders}`)
    updated({ folder }).controller.flash.close()
    const on = withOther(folder, 'recordKey')
    assert.equal(said(on.controller), 'b 2.0.0, trial; trial: no record', 'never what is below the counter')
    assert.equal(on.controller.history().length, 1, 'the history of the lost key shows as torn, not as ours')
    settle(on)
    on.controller.powerUp()
    assert.equal(said(on.controller), 'b 2.0.0; boot')
  })

  it('the report key lost: it runs on, and signs with a key that nobody enrolled', () => {
    const folder = join(root, `lost-${++folders}`)
    const before = updated({ folder }).controller
    const enrolled = before.element.reportKey
    before.flash.close()
    const { controller } = withOther(folder, 'reportKey')
    assert.equal(said(controller), 'b 2.0.0; boot')
    const message = new Uint8Array(40)
    const { crypto } = controller.board
    assert.equal(crypto.verify(enrolled, message, controller.element.signReport(message), 'der'), false)
  })

  it('golden is not what was pinned at the factory: it does not run', () => {
    const { controller } = updated()
    Object.defineProperty(controller.element, 'goldenDigest', { value: () => '00'.repeat(32) })
    for (const slot of ['a', 'b'] as const) controller.flash.rot(slot, SMALL.imageOffset + 9)
    controller.powerUp()
    assert.equal(said(controller), 'halted; halt: golden-exchanged')
    assert.equal(GOLDEN.facts.version, '0.9.0')
  })
})
