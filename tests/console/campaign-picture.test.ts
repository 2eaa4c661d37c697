import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { browserCrypto } from '../../console/crypto-browser.ts'
import { atRisk, changesOf, commandLine, signedNow, wayBackOf } from '../../console/picture/approving.ts'
import { courseOf, type GateState, ticksOf } from '../../console/picture/course.ts'
import { laterOf, NOTHING_LATER } from '../../console/picture/dry-run.ts'
import { bodyOf, ordersOf, unfit } from '../../console/picture/orders.ts'
import { askedOf } from '../../console/picture/passkey-draft.ts'
import {
  documentOf,
  emptyForm,
  emptyWave,
  faultText,
  fileOf,
  lineRange,
  type PlanForm,
  placeOf,
} from '../../console/picture/plan-form.ts'
import { shortly } from '../../console/picture/shortly.ts'
import { parsePlanFile } from '../../src/core/campaign/plan-file.ts'
import { toBase64Url } from '../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow, refuse, sentence } from '../../src/core/refusal/refusal.ts'
import { challengeFor } from '../../src/core/trust/assertion.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import type { CampaignDetail, WaitingPlan } from '../../src/wire/plan-views.ts'

const H = 3_600_000
const T = Date.UTC(2027, 2, 1)
const at = (hours: number): number => T + hours * H

const PLAN = {
  waves: [1, 4].map((controllers, wave) => ({
    name: `wave-${wave}`,
    soakMillis: H,
    gate: { minSuccessPercent: 95, maxFailures: 1 },
    controllers,
  })),
} as never

const campaign = (change: Partial<CampaignDetail>): CampaignDetail =>
  ({
    id: 'spring',
    state: 'running',
    wave: 1,
    waves: 2,
    createdAt: at(-2),
    notAfter: at(500),
    deadline: null,
    since: at(0),
    course: [],
    planned: [
      { opens: at(0), through: at(1), judged: at(2) },
      { opens: at(2), through: at(5), judged: at(6) },
    ],
    outline: null,
    gates: [[], []],
    tallies: [
      { name: 'canary', counts: { total: 1, confirmed: 0 } },
      { name: 'rest', counts: { total: 4, confirmed: 1, failed: 1, withdrawn: 2 } },
    ],
    commands: [],
    ...change,
  }) as unknown as CampaignDetail

const passage = (state: string, wave: number | null, hours: number) => ({ at: state, wave, since: at(hours) })

