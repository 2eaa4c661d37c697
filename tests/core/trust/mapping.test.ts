import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { type PlanBody, type PlanHead, parsePlan, planBytes } from '../../../src/core/campaign/plan.ts'
import { type ProvenSheet, sheetFile } from '../../../src/core/campaign/sheet.ts'
import { releasesAt } from '../../../src/core/campaign/site-plan.ts'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { directorTarget, type Order } from '../../../src/core/trust/director-target.ts'
import { assignmentsOf, type MappingInput, planPath, planTarget, wantedBy } from '../../../src/core/trust/mapping.ts'
import type { Target } from '../../../src/core/trust/metadata.ts'
import { refresh } from '../../../src/core/trust/refresh.ts'
import type { DelegationSpec } from '../../../src/core/trust/repository.ts'
import { writeDelegations } from '../../../src/core/trust/repository.ts'
import type { CurrentSet } from '../../../src/core/trust/trusted-set.ts'
import { planOfSheets, sheetOf, turnOf } from '../campaign/plans.ts'
import { DAY, later, NOW, SimulatedRepository, target, testKey } from './simulated-repository.ts'

const payload = target('bms/rack-2.3.0.bin', 'image')
const release = {
  class: 'bms-rack',
  hardware: ['primehub'],
  version: '2.3.0',
  sequence: 7,
  counter: 3,
  payload: { path: payload.path, length: payload.length, sha256: payload.sha256 },
}
const envelope = target('bms/rack-2.3.0.suit', 'envelope', release)
const order: Order = { class: 'bms-rack', hardware: 'primehub', campaign: 'spring', attempt: 1 }

/** A plan's head, and the sheet of a site with its proof. */
type Planned = { readonly head: Uint8Array; readonly sheet: Uint8Array }

const planOf = (change: Partial<PlanBody> = {}, turns = [turnOf('bms-1'), turnOf('bms-2')]): Planned => {
  const others = ['anchor', 'island', 'mountain'].map(site => sheetOf(site, [turnOf('bms-1')]))
  const sheets = [...others.slice(0, 1), sheetOf('harbour', turns), ...others.slice(1)]
  const releases = [
    {
      path: envelope.path,
      sha256: envelope.sha256,
      length: envelope.length,
      class: 'bms-rack',
      version: '2.3.0',
      counter: 3,
      criticality: 'security',
    },
  ]
  const body = { createdAt: NOW - DAY, notAfter: NOW + DAY, releases, ...change } as unknown as Partial<PlanBody>
  const { plan, proven } = planOfSheets(sheets, body)
  return { head: planBytes(plan), sheet: sheetFile(proven[1] as ProvenSheet) }
}

const currentOf = (repository: SimulatedRepository): CurrentSet => {
  const refreshed = repository.drive(refresh(repository.enrolled(), NOW, nodeCrypto))
  if (refreshed.at === 'stopped') throw new Error(JSON.stringify(refreshed.refusal))
  return refreshed.set
}

type World = {
  readonly director: readonly Target[]
  readonly delegations?: DelegationSpec
  readonly image: readonly Target[]
  /** The plan that is approved, and the plan that is served; null for none. */
  readonly approved: Uint8Array | null
  readonly served: Uint8Array | null
  /** The sheet that is served; null for none. */
  readonly sheet: Uint8Array | null
  readonly controllers: MappingInput['controllers']
  readonly campaign: string
  readonly site: string
}

/** A plan that is approved and served with its sheet. */
function planned(...made: Parameters<typeof planOf>): Pick<World, 'approved' | 'served' | 'sheet'> {
  const { head, sheet } = planOf(...made)
  return { approved: head, served: head, sheet }
}

const board = { class: 'bms-rack', hardware: 'primehub' }
const good: World = {
  director: [directorTarget(envelope, new Map([['bms-1', order]]))],
  image: [envelope, payload],
  ...planned(),
  controllers: new Map([
    ['bms-1', board],
    ['bms-2', board],
    ['pcs-1', { class: 'pcs', hardware: 'essentialhub' }],
  ]),
  campaign: 'spring',
  site: 'harbour',
}

function inputOf(world: World): MappingInput<PlanHead> {
  const director = new SimulatedRepository('director', 'harbour', 2)
  director.publishRoot()
  const { delegations } = world
  director.publish(
    world.director,
    delegations === undefined ? null : orThrow(writeDelegations([delegations], nodeCrypto)),
  )
  const pinned =
    world.approved === null
      ? []
      : [target(planPath(world.campaign), new TextDecoder().decode(world.approved), { title: 'Spring' })]
  return {
    site: world.site,
    controllers: world.controllers,
    director: currentOf(director),
    image: currentOf(SimulatedRepository.with(world.image, 'image')),
    imageTargets: new Map(world.image.map(found => [found.path, found])),
    approval: currentOf(SimulatedRepository.with(pinned, 'approval', undefined, 3)),
    plans: new Map(world.served === null ? [] : [[world.campaign, world.served]]),
    sheets: new Map(world.sheet === null ? [] : [[world.campaign, world.sheet]]),
    readPlan: parsePlan,
    readSheet: releasesAt({ site: world.site, region: 'nl', controllers: [] }, nodeCrypto),
  }
}

