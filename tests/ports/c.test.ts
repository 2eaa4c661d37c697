import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { buildApplier, compile, PORT } from '../../scripts/c-applier.ts'
import { compilers } from '../../scripts/needs.ts'
import { probabilityOf } from '../../src/core/delta/odds.ts'
import { memoryOf, parseHeader } from '../../src/core/delta/patch.ts'
import { ARCHITECTURES } from '../../src/core/delta/references.ts'
import { NEXT, ODDS } from '../../src/core/delta/tallies.ts'
import { concat } from '../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { drawn, patchOf } from '../core/delta/images.ts'
import { realImage } from '../core/delta/real-firmware.ts'
import { Draw } from '../fuzz/draw.ts'
import { DELTA, signed } from '../fuzz/targets/delta.ts'
import { denseOrder } from './dense-code.ts'
import { applied, appliedInC, cutBehindEach, type Order, type Outcome } from './framed.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-c-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Ends at the first access beside what was taken, and at whatever C leaves undefined. */
const SANITIZED = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
const program = join(folder, 'sanitized')
const [compiler] = compilers()

const vectors = join(import.meta.dirname, '../../conformance/delta')
// biome-ignore lint/suspicious/noExplicitAny: the files are read as an outsider reads them, without our types.
const read = (name: string): any => JSON.parse(readFileSync(join(vectors, name), 'utf8'))
const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex)
const sha256 = (of: Uint8Array): string => createHash('sha256').update(of).digest('hex')
const NAMES = readdirSync(vectors).toSorted()
const PATCHES = NAMES.filter(name => !/refused|pieces/.test(name))
const REFUSED = NAMES.filter(name => name.includes('refused'))

/** What a vector's patch is applied with: as much memory, and room, as it states. */
const orderOf = ({ base, patch, memory, header }: ReturnType<typeof read>): Omit<Order, 'checked'> => ({
  base: bytes(base),
  patch: bytes(patch),
  memory,
  room: header.targetLength,
})

const plain = ({ code, written, places }: Outcome) => ({
  code,
  length: written.length,
  sha256: sha256(written),
  places: places.map(({ written, offset, next }) => `${written} ${offset} ${Buffer.from(next).toString('hex')}`),
})

/** Both appliers come to the same with each; answers what that is. */
function same(orders: readonly Order[], why: (at: number) => string): Outcome[] {
  const ours = orders.map(applied)
  for (const [at, theirs] of appliedInC(program, orders).entries()) {
    assert.deepEqual(plain(theirs), plain(ours[at] as Outcome), why(at))
  }
  return ours
}