describe('a campaign on its time axis', () => {
  const course = [
    passage('approved', null, -1),
    passage('running', 1, 0),
    passage('soaking', 1, 1.5),
    passage('running', 2, 2.5),
    passage('paused', 2, 3),
    passage('running', 2, 4),
  ]

  test('has what was of each wave, planned and real, and goes on while it runs', () => {
    const { rows, from, to, now } = courseOf(campaign({ wave: 2, course }), PLAN, at(5))
    assert.deepEqual(
      rows.map(({ actual }) =>
        actual.map(one => [one.at, (one.from - T) / H, one.to === null ? null : (one.to - T) / H]),
      ),
      [
        [
          ['running', 0, 1.5],
          ['soaking', 1.5, 2.5],
        ],
        [
          ['running', 2.5, 3],
          ['paused', 3, 4],
          ['running', 4, null],
        ],
      ],
    )
    assert.deepEqual(
      rows.map(({ gate }) => [gate.state, ((gate.at ?? 0) - T) / H]),
      [
        ['passed', 2.5],
        ['ahead', 6],
      ],
    )
    assert.deepEqual([now, from < at(0), to > at(6)], [at(5), true, true])
  })

  test('measures over threshold without those that need nothing of it any more', () => {
    const [, rest] = courseOf(campaign({ wave: 2, course }), PLAN, at(5)).rows
    assert.deepEqual(rest?.gate.confirmed, { is: 50, asked: 95 })
    assert.deepEqual(rest?.gate.failed, { is: 1, most: 1 })
    assert.equal(courseOf(campaign({}), null, at(5)).rows[0]?.gate.confirmed, null, 'while the plan is not known')
  })

  test('a wave that is late has its gate no earlier than it can be judged', () => {
    const { rows, to } = courseOf(campaign({ wave: 1, course: [passage('running', 1, 0)] }), PLAN, at(9))
    assert.deepEqual(
      rows.map(({ gate }) => gate.at),
      [at(10), at(10)],
    )
    assert.ok(to > at(10))
  })

  const gates: readonly (readonly [name: string, change: Partial<CampaignDetail>, states: readonly GateState[]])[] = [
    ['that waits', { state: 'created', wave: 0 }, ['ahead', 'ahead']],
    [
      'that soaks',
      { state: 'soaking', course: [passage('running', 1, 0), passage('soaking', 1, 1)] },
      ['soaking', 'ahead'],
    ],
    ['that its gate holds', { state: 'paused', wave: 2, course }, ['passed', 'held']],
    ['that was halted', { state: 'halted', wave: 2, course }, ['passed', 'failed']],
    ['that was halted before it began', { state: 'halted', wave: 0 }, ['ahead', 'ahead']],
    [
      'that is done',
      { state: 'done', wave: 2, course: [...course, passage('soaking', 2, 6), passage('done', null, 7)] },
      ['passed', 'passed'],
    ],
    ['that was rolled back from its first wave', { state: 'rolled-back', wave: 1 }, ['failed', 'ahead']],
    ['of an older server that is done', { state: 'done', wave: 2 }, ['passed', 'passed']],
  ]
  for (const [name, change, states] of gates) {
    test(`the gates of one ${name}`, () => {
      const { rows } = courseOf(campaign(change), PLAN, at(8))
      assert.deepEqual(
        rows.map(({ gate }) => gate.state),
        states,
      )
    })
  }

  test('a deadline that is far off does not make everything small', () => {
    assert.equal(courseOf(campaign({ deadline: at(400) }), PLAN, at(1)).deadline, null)
    assert.equal(courseOf(campaign({ deadline: at(7) }), PLAN, at(1)).deadline, at(7))
  })

  test('the axis has at most seven marks, in order, at whole times', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60_000, max: 400 * 24 * H }),
        fc.integer({ min: 0, max: 10 * H }),
        (span, begin) => {
          const ticks = ticksOf(T + begin, T + begin + span)
          assert.ok(ticks.length <= 8)
          assert.ok(ticks.every((one, index) => index === 0 || one.at > (ticks[index - 1]?.at ?? 0)))
        },
      ),
    )
    assert.deepEqual(
      ticksOf(at(-3), at(30)).map(({ text }) => text),
      ['03-01', '06:00', '12:00', '18:00', '03-02', '06:00'],
    )
  })
})

describe('the buttons of a campaign', () => {
  const why = sentence(refuse('campaign-not-paused', 'spring: x', 'a campaign that can resume', 'one that is running'))
  const commands = [
    { command: 'halt', possible: true, reason: true, partly: false, code: null, why: null },
    { command: 'resume', possible: false, reason: false, partly: false, code: 'campaign-not-paused', why },
    { command: 'roll-back', possible: true, reason: true, partly: true, code: null, why: null },
    { command: 'constructor', possible: true, reason: false, partly: false, code: null, why: null },
  ]
  const buttons = ordersOf({ id: 'spring', commands })

  test('are those that the server names; one that is not possible says why in a sentence', () => {
    assert.deepEqual(
      buttons.map(({ label, why, typed }) => [label, why, typed]),
      [
        ['Halt', null, 'spring'],
        ['Resume', 'The campaign is not paused.', null],
        ['Roll back', null, null],
        ['constructor', null, null],
      ],
    )
  })

  test('a halt takes the typed name and no question more; a roll-back its reason', () => {
    const [halt, , back] = buttons
    assert.equal(unfit(halt!, { typed: ' spring ', reason: '' }), null)
    assert.match(unfit(halt!, { typed: 'sprin', reason: 'x' }) ?? '', /spring/)
    assert.notEqual(unfit(back!, { typed: '', reason: ' ' }), null)
    assert.deepEqual(bodyOf(back!, ' noisy '), { command: 'roll-back', reason: 'noisy', partly: true })
    assert.match(JSON.stringify(bodyOf(halt!, '')), /without a reason given/)
  })

  test('what a role lacks is said; what is no refusal stays as it is', () => {
    const missing = sentence(refuse('role-missing', 'tim: halt', 'operator, for the whole fleet', 'no role'))
    assert.match(shortly('role-missing', missing), /\(it takes operator, for the whole fleet\)\.$/)
    assert.equal(shortly(null, 'The campaign is paused already.'), 'The campaign is paused already.')
    assert.equal(shortly('odd', 'nothing of ours'), 'nothing of ours')
  })
})

