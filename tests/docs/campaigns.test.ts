import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import Value from 'typebox/value'
import { locate, readLocated } from '../../src/apps/process/located-file.ts'
import type { Draft, PlanSources } from '../../src/core/campaign/draft.ts'
import { parsePlanFile, planFileSchema } from '../../src/core/campaign/plan-file.ts'
import { previewOf } from '../../src/core/campaign/preview.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow, sentence } from '../../src/core/refusal/refusal.ts'
import { isRefusalCode } from '../../src/core/refusal/registry.ts'
import { draftOf, releaseOf, siteOf, sourcesOf, v } from '../core/campaign/fleets.ts'

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/campaigns.md'), 'utf8')
const [LEAST = '', EXAMPLE = ''] = [...GUIDE.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text)
const folder = mkdtempSync(join(tmpdir(), 'voltseal-plan-'))
const path = join(folder, 'spring.yaml')
writeFileSync(path, EXAMPLE)

/** A coast of three sites with racks of two BMS and a PCS, as the example speaks of. */
const FLEET = ['dune', 'harbour', 'pier'].map(site =>
  siteOf(
    site,
    [1, 2, 3, 4].flatMap(rack => [
      { id: `bms-${rack}a`, rack: `r${rack}`, circle: `c${rack}`, version: '7.20.0' },
      { id: `bms-${rack}b`, rack: `r${rack}`, circle: `c${rack}`, version: '7.20.0' },
      { id: `pcs-${rack}`, class: 'pcs', rack: `r${rack}`, circle: `c${rack}`, version: '4.1.0' },
    ]),
  ),
)
const SOURCES: PlanSources = {
  ...sourcesOf([
    releaseOf('bms/7.28.0/envelope.suit', { version: v('7.28.0') }),
    releaseOf('pcs/4.2.0/envelope.suit', {
      class: 'pcs',
      hardware: ['essentialhub'],
      version: v('4.2.0'),
      dependencies: [{ class: 'bms', min: v('7.28.0') }],
    }),
    releaseOf('pcs/4.2.1/envelope.suit', {
      class: 'pcs',
      hardware: ['essentialhub'],
      version: v('4.2.1'),
      sequence: 3,
    }),
  ]),
  createdAt: instant(Date.UTC(2027, 1, 20)),
}

describe('docs/campaigns.md', () => {
  after(() => rmSync(folder, { recursive: true }))

  it('has an example that can be planned as it stands', () => {
    const file = orThrow(readLocated(path))
    assert(Value.Check(planFileSchema() as never, file.value), 'the schema takes it')
    const draft: Draft = orThrow(draftOf(orThrow(parsePlanFile(file.value, path)), FLEET, SOURCES))
    assert.deepEqual(draft.passedOver, [])
    assert.deepEqual(
      draft.waves.map(({ name, turns, brought }) => [name, turns.length, brought]),
      [
        ['canary', 3, 1],
        ['two-racks', 18, 0],
        ['quarter', 9, 0],
        ['rest', 6, 0],
      ],
    )
    assert.equal(draft.plan.membership === 'fixed' ? -1 : draft.plan.membership.wave, 3)
    const [dune] = previewOf(draft, 10).sites
    assert.equal(dune?.windows?.[0]?.localFrom, 'Mon 2027-03-01 22:00')
    assert.equal(dune?.windows?.[1]?.localFrom, 'Tue 2027-03-02 23:00', 'behind the blackout of the market')
    assert.deepEqual([...new Set(dune?.steps.map(({ order, class: of }) => `${order} ${of}`))], ['0 bms', '1 pcs'])
  })

  it('says what a plan has that its file leaves out', () => {
    const least = join(folder, 'least.yaml')
    writeFileSync(least, LEAST)
    const request = orThrow(parsePlanFile(orThrow(readLocated(least)).value, least))
    const stated = new Map([...GUIDE.matchAll(/^\| `([a-zA-Z]+)`[^|]* \| (.*) \|$/gm)].map(([, of, as]) => [of, as]))
    const { criticality, priority, end, retry, waves, stones, timeoutMillis, title, id } = request
    assert.equal(title, id)
    assert.match(stated.get('criticality') ?? '', new RegExp(`^\`${criticality}\``))
    assert.equal(stated.get('priority'), String(priority))
    assert.deepEqual([stated.get('notAfter')?.split('.')[0], end], ['7 days from now', { afterMillis: 7 * 86_400_000 }])
    assert.equal(stated.get('steppingStones'), `\`${stones}\``)
    assert.deepEqual([stated.get('timeout'), timeoutMillis], ['1 hour', 3_600_000])
    assert.deepEqual([stated.get('retry'), retry.retries, retry.backOffMillis], ['one more try, at once', 1, 0])
    for (const wave of waves) {
      assert.deepEqual([stated.get('soak'), wave.soakMillis], ['10 minutes', 600_000])
      assert.deepEqual(
        [stated.get('gate'), wave.gate],
        ['all confirmed, none failed', { minSuccessPercent: 100, maxFailures: 0 }],
      )
    }
  })

  it('tells of line and column as it says', () => {
    writeFileSync(path, EXAMPLE.replace('racks: 2', 'racks: 0'))
    const file = orThrow(readLocated(path))
    const refused = parsePlanFile(file.value, path)
    assert(isRefusal(refused))
    const line = EXAMPLE.split('\n').findIndex(text => text.includes('racks: 2')) + 1
    assert.equal(locate(refused, path, file).subject, `${path}:${line}:13`)
    assert.match(sentence(refused), /expected a whole number from 1 to 4000000; got 0 at waves\[1\]\.take\.racks/)
    writeFileSync(path, 'id: a\nwaves: [\n')
    const broken = readLocated(path)
    assert(isRefusal(broken))
    assert.match(broken.subject, /spring\.yaml:\d+:\d+$/)
  })

  it('names codes that exist', () => {
    const table = GUIDE.slice(GUIDE.indexOf('## When a plan is refused'))
    const codes = [...table.matchAll(/^\|.*\| (.*) \|$/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([a-z-]+)`/g)].map(([, code = '']) => code),
    )
    assert(codes.length > 15)
    for (const code of codes) assert(isRefusalCode(code), code)
  })
})
