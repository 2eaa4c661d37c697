import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { World } from '../../../sim/doors/world.ts'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { inflateNode } from '../../../src/adapters/inflate-node.ts'
import { missingFrom } from '../../../src/apps/cli/pack-completeness.ts'
import { toHex, utf8 } from '../../../src/core/encoding/bytes.ts'
import { readZip, unpack } from '../../../src/core/encoding/zip.ts'
import { noWitness } from '../../../src/core/ledger/log-policy.ts'
import { PACK_LIMITS } from '../../../src/core/ledger/pack/layout.ts'
import { readManifest } from '../../../src/core/ledger/pack/manifest.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { logKey } from '../../core/ledger/keys.ts'
import { campaignEntries, filesOf, packOf, zipOf } from '../../worlds/evidence-log.ts'
import { voltseal } from '../../worlds/people.ts'
import { image, QUAY } from '../../worlds/quay.ts'
import { rest, started } from '../../worlds/started.ts'

const root = join(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'voltseal-evidence-'))
const at = (name: string): string => join(folder, name)
const verifier = at('verifier')

// A process of its own: a build sets up its surroundings for itself.
before(() => execFileSync(process.execPath, [join(root, 'scripts/build-verifier.ts'), verifier], { stdio: 'pipe' }))
after(() => rmSync(folder, { recursive: true, force: true }))

const script = (...argv: string[]): { status: number | null; stdout: string } =>
  spawnSync(process.execPath, [join(verifier, 'verify.mjs'), ...argv], { encoding: 'utf8', cwd: folder })

/** Takes away what Node.js 20 to 24 do not have of what bytes can. */
const OLDER = `data:text/javascript,${encodeURIComponent(
  'for (const name of ["fromHex", "fromBase64"]) delete Uint8Array[name];' +
    'for (const name of ["toHex", "toBase64", "setFromHex", "setFromBase64"]) delete Uint8Array.prototype[name]',
)}`
const olderScript = (...argv: string[]): { status: number | null; stdout: string } => {
  const options = { encoding: 'utf8', cwd: folder } as const
  return spawnSync(process.execPath, ['--import', OLDER, join(verifier, 'verify.mjs'), ...argv], options)
}

/** Turns one byte of the first file of that name over, in a way that only its content shows. */
function tamper(file: string, name: string, to: string): void {
  const zip = new Uint8Array(readFileSync(file))
  const members = readZip(zip, PACK_LIMITS)
  assert.ok(Array.isArray(members))
  const files = new Map(members.map(one => [one.name, unpack(one, inflateNode) as Uint8Array]))
  const text = new TextDecoder().decode(files.get(name))
  const changed = text.replace('bms', 'pcs')
  assert.notEqual(changed, text)
  writeFileSync(to, zipOf(files.set(name, utf8(changed))))
}

