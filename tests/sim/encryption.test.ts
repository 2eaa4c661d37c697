import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SimController } from '../../sim/controller/sim-controller.ts'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { concat } from '../../src/core/encoding/bytes.ts'
import { TAG_BYTES } from '../../src/core/encoding/cipher.ts'
import { MAX_WRAP_BYTES } from '../../src/core/encoding/cose-recipient.ts'
import { segmentAt } from '../../src/core/firmware/encryption.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { verify } from '../../src/flows/boot.ts'
import type { Release } from '../../src/flows/release.ts'
import { readMemory } from '../../src/flows/remember.ts'
import { memoryWrappingKey, wrapOf } from '../worlds/wrapping.ts'
import { ANCHORS, bench, GOLDEN, imageOf, release, SMALL, stage, update, V2, V3 } from './bench-board.ts'
import { cutAt, momentAfter, operationsOf, runs } from './interrupting.ts'

const OPERATOR = memoryWrappingKey()
const STRANGER = memoryWrappingKey()
const SEGMENT = 1024
/** Four segments, the last one short; the slots' sectors and the chunks have 512 bytes. */
const IMAGE = imageOf(40, 3_300)

const encrypted = (version: string, sequence: number, image = IMAGE): Promise<Release> =>
  release(version, sequence, {
    counter: 2,
    image,
    encrypt: { keys: [OPERATOR.spki], segmentBytes: SEGMENT, cipher: nodeCipher },
  })

const FAULTS = [{ cut: 'before' }, { cut: 'after' }, { cut: 'inside', share: 0.5 }] as const

const SECRET = await encrypted('4.0.0', 40)
const OTHER = await encrypted('4.1.0', 41, imageOf(41, 3_300))

const wrapFor = (controller: SimController, wanted = SECRET): Promise<Uint8Array> =>
  wrapOf(wanted, OPERATOR, controller.element.decryptionKey)

const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : `no refusal: ${JSON.stringify(value)}`)
const offerOf = ({ envelope }: Release, wrap?: Uint8Array) => ({
  envelope,
  update: 'u',
  ...(wrap === undefined ? {} : { wrap }),
})

/** The segments of a ciphertext. */
function segmentsOf({ facts, payload }: Release): Uint8Array[] {
  const { encryption } = facts
  assert.ok(encryption !== null)
  const out: Uint8Array[] = []
  for (let at = 0; at < facts.imageSize; at += encryption.segmentBytes) {
    const { sealedAt, length } = segmentAt({ ...facts, encryption }, at)
    out.push(payload.subarray(sealedAt, sealedAt + length + TAG_BYTES))
  }
  return out
}

describe('an encrypted release on a controller', () => {
  it('is decrypted into the slot, tried and confirmed', async () => {
    const on = bench()
    stage(on.controller, SECRET, 700, await wrapFor(on.controller))
    orThrow(on.controller.activate())
    assert.equal(on.controller.running()?.facts.version, '4.0.0')
    const inFlash = on.controller.flash.read('b', SMALL.imageOffset, IMAGE.length)
    assert.deepEqual(inFlash?.slice(), IMAGE)
  })

  it('is the same one for two controllers, and neither opens the wrap of the other', async () => {
    const [one, two] = [bench(), bench()]
    const [first, second] = [await wrapFor(one.controller), await wrapFor(two.controller)]
    assert.notDeepEqual(first, second)
    stage(one.controller, SECRET, 999, first)
    stage(two.controller, SECRET, 111, second)
    assert.equal(readMemory(one.controller.board)?.state.at, 'candidate')
    assert.equal(codeOf(bench().controller.begin(offerOf(SECRET, first))), 'wrap-for-another-key')
  })

  it('carries groups: segments know nothing of components', async () => {
    const components = ['app', 'radio']
    const parts = [{ size: 2048, sector: 512 }]
    const on = bench(
      {
        geometry: { ...SMALL, parts },
        device: { class: 'bms-rack', hardware: 'primehub', bootloader: 3, anchors: ANCHORS, components },
      },
      null,
    )
    const further = [{ name: 'radio', image: imageOf(8, 1_700) }]
    orThrow(on.controller.manufacture(GOLDEN, await release('1.0.0', 10, { further })))
    on.controller.powerUp()
    const encrypt = { keys: [OPERATOR.spki], segmentBytes: SEGMENT, cipher: nodeCipher }
    const group = await release('4.0.0', 40, {
      counter: 2,
      further: [{ name: 'radio', image: imageOf(9, 1_500) }],
      encrypt,
    })
    stage(on.controller, group, 313, await wrapFor(on.controller, group))
    orThrow(on.controller.activate())
    assert.equal(on.controller.running()?.facts.version, '4.0.0')
    assert.deepEqual(on.controller.flash.read('b1', 0, 1_500)?.slice(), imageOf(9, 1_500))
  })

  it('goes on with what is staged though the wrap is not there any more', async () => {
    const { controller } = bench()
    const update = 'update-4.0.0'
    stage(controller, SECRET, 700, await wrapFor(controller))
    const again = orThrow(controller.begin({ envelope: SECRET.envelope, update }))
    assert.equal(again.state.at, 'staged')
    assert.equal(again.offset, SECRET.payload.length)
  })

  it('resumes behind a cut at every flash operation, without fetching again what is whole', async () => {
    const moment = momentAfter(on => update(on, V2))
    const wrap = await wrapFor(moment().controller)
    let current = moment()
    const work = () => stage(current.controller, SECRET, 700, wrap)
    const count = operationsOf(current, work).length
    let kept = 0
    for (let at = 0; at < count; at += 1) {
      for (const fault of FAULTS) {
        current = moment(at + 1)
        if (!cutAt(current, at, fault, work)) continue
        const { controller } = current
        controller.powerUp('power-loss')
        const where = `cut ${fault.cut} operation ${at + 1} of ${count}`
        const before = readMemory(controller.board)?.state.at
        if (before !== 'candidate') {
          const installation = orThrow(controller.begin({ ...offerOf(SECRET, wrap), update: 'update-4.0.0' }))
          if (installation.offset > 0) kept += 1
          assert.equal(installation.offset % (SEGMENT + TAG_BYTES), 0, where)
        }
        stage(controller, SECRET, 700, wrap)
        orThrow(controller.activate())
        assert.match(runs(current, where), /^a 4\.0\.0/)
      }
    }
    assert.ok(kept > 10, `${kept} resumes kept something`)
  })
})