describe('the form of a new campaign', () => {
  const form: PlanForm = {
    ...emptyForm,
    id: 'spring',
    title: 'Spring',
    changeRequest: 'CHG-1',
    criticality: 'security',
    releases: ['bms/7.28.0/envelope.suit', 'bms/7.28.1/envelope.suit'],
    regions: 'nl-west, de',
    classes: 'bms pcs',
    versions: 'bms <7.28, pcs 4.1.0..4.2.0',
    waves: [
      { ...emptyWave, name: 'canary', take: 'perClass', amount: '1', soak: '24h', success: '100', failures: '0' },
      { ...emptyWave, name: 'coast', take: 'sites', amount: 'harbour quay' },
      { ...emptyWave, name: 'rest' },
    ],
    days: ['mon', 'tue'],
    budgetSite: '1.5MW',
    budgetFleet: '100MW',
    restarting: '2',
    deadline: '2027-03-25T00:00:00Z',
    timeout: '2h',
    stop: '10',
    wayBack: 'bms/7.28.0/envelope.suit bms/7.29.0/envelope.suit\n',
  }

  test('writes a plan file that says the same as one by hand, and that the reader takes', () => {
    assert.deepEqual(JSON.parse(fileOf(form)), {
      id: 'spring',
      title: 'Spring',
      changeRequest: 'CHG-1',
      criticality: 'security',
      validFor: '7d',
      releases: form.releases,
      select: {
        regions: ['nl-west', 'de'],
        classes: ['bms', 'pcs'],
        versions: { bms: '<7.28', pcs: '4.1.0..4.2.0' },
      },
      waves: [
        { name: 'canary', take: { perClass: 1 }, soak: '24h', gate: { success: 100, failures: 0 } },
        { name: 'coast', take: { sites: ['harbour', 'quay'] } },
        { name: 'rest', take: 'rest' },
      ],
      deadline: { at: '2027-03-25T00:00:00Z' },
      timeout: '2h',
      abort: { failures: 10 },
      wayBack: [{ of: 'bms/7.28.0/envelope.suit', to: 'bms/7.29.0/envelope.suit' }],
      rules: {
        windows: [{ days: ['mon', 'tue'], from: '22:00', to: '04:00' }],
        budgets: [
          { per: 'site', watts: '1.5MW' },
          { per: 'fleet', watts: '100MW' },
        ],
        restarting: 2,
      },
    })
    const read = orThrow(parsePlanFile(documentOf(form), 'the form'))
    assert.deepEqual([read.waves.length, read.rules.restarting, read.rules.budgets[0]?.watts], [3, 2, 1_500_000])
  })

  test('the form as it is opened lacks its name and its releases, and nothing else', () => {
    const read = parsePlanFile(documentOf(emptyForm), 'the form')
    assert.ok(isRefusal(read) && /at id$|at releases$/.test(read.actual), JSON.stringify(read))
    assert.ok(!isRefusal(parsePlanFile(documentOf({ ...emptyForm, id: 'a', releases: ['b'] }), 'the form')))
  })

  test('what was typed wrong goes to the server as it was typed, which says what is wrong', () => {
    for (const change of [
      { restarting: 'two' },
      { versions: 'bms' },
      { budgetSite: 'much' },
      { wayBack: 'bms/7.28.0/envelope.suit' },
      { deadline: 'in March' },
      { waves: [{ ...emptyWave, name: 'x', take: 'count', amount: '' } as const] },
    ]) {
      const read = parsePlanFile(documentOf({ ...form, ...change }), 'the form')
      assert.ok(isRefusal(read), JSON.stringify(change))
    }
  })

  test('the place of a fault is read, and its line found', () => {
    const detail = sentence(refuse('plan-file-malformed', 'the plan:4:26', 'a number', '0 at waves[0]'))
    assert.deepEqual(placeOf(detail), { line: 4, column: 26 })
    assert.match(faultText(detail), /^the plan file does not say/)
    assert.equal(placeOf('harbour: the plan:4:26'), null)
    const text = 'one\ntwo\n\nfour'
    assert.deepEqual(
      [1, 2, 3, 4, 9].map(line => text.slice(...lineRange(text, line))),
      ['one', 'two', '', 'four', ''],
    )
  })
})