describe('evidence packs of a fleet server', () => {
  let world: World
  let key = ''
  const ask = async (...argv: string[]) => {
    const { exit, json, said } = await voltseal(world, ['evidence', ...argv])
    return { exit, said, json: json as Record<string, unknown> }
  }
  const made = (file: string, ...more: string[]) => ask('export', '-o', at(file), '--verifier', verifier, ...more)

  before(async () => {
    world = await started(QUAY, async fresh => {
      await fresh.reported()
      await rest(fresh)
      await fresh.publish(await fresh.release('bms', '1.1.0', image(2)))
      await fresh.campaign('spring', ['bms/1.1.0/envelope.suit'])
      return fresh
    })
    key = ((await world.must('audit', 'export', at('log'))) as { key: string }).key
  })
  after(() => world?.stop())

  test('the log seals a pack, and every verifier says so', async () => {
    const { exit, json, said } = await made('site.zip', '--site', 'quay')
    assert.equal(exit, 0, said)
    assert.equal(typeof json.sealed, 'number')
    const verified = await ask('verify', at('site.zip'), '--fleet')
    assert.equal(verified.exit, 0, verified.said)
    assert.deepEqual([verified.json.sound, verified.json.searched], [true, true])
    assert.equal(olderScript(at('site.zip'), '--key', key).stdout, script(at('site.zip'), '--key', key).stdout)
    const { status, stdout } = script(at('site.zip'), '--key', key)
    assert.equal(status, 0, stdout)
    assert.match(stdout, /VERIFIED\n/)
    assert.match(stdout, new RegExp(`entry ${json.sealed}, .* by person:`))
  })

  test('what was taken out is in the log: by whom, what was asked for, and the digest', async () => {
    const { json } = await made('again.zip', '--release', 'bms/1.1.0')
    await made('log.zip', '--period', '2000-01-01/')
    const files = membersOf(at('log.zip'))
    const events = JSON.parse(new TextDecoder().decode(files.get('events.json'))) as {
      index: number
      entry: { kind: string; detail: { manifest: string; query: { release: string } } }
    }[]
    const seal = events.find(({ index }) => index === json.sealed)?.entry
    assert.equal(seal?.kind, 'evidence-exported')
    assert.equal(seal?.detail.manifest, toHex(crypto.sha256(membersOf(at('again.zip')).get('pack.json') as Uint8Array)))
    assert.match(seal?.detail.query.release ?? '', /^[0-9a-f]{64}$/)
  })

  test('a pack is not written over another file: it may be the only one, and the log would seal one more', async () => {
    const before = readFileSync(at('site.zip'))
    assert.equal((await made('site.zip', '--site', 'quay')).exit, 73)
    assert.ok(readFileSync(at('site.zip')).equals(before))
  })

  test('attack: a table and a report that were changed after the seal', async () => {
    tamper(at('site.zip'), 'events.csv', at('csv.zip'))
    const forged = script(at('csv.zip'), '--key', key, '--json')
    assert.deepEqual([forged.status, codesIn(forged.stdout)], [20, ['pack-csv-changed']])
    tamper(at('site.zip'), 'events.json', at('json.zip'))
    assert.deepEqual(codesIn(olderScript(at('json.zip'), '--key', key, '--json').stdout), ['pack-event-forged'])
    assert.deepEqual(codesIn(script(at('json.zip'), '--key', key, '--json').stdout), ['pack-event-forged'])
    assert.equal((await ask('verify', at('csv.zip'))).exit, 20)
  })

  test('from a copy of the log: not sealed, and said so', async () => {
    const { exit, json } = await made('copy.zip', '--log', at('log'), '--key', key, '--site', 'quay')
    assert.deepEqual([exit, json.sealed], [0, null])
    assert.deepEqual(codesIn(script(at('copy.zip'), '--key', key, '--json').stdout), ['pack-unsealed'])
    const taken = script(at('copy.zip'), '--key', key, '--events-only')
    assert.equal(taken.status, 0)
    assert.match(taken.stdout, /EVENTS VERIFIED, and nothing but its own word vouches for the report/)
    assert.equal((await ask('verify', at('copy.zip'), '--events-only', '--log', at('log'), '--key', key)).exit, 0)
  })

  test('without a key nothing is called verified', () => {
    const { status, stdout } = script(at('site.zip'))
    assert.equal(status, 20)
    assert.match(stdout, /NOT VERIFIED: 1 finding; \d+ of \d+ events are proven, by the pack’s own key/)
  })

  test('attack: who may not read the log takes nothing out, and seals nothing', async () => {
    const profile = world.profileOf('approver-0')
    const { exit, said } = await made('none.zip', '--site', 'quay', '--profile', profile)
    assert.equal(exit, 77, said)
    await made('later.zip', '--period', '2000-01-01/')
    const events = new TextDecoder().decode(membersOf(at('later.zip')).get('events.csv'))
    const lines = events.split('\r\n')
    // The attempt itself is in the log, by who made it.
    const refused = lines.filter(line => line.includes(',access-refused,')).at(-1) ?? ''
    const who = /person:[0-9a-f]{64}/.exec(refused)?.[0] ?? assert.fail(refused)
    const sealed = lines.filter(line => line.includes(',evidence-exported,'))
    assert.ok(sealed.length > 0)
    assert.ok(!sealed.some(line => line.includes(who)))
  })

  test('where no file can be written nothing is sealed, and a site that is in no event is named', async () => {
    const sealed = async (file: string) => Number((await made(file, '--period', '2000-01-01/')).json.sealed)
    const before = await sealed('before.zip')
    mkdirSync(at('folder.zip'))
    for (const file of ['folder.zip', 'site.zip/inside.zip']) {
      const { exit, said } = await made(file, '--site', 'quay')
      assert.equal(exit, 73, said)
      assert.match(said, /file-exists/)
    }
    assert.equal(await sealed('behind.zip'), before + 1)
    const { exit, said } = await made('named.zip', '--site', 'quay', 'quai')
    assert.equal(exit, 0)
    assert.match(said, /No event is of the site quai:/)
    assert.doesNotMatch(said, /of the site quay:/)
  })

  test('on a disk that is full nothing is sealed, and nothing is left there', async t => {
    const sealed = async (file: string) => Number((await made(file, '--period', '2000-01-01/')).json.sealed)
    const before = await sealed('before-full.zip')
    const { bytes } = (await made('size.zip', '--site', 'quay')).json as { bytes: number }
    mkdirSync(at('disk'))
    // The first has no room for the draft, the second none for the pack beside it.
    for (const kib of [16, Math.floor((bytes * 1.5) / 1024)]) {
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'none', at('disk')], { stdio: 'ignore' })
      } catch {
        return t.skip('this user may not mount a small disk')
      }
      try {
        const { said } = await made('disk/full.zip', '--site', 'quay')
        assert.match(said, /no-space/)
        assert.deepEqual(readdirSync(at('disk')), [])
      } finally {
        execFileSync('umount', [at('disk')])
      }
    }
    assert.equal(await sealed('behind-full.zip'), before + 2, 'one for size.zip, and this one')
  })

  test('what is asked wrongly, or is not there', async () => {
    const { exit, said } = await made('none.zip', '--period', 'spring')
    assert.equal(exit, 64, said)
    assert.equal((await made('not.zip', '--release', 'bms/9.9.9')).exit, 66)
    const unbuilt = await ask('export', '-o', at('none.zip'), '--verifier', at('nothing'))
    assert.match(unbuilt.said, /npm run build:verifier/)
    const older = at('older')
    cpSync(verifier, older, { recursive: true })
    const sources = JSON.parse(readFileSync(join(older, 'sources.json'), 'utf8')) as Record<string, string>
    const path = 'src/core/ledger/entry-kinds.ts'
    assert.ok(path in sources && Object.keys(sources).length > 20)
    writeFileSync(join(older, 'sources.json'), JSON.stringify({ ...sources, [path]: 'a'.repeat(64) }))
    const stale = await ask('export', '-o', at('none.zip'), '--verifier', older)
    assert.match(stale.said, /one from before src\/core\/ledger\/entry-kinds\.ts changed/)
  })

  test('the report is a PDF that keeps its letters, and the page can reach nothing', () => {
    const report = Buffer.from(membersOf(at('site.zip')).get('report.pdf') as Uint8Array).toString('latin1')
    assert.match(report, /^%PDF-1\.7/)
    assert.match(report, /pdfaid:part>2</)
    const page = readFileSync(join(verifier, 'verify.html'), 'utf8')
    assert.match(
      page,
      /content="default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'"/,
    )
    assert.equal(page.match(/<script/g)?.length, 1)
    assert.doesNotMatch(page, /\son\w+="|\sstyle="|@import|\ssrc="|<link/)
    const inside = /<script>([\s\S]*)<\/script>/.exec(page)?.[1] as string
    assert.ok(page.includes(`sha256-${Buffer.from(crypto.sha256(utf8(inside))).toString('base64')}`))
  })
})