describe('the applier in C', () => {
  test('is built without a warning, with sanitizers', () => {
    assert(compiler !== undefined, 'there is no C compiler: install gcc')
    buildApplier(compiler, program, SANITIZED)
  })

  for (const name of PATCHES) {
    test(`${name}: applied, with the places that the vector says, from memory at any address`, () => {
      const vector = read(name)
      const { target, blocks } = vector
      const order = { ...orderOf(vector), checked: true } as const
      const orders = Array.from({ length: 8 }, (_, askew) => ({ ...order, askew }))
      for (const { code, written, places } of appliedInC(program, orders)) {
        assert.equal(code, 'ok')
        assert.deepEqual(written, bytes(target))
        const said = blocks.filter(({ kind }: { kind: string }) => kind === 'bytes')
        assert.deepEqual(
          places.map(({ written, offset, next }) => ({ written, offset, next: Buffer.from(next).toString('hex') })),
          // biome-ignore lint/suspicious/noExplicitAny: as above.
          said.map(({ written, at, bytes, next }: any) => ({ written, offset: at + bytes, next })),
        )
      }
    })

    test(`${name}: gone on with behind each block of bytes`, () => {
      const order = { ...orderOf(read(name)), checked: true } as const
      const outcomes = same(cutBehindEach(order, applied(order)), at => `behind block ${at}`)
      for (const { code } of outcomes) assert.equal(code, 'ok')
    })

    test(`${name}: a byte of memory or of room less is refused`, () => {
      const order = orderOf(read(name))
      const less = [
        { ...order, memory: order.memory - 1 },
        ...(order.room > 0 ? [{ ...order, room: order.room - 1 }] : []),
      ]
      const codes = appliedInC(program, less).map(({ code }) => code)
      assert.deepEqual(codes, ['patch-memory-refused', 'patch-no-room'].slice(0, less.length))
    })
  }

  for (const name of REFUSED) {
    test(`${name}: each refused for its reason, and the accepted one is not`, () => {
      const { base, memory, room, accepted, refused } = read(name)
      const order = (one: Partial<Record<'base' | 'memory' | 'room', never>> & { patch: string }): Order => ({
        base: bytes(one.base ?? base),
        patch: bytes(one.patch),
        memory: one.memory ?? memory,
        room: one.room ?? room,
        checked: true,
      })
      const all = [{ ...accepted, code: 'ok', why: 'accepted' }, ...refused]
      const outcomes = same(all.map(order), at => all[at].why)
      assert.deepEqual(
        outcomes.map(({ code }, at) => [all[at].why, code]),
        all.map(({ why, code }) => [why, code]),
      )
    })
  }

  test('makes of real firmware what the reference makes, in blocks, and goes on behind each', () => {
    const part = (version: '7-27' | '7-28') => realImage('essentialhub', version).slice(0x9000, 0x11000)
    const [old, now] = [part('7-27'), part('7-28')]
    const patch = patchOf({ old, now, architecture: 'cortex-m', load: 0x0801_1000, slotBits: 12, blockBytes: 64 })
    const order = { base: old, patch, memory: memoryOf(orThrow(parseHeader(patch, 'it'))), room: now.length } as const
    const [whole] = same([{ ...order, checked: true }], () => 'whole') as [Outcome]
    assert.deepEqual([whole.code, sha256(whole.written)], ['ok', sha256(now)])
    assert(whole.places.length > 4)
    same(cutBehindEach(order, whole), at => `behind block ${at}`)
  })

  test('foresees references as the reference does, in images that are little else, moved anywhere', () => {
    const orders = ARCHITECTURES.flatMap(architecture =>
      [0x0800_8000, 0, 0xffff_c000].flatMap(load => [1, 2, 3, 4].map(seed => denseOrder({ architecture, load, seed }))),
    )
    for (const { code } of same(orders, at => `order ${at}`)) assert.equal(code, 'ok')
  })

  test('comes to the same with thousands of patches that were changed, and where power fails while they are applied', () => {
    const [{ form }] = DELTA as unknown as [{ form: { grow: (draw: Draw) => Uint8Array } }]
    const draw = new Draw(8)
    const bases = [concat(...FIRMWARE), new Uint8Array(0)]
    const orders: Order[] = []
    for (let left = 2200; left > 0; left -= 1) {
      const grown = form.grow(draw)
      const header = parseHeader(grown, 'it')
      if (isRefusal(header)) {
        orders.push({ base: bases[1] as Uint8Array, patch: grown, ...MEANS })
        continue
      }
      // Of the length that its header says, where there is one: what is read beyond a base is nobody's.
      const base = (bases.find(({ length }) => length === header.base.length) ??
        drawn(left, Math.min(header.base.length, 5000))) as Uint8Array
      if (base.length !== header.base.length) continue
      orders.push({ base, patch: grown, ...MEANS }, { base, patch: signed(grown, header), ...MEANS })
    }
    const outcomes = same(orders, at => `patch ${at}`)
    const codes = new Set(outcomes.map(({ code }) => code))
    for (const code of ['ok', 'patch-malformed', 'patch-newer', 'patch-altered', 'patch-target-differs'])
      assert(codes.has(code), `none came to ${code}`)
    assert(orders.length > 2500, `only ${orders.length} patches`)
    const cuts = outcomes.flatMap((outcome, at) => {
      const all = cutBehindEach(orders[at] as Order, outcome)
      return outcome.code === 'ok' && all.length > 0 ? [all[at % all.length] as Order] : []
    })
    assert(cuts.length > 300, `only ${cuts.length} cuts`)
    same(cuts, at => `cut ${at}`)
  })

  test('has the tables that follow from the rules', () => {
    const steps = Array.from({ length: 61 }, (_, seen) => Math.floor(65_536 / (2 * seen + 3)))
    const probabilities = Array.from({ length: 256 }, (_, at) => probabilityOf(at - 128))
    for (const [file, name, numbers] of [
      ['tallies.c', 'tally_next', [...NEXT]],
      ['tallies.c', 'tally_odds', [...ODDS]],
      ['odds.c', 'odds_probabilities', probabilities],
      ['covers.c', 'STEPS', steps],
    ] as const) {
      const [, written] = new RegExp(`${name}\\[[^\\]]*\\] = \\{([^}]*)\\}`).exec(
        readFileSync(join(PORT, file), 'utf8'),
      ) as unknown as [string, string]
      assert.deepEqual(written.split(',').map(Number), numbers, name)
    }
  })

  test('is called by the example of its README as it is', () => {
    const readme = readFileSync(join(PORT, 'README.md'), 'utf8')
    const [, example] = /```c\n([\s\S]*?)```/.exec(readme) as unknown as [string, string]
    writeFileSync(join(folder, 'example.c'), example)
    compile(compiler as string, ['-fsyntax-only', '-I', PORT, join(folder, 'example.c')])
  })

  test('can be built without an architecture, whose patches it then refuses', () => {
    const small = join(folder, 'small')
    const without = ['CORTEX_M', 'AARCH64', 'ARM'].map(name => `-DVOLTSEAL_PATCH_WITHOUT_${name}`)
    buildApplier(compiler as string, small, ['-O1', ...without])
    const orders = PATCHES.map(name => ({ ...orderOf(read(name)), checked: true }) as const)
    for (const [at, { code }] of appliedInC(small, orders).entries()) {
      const { architecture } = orThrow(parseHeader((orders[at] as Order).patch, 'it'))
      assert.equal(code, ['none', 'riscv'].includes(architecture) ? 'ok' : 'patch-newer', PATCHES[at] as string)
    }
  })
})

/** What the seeds of the fuzz target are made of, and what it gives a patch. */
const FIRMWARE = [[0, 500] as const, [40_000, 40_500] as const].map(([from, to]) =>
  realImage('essentialhub', '7-27').slice(from, to),
)
const MEANS = { memory: 48 * 1024, room: 4096 }