describe('before the first byte of an encrypted release', () => {
  type Case = { name: string; code: string; wrap: (controller: SimController) => Promise<Uint8Array | undefined> }
  const cases: Case[] = [
    { name: 'attack: no wrap', code: 'wrap-missing', wrap: async () => undefined },
    {
      name: 'attack: the wrap of another controller',
      code: 'wrap-for-another-key',
      wrap: () => wrapFor(bench().controller),
    },
    {
      name: 'attack: the wrap of another controller under the id of this one',
      code: 'wrap-not-opened',
      wrap: async controller => {
        const [own, others] = [await wrapFor(controller), await wrapFor(bench().controller)]
        const at = own.findIndex((_, index) => isIdAt(own, index, controller))
        return concat(others.subarray(0, at), own.subarray(at, at + 32), others.subarray(at + 32))
      },
    },
    {
      name: 'attack: a wrap of which one bit is another',
      code: 'wrap-not-opened',
      wrap: async controller => {
        const wrap = await wrapFor(controller)
        return wrap.with(wrap.length - 1, (wrap.at(-1) as number) ^ 1)
      },
    },
    {
      name: 'attack: the wrap of another release',
      code: 'content-key-mismatch',
      wrap: controller => wrapFor(controller, OTHER),
    },
    {
      name: 'attack: a point that is not on the curve',
      code: 'element-cannot-agree',
      wrap: async controller => {
        const wrap = await wrapFor(controller)
        // The y coordinate ends 42 bytes before the end: 2 of head and 40 of wrapped key stand behind it.
        const at = wrap.length - 43
        return wrap.with(at, (wrap[at] as number) ^ 1)
      },
    },
    {
      name: 'attack: bytes that are no wrap',
      code: 'wrap-malformed',
      wrap: async () => new Uint8Array(MAX_WRAP_BYTES + 1),
    },
  ]
  for (const { name, code, wrap } of cases) {
    it(name, async () => {
      const { controller } = bench()
      const before = controller.flash.operations
      assert.equal(codeOf(controller.begin(offerOf(SECRET, await wrap(controller)))), code)
      assert.equal(controller.flash.operations, before, 'nothing was erased')
      assert.equal(readMemory(controller.board)?.state.at, 'stable')
    })
  }

  it('attack: a release in the clear where encryption is required', async () => {
    const { controller } = bench({
      device: { class: 'bms-rack', hardware: 'primehub', bootloader: 3, anchors: ANCHORS, requireEncryption: true },
    })
    const before = controller.flash.operations
    assert.equal(codeOf(controller.begin(offerOf(V3))), 'release-not-encrypted')
    assert.equal(codeOf(controller.begin(offerOf(V3, await wrapFor(controller)))), 'release-not-encrypted')
    assert.equal(controller.flash.operations, before, 'nothing was erased')
    stage(controller, SECRET, 700, await wrapFor(controller))
    orThrow(controller.activate())
    assert.equal(controller.running()?.facts.version, '4.0.0', 'what is in flash in the clear still boots')
  })

  it('attack: an older release, encrypted', async () => {
    const on = bench()
    update(on, V3)
    const old = await encrypted('2.5.0', 25)
    assert.equal(codeOf(on.controller.begin(offerOf(old, await wrapFor(on.controller, old)))), 'release-not-newer')
  })

  it('attack: a release that was made for another wrapping key', async () => {
    const foreign = await release('4.0.0', 40, {
      counter: 2,
      image: IMAGE,
      encrypt: { keys: [STRANGER.spki], cipher: nodeCipher },
    })
    const { encryption } = foreign.facts
    assert.ok(encryption !== null)
    await assert.rejects(
      wrapOf(foreign, OPERATOR, bench().controller.element.decryptionKey),
      /not wrapped for this wrapping key/,
    )
  })
})

