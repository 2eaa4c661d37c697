import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LIMITS } from '../../conformance/doors/suit/limits.ts'
import { isRefused } from '../../conformance/doors/suit/refusal.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import type { Cbor } from '../../src/core/encoding/cbor.ts'
import { blockOf, digestOf, envelopeOf, hex, manifestOf, parameters, sequence } from './suit-authoring.ts'
import {
  AUTHOR,
  authored,
  codeOf,
  content,
  deviceOf,
  IDENTIFIED,
  IDENTITY,
  image,
  MATCH,
  NEW,
  OLD,
  run,
} from './suit-device.ts'

describe('any bytes', () => {
  const manifest = manifestOf({
    components: [[hex('00')], [hex('01')]],
    shared: sequence(12, true, 20, parameters(...IDENTITY), 1, 15, 2, 15),
    more: [
      [7, sequence(12, true, 15, [sequence(20, content(utf8('x')), 6, 15), sequence(14, 15), null])],
      [20, sequence(12, [0, 1], 20, image(NEW, [21, '#fw']), 21, 15, 32, sequence(...MATCH))],
    ],
  })
  const good = envelopeOf(manifest, [blockOf(manifest, AUTHOR)], [['#fw', NEW]])

  test('the whole envelope: every byte changed, and cut at every length, is refused by value', () => {
    assert.equal(codeOf(good), 'done')
    for (let at = 0; at < good.length; at += 1) {
      const changed = good.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      // No signature covers the payload and its name: the URI and the image match in the signed manifest do.
      assert.notEqual(codeOf(changed), 'done', `byte ${at}`)
      assert.notEqual(codeOf(good.slice(0, at)), 'done', `${at} bytes`)
    }
  })

  test('a manifest changed anywhere and signed again ends with a value, within its limits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(manifest.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.option(fc.nat(manifest.length), { nil: undefined }),
        (changes, cut) => {
          const changed = manifest.slice(0, cut ?? manifest.length)
          for (const [at, byte] of changes) if (at < changed.length) changed[at] = byte
          const ran = run(envelopeOf(changed, [blockOf(changed, AUTHOR)], [['#fw', NEW]]))
          if (isRefused(ran)) return ran.code !== undefined
          return ran.trace.length <= LIMITS.steps
        },
      ),
      { numRuns: 600, seed: 4 },
    )
  })

  test('any tree of commands ends with a value, within its limits', () => {
    const argument: fc.Arbitrary<Cbor> = fc.oneof(fc.nat(1), fc.constantFrom<Cbor>(true, [0, 1], [1, 0], 2, -1))
    const entry = fc.constantFrom<readonly [number, Cbor]>(
      ...IDENTITY,
      ...([
        [3, digestOf(NEW)],
        [3, digestOf(OLD)],
        [5, 0],
        [13, true],
        [13, false],
        [14, NEW.length],
      ] as const),
      ...([
        [18, NEW],
        [21, '#fw'],
        [21, '#none'],
        [22, 0],
        [22, 1],
        [23, OLD],
      ] as const),
    )
    const { tree } = fc.letrec<{ tree: Uint8Array; command: readonly Cbor[] }>(tie => ({
      tree: fc.array(tie('command'), { minLength: 1, maxLength: 6 }).map(commands => sequence(...commands.flat(1))),
      command: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.tuple(fc.constantFrom(1, 2, 3, 5, 6, 14, 18, 21, 22, 23, 31, 33), fc.nat(15)),
        fc.tuple(fc.constant(12), argument),
        fc.tuple(
          fc.constantFrom(19, 20),
          fc.array(entry, { maxLength: 4 }).map(entries => new Map(entries) as Cbor),
        ),
        fc.tuple(fc.constant(32), tie('tree')),
        fc.tuple(fc.constant(15), fc.array(tie('tree'), { minLength: 1, maxLength: 3 })),
      ) as fc.Arbitrary<readonly Cbor[]>,
    }))
    const codes = new Set<string>()
    fc.assert(
      fc.property(tree, tree, (first, second) => {
        const envelope = authored(
          {
            components: [[hex('00')], [hex('01')]],
            shared: sequence(12, true, ...IDENTIFIED),
            more: [
              [7, sequence(12, 0, 32, first)],
              [20, sequence(12, true, 32, second)],
            ],
          },
          [['#fw', NEW]],
        )
        const ran = run(envelope, deviceOf({ images: { '00': OLD, '01': NEW } }))
        codes.add(isRefused(ran) ? ran.code : (ran.refusal?.code ?? 'done'))
        return isRefused(ran) || ran.trace.length <= LIMITS.steps
      }),
      { numRuns: 600, seed: 17 },
    )
    assert.ok(codes.size >= 8, [...codes].join(' '))
  })
})