const map = (world: Partial<World>, now = NOW) => assignmentsOf(inputOf({ ...good, ...world }), now, nodeCrypto)
const ordered = (change: Partial<Order>, id = 'bms-1'): readonly Target[] => [
  directorTarget(envelope, new Map([[id, { ...order, ...change }]])),
]

function refused(answer: ReturnType<typeof map>, code: string): void {
  assert.equal(isRefusal(answer) ? answer.code : JSON.stringify(answer), code)
}

/** The same envelope, of which the image repository says that its payload is encrypted. */
const encryptedEnvelope: Target = {
  ...envelope,
  custom: { ...release, encrypted: { image: 'ab'.repeat(32), contentKeys: ['AAAA'] } } as unknown as Json,
}

describe('assignmentsOf', () => {
  test('hands a controller the patch that the director ordered with it, and those of the publisher', () => {
    const made = { base: 'ab'.repeat(32), length: 900, memory: 30_000, sha256: 'cd'.repeat(32) }
    const published = [{ ...made, path: 'bms/from-abababababababab.vsdp' }]
    const patched: Target = { ...envelope, custom: { ...release, patches: published } as unknown as Json }
    for (const patch of [made, { base: made.base, coming: true } as const]) {
      const [first] = orThrow(map({ image: [patched, payload], director: ordered({ patch }) }))
      assert.deepEqual(first?.patch, patch)
      assert.deepEqual(first?.release.patches, published)
    }
    const [plain] = orThrow(map({}))
    assert.deepEqual([plain?.patch, plain?.release.patches], [undefined, undefined])
  })

  test('refuses patches that are none, and orders of them', () => {
    const made = { base: 'ab'.repeat(32), length: 900, memory: 30_000, sha256: 'cd'.repeat(32) }
    const faulty = [
      { ...made, base: 'AB'.repeat(32) },
      { ...made, length: 0 },
      { ...made, memory: 2 ** 32 },
      { base: made.base, coming: false },
      { ...made, coming: true },
    ] as unknown as NonNullable<Order['patch']>[]
    for (const patch of faulty) refused(map({ director: ordered({ patch }) }), 'assignment-malformed')
    const path = 'bms/from.vsdp'
    const lists: Json[] = [
      [],
      [{ ...made, path: '../up' }],
      [made],
      Array.from({ length: 65 }, (_, n) => {
        return { ...made, path, base: n.toString(16).padStart(64, '0') }
      }),
      [
        { ...made, path },
        { ...made, path, length: 901 },
      ],
    ]
    for (const patches of lists) {
      const wrong: Target = { ...envelope, custom: { ...release, patches } as unknown as Json }
      refused(map({ image: [wrong, payload] }), 'image-target-malformed')
    }
  })

  test('hands a controller the wrap that the director ordered with it', () => {
    const [first] = orThrow(map({ image: [encryptedEnvelope, payload], director: ordered({ wrap: 'AAAA' }) }))
    assert.equal(first?.wrap, 'AAAA')
    const malformed = map({ image: [encryptedEnvelope, payload], director: ordered({ wrap: 'no base64' }) })
    assert.equal(isRefusal(malformed) && malformed.code, 'assignment-malformed')
  })

  test('answers what all three repositories say', () => {
    const [first, ...rest] = orThrow(map({}))
    assert.deepEqual(rest, [])
    assert.deepEqual(first, {
      id: `spring/${envelope.sha256.slice(0, 16)}/1`,
      controller: 'bms-1',
      campaign: 'spring',
      attempt: 1,
      class: 'bms-rack',
      hardware: 'primehub',
      envelope: { path: envelope.path, length: envelope.length, sha256: envelope.sha256 },
      payload: release.payload,
      release,
    })
    assert.doesNotThrow(() => canonicalJson([first] as unknown as Json))
  })

  test('in order of controllers; a try again is another assignment', () => {
    const controllers = new Map([
      ['bms-2', order],
      ['bms-1', { ...order, attempt: 2 }],
    ])
    const assignments = orThrow(map({ director: [directorTarget(envelope, controllers)] }))
    assert.deepEqual(
      assignments.map(assignment => [assignment.controller, assignment.id.split('/').at(-1)]),
      [
        ['bms-1', '2'],
        ['bms-2', '1'],
      ],
    )
  })

  test('a director that orders nothing assigns nothing', () => {
    assert.deepEqual(map({ director: [] }), [])
  })

  test('says what it needs to be given', () => {
    const input = inputOf(good)
    assert.deepEqual(wantedBy(input.director), { envelopes: [envelope.path], campaigns: ['spring'] })
    assert.equal(planTarget(input.approval, 'spring')?.length, good.approved?.length)
    assert.equal(planTarget(input.approval, 'autumn'), null)
  })

  const evil = target(envelope.path, 'evil envelope', release)
  const older = { ...release, payload: { ...release.payload, sha256: 'a'.repeat(64) } }
  const strange = target(envelope.path, 'envelope', { ...release, hardware: [] })
  const rows: readonly (readonly [string, string, Partial<World>, number?])[] = [
    ['attack: wrong site: a director of another site', 'metadata-wrong-site', { site: 'mountain' }],
    [
      'attack: an unknown controller',
      'assignment-controller-unknown',
      { director: ordered({}, 'bms-9'), ...planned({}, [turnOf('bms-9')]) },
    ],
    [
      'attack: duplicate controller id',
      'assignment-controller-twice',
      {
        director: [
          ...good.director,
          directorTarget({ ...envelope, path: 'bms/again.suit' }, new Map([['bms-1', order]])),
        ],
        image: [envelope, payload, { ...envelope, path: 'bms/again.suit' }],
      },
    ],
    ['attack: wrong device class by the director', 'assignment-wrong-class', { director: ordered({ class: 'pcs' }) }],
    [
      'attack: wrong device class by both',
      'assignment-wrong-class',
      {
        director: ordered({ class: 'bms-rack' }, 'pcs-1'),
        ...planned({}, [turnOf('pcs-1')]),
      },
    ],
    [
      'attack: an order for an encrypted release without a wrap',
      'assignment-wrap-missing',
      { image: [encryptedEnvelope, payload] },
    ],
    [
      'attack: wrong hardware by the director',
      'assignment-wrong-hardware',
      { director: ordered({ hardware: 'other' }) },
    ],
    [
      'attack: hardware that the release does not support',
      'assignment-wrong-hardware',
      {
        director: ordered({ hardware: 'rev-z' }),
        controllers: new Map([['bms-1', { class: 'bms-rack', hardware: 'rev-z' }]]),
      },
    ],
    [
      "attack: the director's keys stolen alone: a release that nobody published",
      'assignment-target-missing',
      { image: [payload] },
    ],
    [
      "attack: the director's keys stolen alone: a controller that nobody planned",
      'assignment-not-planned',
      planned({}, [turnOf('bms-2')]),
    ],
    [
      "attack: the director's keys stolen alone: a campaign that nobody approved",
      'assignment-not-approved',
      { approved: null },
    ],
    ["attack: the image repository's keys stolen alone", 'assignment-target-disagrees', { image: [evil, payload] }],
    [
      "attack: the image repository's keys and the director's, without the approvers",
      'assignment-not-planned',
      { image: [evil, payload], director: [directorTarget(evil, new Map([['bms-1', order]]))] },
    ],
    [
      "attack: the approvers' keys stolen alone: the plan of another release",
      'assignment-not-planned',
      {
        ...planned({
          releases: [
            {
              path: evil.path,
              sha256: evil.sha256,
              length: evil.length,
              class: 'bms-rack',
              version: '2.3.0' as Version,
              counter: 3,
              criticality: 'security',
            },
          ],
        }),
      },
    ],
    [
      'attack: the approved bytes under another path',
      'assignment-not-planned',
      {
        director: [directorTarget({ ...envelope, path: 'bms/moved.suit' }, new Map([['bms-1', order]]))],
        image: [{ ...envelope, path: 'bms/moved.suit' }, payload],
      },
    ],
    [
      'attack: a payload that is not the one of the envelope',
      'assignment-target-disagrees',
      { image: [{ ...envelope, custom: older }, payload] },
    ],
    ['a payload that is not published', 'assignment-target-missing', { image: [envelope] }],
    [
      'an envelope that is described badly',
      'image-target-malformed',
      { image: [strange, payload], director: [directorTarget(strange, new Map([['bms-1', order]]))] },
    ],
    [
      'attack: another plan than the approved one',
      'plan-altered',
      { served: planOf({ title: 'Spring  release' }).head },
    ],
    [
      'attack: a plan under the name of another campaign',
      'plan-altered',
      { campaign: 'autumn', director: ordered({ campaign: 'autumn' }) },
    ],
    [
      'attack: a turn for the same controller name at another site',
      'assignment-not-planned',
      planned({}, [turnOf('bms-2')]),
    ],
    ['a plan that is not there yet', 'plan-missing', { served: null }],
    [
      'a plan that cannot be read',
      'plan-malformed',
      { approved: new TextEncoder().encode('{}'), served: new TextEncoder().encode('{}') },
    ],
    ['a plan whose time is over', 'campaign-expired', planned({ notAfter: NOW })],
    ['a plan whose time has not come', 'campaign-too-early', planned({ notBefore: instant(NOW + 1) })],
    [
      'a director that delegates',
      'director-delegates',
      { delegations: { name: 'x', keys: [testKey(1).key], threshold: 1, paths: ['*'], terminating: false } },
    ],
    [
      'an order with an unknown member',
      'assignment-malformed',
      { director: [{ ...envelope, custom: { controllers: {}, force: true } }] },
    ],
    ['metadata that has expired since', 'metadata-expired', {}, later(2)],
  ]
  for (const [name, code, world, at] of rows) {
    test(name, () => {
      const answer = map(world, (at ?? NOW) as typeof NOW)
      assert.equal(isRefusal(answer) ? answer.code : JSON.stringify(answer), code)
    })
  }
})
