import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { differences } from '../../../src/core/trust/differences.ts'
import { ana, bo, cho, id, inForce, nextRootOf } from './ceremony-desk.ts'
import type { TestKey } from './simulated-repository.ts'

const with_ = (raw: JsonObject, members: Record<string, Json>): JsonObject => ({ ...raw, ...members })

describe('a diff hides nothing', () => {
  const before = inForce().root.signed.raw
  const after = nextRootOf(inForce())
  const names = { before: new Map<string, string>(), after: new Map<string, string>() }

  test('attack: a member that this program does not know is shown as it stands', () => {
    const key = (after.keys as Record<string, JsonObject>)[id(ana)]!
    const places: [string, JsonObject][] = [
      ['member x-backdoor', with_(after, { 'x-backdoor': { all: true } })],
      [
        'root: "x y"',
        with_(after, {
          roles: {
            ...(after.roles as JsonObject),
            root: { ...((after.roles as JsonObject).root as JsonObject), 'x y': 1 },
          },
        }),
      ],
      [`key ${id(ana)}`, with_(after, { keys: { ...(after.keys as JsonObject), [id(ana)]: { ...key, extra: 1 } } })],
    ]
    for (const [what, raw] of places) {
      const found = differences(before, raw, names).find(one => one.what === what)
      assert.ok(found !== undefined && found.before !== found.after, what)
    }
    const [unknown] = differences(before, places[0]![1], names).filter(({ known }) => !known)
    assert.deepEqual([unknown?.before, unknown?.after], [null, '{"all":true}'])
  })

  test('attack: text that steers a terminal comes out as its spelling', () => {
    const found = differences(before, with_(after, { 'x\u001b[2J': 'a\u202eb' }), names).filter(({ known }) => !known)
    assert.deepEqual(
      found.map(({ what, after: is }) => [what, is]),
      [['member "x\\u001b[2J"', '"a\u202eb"']],
    )
  })

  /** Every path of a document to something that is no object, with a way to change it. */
  function leaves(value: Json, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
    if (typeof value !== 'object' || value === null) return [path]
    const inside = Object.entries(value).flatMap(([name, member]) => {
      return leaves(member as Json, [...path, Array.isArray(value) ? Number(name) : name])
    })
    return inside.length === 0 ? [path] : inside
  }
  function changed(value: Json, [step, ...rest]: readonly (string | number)[], to: Json): Json {
    if (step === undefined) return to
    if (Array.isArray(value))
      return value.map((item, index) => (index === step ? changed(item, rest, to) : (item as Json)))
    const object = value as JsonObject
    return { ...object, [step]: changed((object[step] ?? null) as Json, rest, to) }
  }

  const documents = [before, inForce().targets!.signed.raw]
  test('whatever is changed, added or taken away, it is in the diff', () => {
    const spots = documents.flatMap(document => leaves(document).map(path => ({ document, path })))
    assert.ok(spots.length > 30)
    const strange: Json[] = [null, 0, -7, 'other', [], ['a'], {}, { a: 1 }, true]
    fc.assert(
      fc.property(fc.constantFrom(...spots), fc.constantFrom(...strange), fc.nat(3), ({ document, path }, to, up) => {
        const place = path.slice(0, Math.max(1, path.length - up))
        const other = changed(document, place, to) as JsonObject
        const same = JSON.stringify(other) === JSON.stringify(document)
        assert.equal(
          differences(document, other, names).length > 0,
          !same,
          `${place.join('.')} to ${JSON.stringify(to)}`,
        )
        assert.equal(differences(other, document, names).length > 0, !same)
      }),
      { numRuns: 600, seed: 4 },
    )
  })

  test('an order that changes is shown: it is the priority', () => {
    const raw = inForce().targets!.signed.raw
    const delegations = raw.delegations as { keys: JsonObject; roles: JsonObject[] }
    const [first] = delegations.roles as [JsonObject]
    const two = (roles: JsonObject[]) => with_(raw, { delegations: { ...delegations, roles } as unknown as Json })
    const second = { ...first, name: 'other' }
    const found = differences(two([first, second]), two([second, first]), names)
    assert.deepEqual(
      found.map(({ what }) => what),
      ['delegations, the order'],
    )
    const [one, other] = [
      with_(before, { roles: order(before, [ana, bo, cho]) }),
      with_(before, { roles: order(before, [bo, ana, cho]) }),
    ]
    assert.deepEqual(
      differences(one, other, names).map(({ what }) => what),
      ['root: signer, the order'],
    )
  })

  test('and a signer reads it in the same order, however the documents order their members', () => {
    const turned = (raw: JsonObject): JsonObject => Object.fromEntries(Object.entries(raw).reverse())
    const changed = with_(after, { expires: '2031-01-01T00:00:00Z', 'x-new': 1 })
    const shown = differences(before, changed, names).map(({ what }) => what)
    assert.deepEqual(shown.slice(0, 3), ['member x-new', 'version', 'expires'], 'what has no word comes first')
    assert.deepEqual(
      differences(turned(before), turned(changed), names).map(({ what }) => what),
      shown,
    )
  })

  const order = (raw: JsonObject, keys: readonly TestKey[]): JsonObject => {
    const roles = raw.roles as Record<string, JsonObject>
    return { ...roles, root: { ...roles.root, keyids: keys.map(id) } }
  }
})