const codesIn = (json: string): string[] =>
  (JSON.parse(json) as { findings: { code: string }[] }).findings.map(({ code }) => code)

function membersOf(file: string): Map<string, Uint8Array> {
  const members = readZip(new Uint8Array(readFileSync(file)), PACK_LIMITS)
  assert.ok(Array.isArray(members))
  return new Map(members.map(one => [one.name, unpack(one, inflateNode) as Uint8Array]))
}

describe('what was left out', () => {
  const entries = campaignEntries({ sites: 2, controllers: 2, months: 1 })
  const policy = noWitness(logKey(1))

  test('attack: events are left out when the pack is made', async () => {
    const pack = await packOf({ entries, query: { sites: ['harbour-2'] } })
    const manifest = orThrow(readManifest(pack.get('pack.json') as Uint8Array))
    const files = filesOf(entries)
    const again = (one: typeof manifest) => missingFrom(files, policy, one, crypto, () => {})
    assert.deepEqual(orThrow(await again(manifest)), [])
    const [first, second, ...rest] = manifest.events
    const left = orThrow(await again({ ...manifest, events: rest }))
    assert.deepEqual(
      left.map(({ code }) => code),
      ['pack-incomplete'],
    )
    assert.equal(left[0]?.actual, `entries ${first}, ${second} left out`)
    const counts = { ...manifest.counts, 'controller-failed': { log: 0, cited: 0 } }
    assert.deepEqual(
      orThrow(await again({ ...manifest, counts })).map(({ code }) => code),
      ['pack-counts-wrong'],
    )
  })

  test('attack: the search was made in another log', async () => {
    const pack = await packOf({ entries })
    const manifest = orThrow(readManifest(pack.get('pack.json') as Uint8Array))
    const other = filesOf([...entries.slice(0, 3), ...entries.slice(4), ...entries.slice(0, 9)])
    const found = await missingFrom(other, policy, manifest, crypto, () => {})
    assert.equal('code' in found && found.code, 'log-forked')
  })
})