describe('the further sites of a dry run', () => {
  const run = { of: 'aa', at: 1_800_000_000_000, entriesSince: 0 }

  test('of the very same one, and nothing happened: nothing is said', () => {
    assert.deepEqual(laterOf(run, run, 'quay', NOTHING_LATER), NOTHING_LATER)
  })

  test('so much has happened since', () => {
    const { anew, since } = laterOf(run, { ...run, entriesSince: 14 }, 'quay', NOTHING_LATER)
    assert.equal(anew, null)
    assert.match(since ?? '', /^As the fleet was at .* UTC\. The log has got 14 entries since/)
  })

  test('of another one: which sites those are stays said', () => {
    const other = { of: 'bb', at: 1_800_000_060_000, entriesSince: 0 }
    const first = laterOf(run, other, 'quay', NOTHING_LATER)
    assert.match(
      first.anew ?? '',
      /^The server had forgotten the dry run above\. The sites behind quay are of a new one/,
    )
    const second = laterOf(other, { ...other, entriesSince: 1 }, 'reef', first)
    assert.equal(second.anew, first.anew)
    assert.match(second.since ?? '', /one entry since/)
  })
})

describe('what an approver reads', () => {
  const release = (path: string, version: string, back: string | null = null) => ({
    path,
    class: 'bms',
    version,
    counter: 1,
    criticality: 'feature',
    sha256: '',
    sbom: null,
    provenance: null,
    back,
  })
  const plan = (change: Partial<WaitingPlan>): WaitingPlan =>
    ({ id: 'spring', controllers: 5, outline: null, releases: [release('a', '2.0.0')], ...change }) as WaitingPlan
  const outline = (watts: readonly number[]): WaitingPlan['outline'] =>
    ({
      waves: watts.map(one => ({ watts: one, wattsAtOnce: one / 2 })),
      changes: [{ class: 'bms', from: '1.0.0', to: '2.0.0', via: [], controllers: 5 }],
    }) as never

  test('what becomes of what, with the release behind it', () => {
    const [change] = changesOf(plan({ outline: outline([4]) }))
    assert.deepEqual([change?.from, change?.to, change?.release?.path], ['1.0.0', '2.0.0', 'a'])
    const [older] = changesOf(plan({}))
    assert.deepEqual([older?.from, older?.to, older?.controllers], ['', '2.0.0', 5], 'of an older server')
  })

  test('the power at risk: the largest wave at once, and all of them together', () => {
    assert.deepEqual(atRisk({ outline: outline([4, 10]) }), { atOnce: 5, inAll: 14 })
    assert.equal(atRisk({ outline: null }), null)
  })

  test('the way back: of all that is installed, of some of it, or none', () => {
    const undo = release('a-again', '2.0.1')
    assert.equal(wayBackOf(plan({ releases: [release('a', '2.0.0', 'a-again'), undo] })), 'all')
    assert.equal(wayBackOf(plan({ releases: [release('a', '2.0.0', 'a-again'), undo, release('b', '3.0.0')] })), 'some')
    assert.equal(wayBackOf(plan({})), 'none')
  })

  test('attack: a comment that ends the quotes of the command line and goes on as another command', () => {
    for (const comment of [
      "it's fine",
      "'; touch owned; '",
      '$(touch owned)',
      '`id`',
      'two\nlines\\',
      '--key other',
      "''",
    ]) {
      const line = commandLine('spring', comment).replace('voltseal', 'printf "%s\\n"')
      const words = execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8' }).split('\n')
      const said = comment.replaceAll(/\s+/g, ' ').trim()
      assert.deepEqual(words, ['campaign', 'approve', 'spring', '--key', 'KEY', '--reason', said, ''])
    }
    assert.equal(commandLine('spring', ' '), 'voltseal campaign approve spring --key KEY')
  })

  test('who has signed is told what it is worth, and of a passkey too many what is missing', () => {
    const signer = { account: 'anna', keyid: 'a', at: null, reason: null }
    const signed = (others: number, have: number, approved = false) =>
      signedNow({ id: 'spring', signers: Array(others).fill(signer) }, { have, need: 2, approved })
    assert.equal(signed(0, 1), 'Your signature of spring counts: 1 of 2.')
    assert.match(signed(1, 1), /never approve alone: 2 have signed, which is worth 1 of 2\. What is missing/)
    assert.equal(signed(2, 2, true), 'The plan spring is approved.')
  })
})