describe('an encrypted payload that is not the one of its envelope', () => {
  const own = segmentsOf(SECRET)
  const others = segmentsOf(OTHER)
  const [one, two, three, last] = own as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  type Case = { name: string; payload: Uint8Array; code: string; offset: number }
  const whole = SEGMENT + TAG_BYTES
  const cases: Case[] = [
    {
      name: 'attack: two segments exchanged',
      payload: concat(two, one, three, last),
      code: 'payload-segment-refused',
      offset: 0,
    },
    {
      name: 'attack: a segment twice',
      payload: concat(one, two, two, last),
      code: 'payload-segment-refused',
      offset: 2 * whole,
    },
    {
      name: 'attack: a segment left out',
      payload: concat(one, three, last),
      code: 'payload-segment-refused',
      offset: whole,
    },
    {
      name: 'attack: a segment of another release',
      payload: concat(one, others[1] as Uint8Array, three, last),
      code: 'payload-segment-refused',
      offset: whole,
    },
    {
      name: 'attack: the ciphertext of another release',
      payload: OTHER.payload,
      code: 'payload-segment-refused',
      offset: 0,
    },
    {
      name: 'attack: the image in the clear',
      payload: concat(IMAGE, new Uint8Array(64)),
      code: 'payload-segment-refused',
      offset: 0,
    },
    {
      name: 'attack: one bit of a tag',
      payload: SECRET.payload.with(2 * whole - 1, (SECRET.payload[2 * whole - 1] as number) ^ 1),
      code: 'payload-segment-refused',
      offset: whole,
    },
    {
      name: 'attack: cut short',
      payload: SECRET.payload.subarray(0, -1),
      code: 'install-incomplete',
      offset: SECRET.payload.length - 1,
    },
    {
      name: 'attack: the last segment left out',
      payload: concat(one, two, three),
      code: 'install-incomplete',
      offset: 3 * whole,
    },
    {
      name: 'attack: more behind the end',
      payload: concat(SECRET.payload, one),
      code: 'install-too-long',
      offset: SECRET.payload.length,
    },
  ]
  for (const { name, payload, code, offset } of cases) {
    it(`${name}, and the right one still goes in behind it`, async () => {
      const { controller } = bench()
      const wrap = await wrapFor(controller)
      const installation = orThrow(controller.begin(offerOf(SECRET, wrap)))
      let refused: unknown = null
      for (let at = 0; at < payload.length && refused === null; at += 500) {
        refused = controller.write(at, payload.subarray(at, at + 500))
      }
      // Those that are only short are found out by who asks for the end.
      if (code === 'install-incomplete') refused = controller.finish()
      assert.equal(codeOf(refused), code)
      if (code !== 'install-too-long') assert.equal(installation.offset, offset, 'where to go on')
      assert.equal(readMemory(controller.board)?.state.at, 'stable', 'nothing is a candidate')
      stage(controller, SECRET, 700, wrap)
      assert.equal(isRefusal(verify(controller.board, 'b')), false)
    })
  }

  it('attack: another image, well encrypted under the same key, is stopped by the digests', async () => {
    // Somebody who has the content key (the maker's build machine) and no signing key.
    const key = new Uint8Array(32).fill(3)
    const knowing = { ...nodeCipher, random: () => key.slice() }
    const encrypt = { keys: [OPERATOR.spki], segmentBytes: SEGMENT, cipher: knowing }
    const signed = await release('4.2.0', 42, { counter: 2, image: IMAGE, encrypt })
    const evil = await release('4.2.0', 42, { counter: 2, image: imageOf(66, IMAGE.length), encrypt })
    const { controller } = bench()
    orThrow(controller.begin(offerOf(signed, await wrapFor(controller, signed))))
    assert.equal(codeOf(controller.write(0, evil.payload)), 'payload-segment-refused')
  })
})

/** Whether the id of a controller's decryption key stands at a byte of a wrap. */
function isIdAt(wrap: Uint8Array, at: number, controller: SimController): boolean {
  const id = nodeCrypto.sha256(controller.element.decryptionKey)
  return id.every((byte, index) => wrap[at + index] === byte)
}
