import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  ACTION_NAMES,
  ACTIONS,
  type Action,
  FLEET,
  type Grant,
  isCovered,
  mayDo,
  mayDoAll,
  mayDoSomewhere,
  mayTable,
  type Place,
  ROLE_NAMES,
  ROLES,
  reachOf,
  roleAllows,
  type Scope,
} from '../../../src/core/fleet/roles.ts'

const REGIONS = ['nl', 'uk']
const SITES: readonly Place[] = [
  { at: 'site', site: 'quay', region: 'nl' },
  { at: 'site', site: 'pier', region: 'nl' },
  { at: 'site', site: 'reef', region: 'uk' },
  { at: 'site', site: 'lost', region: null },
]
const PLACES = [FLEET, ...SITES]

const scope: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant({ at: 'fleet' } as const),
  fc.constantFrom(...REGIONS).map(region => ({ at: 'region', region }) as const),
  fc.constantFrom('quay', 'pier', 'reef', 'lost').map(site => ({ at: 'site', site }) as const),
)
const grant: fc.Arbitrary<Grant> = fc.record({ role: fc.constantFrom(...ROLE_NAMES), scope })
const grants = fc.array(grant, { maxLength: 4 })
const action: fc.Arbitrary<Action> = fc.constantFrom(...ACTION_NAMES)
const place: fc.Arbitrary<Place> = fc.constantFrom(...PLACES)

const holder = (held: readonly Grant[], narrowed: readonly Grant[] | null = null, disabled = false) => {
  return { id: 'ada', disabled, grants: held, narrowed }
}
const can = (held: readonly Grant[], what: Action, where: Place): boolean => mayDo(holder(held), what, where) === null

/** What the table means, said another way: by counting what a grant reaches. */
function plainly(held: readonly Grant[], what: Action, where: Place): boolean {
  return held.some(({ role, scope }) => {
    if (!ACTIONS[what].may[ROLES.findIndex(one => one.role === role)]) return false
    if (ACTIONS[what].at === 'shared' || scope.at === 'fleet') return true
    if (where.at === 'fleet' || ACTIONS[what].at === 'fleet') return false
    const inside =
      scope.at === 'site'
        ? [scope.site]
        : SITES.flatMap(one => (one.at === 'site' && one.region === scope.region ? [one.site] : []))
    return inside.includes(where.site)
  })
}

describe('who may do what', () => {
  it('is what the table says, in every scope and at every place', () => {
    fc.assert(
      fc.property(grants, action, place, (held, what, where) => can(held, what, where) === plainly(held, what, where)),
    )
  })

  it('attack: a token never allows more than its account, nor more than it was given', () => {
    fc.assert(
      fc.property(grants, grants, action, place, (held, narrowed, what, where) => {
        const both = mayDo(holder(held, narrowed), what, where) === null
        return both === (can(held, what, where) && can(narrowed, what, where))
      }),
    )
  })

  it('attack: a token that may be made allows nothing that its account does not', () => {
    fc.assert(
      fc.property(grants, grant, action, place, (held, asked, what, where) => {
        return !isCovered(asked, held) || !can([asked], what, where) || can(held, what, where)
      }),
    )
  })

  it('a disabled account may do nothing, whatever it has', () => {
    for (const what of ACTION_NAMES) {
      const all = ROLE_NAMES.map(role => ({ role, scope: { at: 'fleet' } as const }))
      assert.equal(mayDo(holder(all, null, true), what, FLEET)?.code, 'account-disabled')
      assert.deepEqual(reachOf(holder(all, null, true), what), { regions: new Set(), sites: new Set() })
    }
  })

  it('at several places is at each of them, and at none is on the fleet', () => {
    fc.assert(
      fc.property(grants, action, fc.array(place, { minLength: 1, maxLength: 4 }), (held, what, where) => {
        return (mayDoAll(holder(held), what, where) === null) === where.every(one => can(held, what, one))
      }),
    )
    fc.assert(
      fc.property(
        grants,
        action,
        (held, what) => (mayDoAll(holder(held), what, []) === null) === can(held, what, FLEET),
      ),
    )
  })

  it('whoever may do it at a place may do it somewhere, and whoever may nowhere may not', () => {
    fc.assert(
      fc.property(grants, action, (held, what) => {
        const anywhere = mayDoSomewhere(holder(held), what) === null
        const somewhere = PLACES.some(where => can(held, what, where))
        return !somewhere || anywhere
      }),
    )
    fc.assert(
      fc.property(grants, action, (held, what) => {
        const none = !held.some(({ role }) => roleAllows(role, what))
        return !none || mayDoSomewhere(holder(held), what) !== null
      }),
    )
  })

  it('the reach of a list is where the action is allowed', () => {
    fc.assert(
      fc.property(grants, action, (held, what) => {
        const reach = reachOf(holder(held), what)
        if (ACTIONS[what].at !== 'sites') return true
        return SITES.every(where => {
          if (where.at !== 'site') return true
          const listed = reach === 'all' || reach.sites.has(where.site) || reach.regions.has(where.region ?? '')
          return listed === can(held, what, where)
        })
      }),
    )
  })

  it('nobody both publishes and plans, approves or starts', () => {
    for (const { role, side } of ROLES) {
      const maker = roleAllows(role, 'publish')
      const operator = (['plan', 'approve', 'start'] as const).some(what => roleAllows(role, what))
      assert.ok(!(maker && operator), role)
      assert.equal(side, maker ? 'maker' : operator ? 'operator' : side)
    }
    for (const what of ['plan', 'start'] as const) {
      for (const role of ROLE_NAMES)
        assert.ok(!(roleAllows(role, what) && roleAllows(role, 'approve')), `${role}: ${what}`)
    }
  })

  it('whoever may nothing is told which role would', () => {
    const refusal = mayDo(holder([]), 'approve', SITES[0]!)
    assert.deepEqual(
      [refusal?.code, refusal?.subject, refusal?.expected, refusal?.actual],
      ['role-missing', 'ada: approve at site quay', 'approver, for site quay', 'no role'],
    )
    const elsewhere = mayDo(holder([{ role: 'planner', scope: { at: 'region', region: 'nl' } }]), 'plan', FLEET)
    assert.equal(elsewhere?.expected, 'planner, for the whole fleet')
  })

  it('what somebody is told that they may do is what they may do, everywhere', () => {
    fc.assert(
      fc.property(grants, fc.option(grants), fc.boolean(), action, place, (held, narrowed, disabled, asked, where) => {
        const holder = { id: 'ada', disabled, grants: held, narrowed }
        const told = mayTable(holder)[asked]
        const reaches = (text: string): boolean => {
          if (text === 'fleet') return true
          if (where.at === 'fleet') return false
          return text === `site:${where.site}` || (where.region !== null && text === `region:${where.region}`)
        }
        const letIn = mayDo(holder, asked, where) === null
        // A token for a site of one's region is not told of: the table knows no regions of sites. It promises nothing more.
        if (told.some(reaches)) assert.ok(letIn, `${asked}: ${told.join(', ')}`)
        else if (narrowed === null) assert.ok(!letIn, `${asked}: ${told.join(', ')}`)
        if (disabled) assert.deepEqual(told, [])
      }),
    )
  })
})