test('attack: markup in what somebody else has written: no source of the console makes markup of a text', () => {
  const root = join(import.meta.dirname, '../../console')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    file => /\.tsx?$/.test(file) && !/^(?:dist|node_modules)\//.test(file),
  )
  assert.ok(files.length > 40)
  const makes =
    /dangerouslySetInnerHTML|\.(?:inner|outer)HTML|insertAdjacentHTML|document\.write|setHTML|createContextualFragment|DOMParser|srcdoc|javascript:/i
  assert.deepEqual(
    files.filter(file => makes.test(readFileSync(join(root, file), 'utf8'))),
    [],
  )
})

describe('what a passkey is asked to sign', () => {
  const digest = 'ab'.repeat(32)
  const signed = { targets: { 'campaigns/spring.json': { length: 4, hashes: { sha256: digest } } } }
  const challenge = toBase64Url(challengeFor(signableBytes(signed), browserCrypto))
  const passkey = {
    keyid: '0'.repeat(64),
    credentialId: 'AAAA',
    rpId: 'localhost',
    origin: 'http://localhost',
    challenge,
  }
  const draft = { signed, need: 2, have: [], counted: 0, void: [], passkeys: [passkey] }
  const asked = (change: object, plan = { id: 'spring', digest }) =>
    askedOf({ ...draft, ...change } as never, plan, browserCrypto)

  test('is the challenge of the draft that pins the plan on the page', () => {
    assert.equal(asked({}), passkey)
    assert.match(String(asked({ passkeys: [] })), /None of your passkeys/)
  })

  test('attack: a draft that pins another plan than the one on the page', () => {
    assert.match(String(asked({}, { id: 'spring', digest: 'cd'.repeat(32) })), /another plan/)
    assert.match(String(asked({}, { id: 'autumn', digest })), /another plan/)
    assert.match(String(asked({ signed: { targets: JSON.parse('{"__proto__":{}}') } })), /another plan/)
  })

  test('attack: a challenge of something else than the draft', () => {
    const other = { ...passkey, challenge: toBase64Url(challengeFor(signableBytes({}), browserCrypto)) }
    assert.match(String(asked({ passkeys: [other] })), /nothing is signed/)
  })
})
