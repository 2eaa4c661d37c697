import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeRandom } from '../../../src/adapters/random-node.ts'
import { initGateway } from '../../../src/apps/gateway/init.ts'
import {
  addSitePerson,
  disableSitePerson,
  forgetSitePerson,
  listSitePeople,
  type SitePersonView,
  setSitePassword,
} from '../../../src/apps/gateway/people.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { MOST_SITE_PEOPLE } from '../../../src/core/fleet/site-people.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { commandLine } from '../../worlds/command-line.ts'
import { ISSUED } from '../../worlds/issued-gateway.ts'
import { quay } from '../../worlds/quay.ts'
import { CHEAP, SITE_PASSWORD } from '../../worlds/site-page.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-people-'))
const folder = join(root, 'gateway')
const list = join(folder, 'people.json')
const clock = { now: () => instant(1_800_000_000_000), quality: 'simulated' } as const
const tools = { passwords: CHEAP, random: nodeRandom, clock }
const add = (name: string, password = SITE_PASSWORD) =>
  addSitePerson(folder, { name, role: 'technician', password }, tools)
const codeOf = (result: object | Refusal): string | null => (isRefusal(result) ? (result as Refusal).code : null)
const states = (): string[] => orThrow(listSitePeople(folder)).map(one => `${one.name} ${one.role} ${one.standing}`)

describe('who a person at a gateway lets in', () => {
  before(async () => {
    writeFileSync(join(root, 'site.yaml'), JSON.stringify(quay()))
    const where = { fleet: 'https://127.0.0.1:8443', host: '127.0.0.1', port: 8444, poll: 1000, maxRestarting: 1 }
    const nobody = async () => assert.fail('no key is opened')
    orThrow(await initGateway(folder, { site: join(root, 'site.yaml'), ...where, consolePort: 8446 }, nobody))
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  it('gateway init --console-port writes where the page listens: this machine alone', () => {
    assert.match(
      readFileSync(join(folder, 'gateway.yaml'), 'utf8'),
      /console:\n {2}host: 127\.0\.0\.1\n {2}port: 8446\n/,
    )
  })

  it('nobody, at first, before the fleet knows the site too', () => {
    assert.deepEqual(states(), [])
    writeFileSync(join(folder, 'issued.json'), JSON.stringify(ISSUED))
    assert.deepEqual(states(), [])
  })

  it('a folder that is no gateway’s is refused', () => {
    assert.equal(codeOf(listSitePeople(root)), 'file-missing')
  })

  it('somebody is let in: the file is for its owner alone, and holds no password', async () => {
    const ida = orThrow(await add('ida')) as SitePersonView
    assert.deepEqual([ida.name, ida.role, ida.standing], ['ida', 'technician', 'in force'])
    assert.match(ida.account, /^person:[0-9a-f]{64}$/)
    assert.equal(statSync(list).mode & 0o777, 0o600)
    const text = readFileSync(list, 'utf8')
    assert.ok(!text.includes(SITE_PASSWORD) && text.includes('$scrypt$'))
  })

  it('a weak password, a name that is none, and one that is there already are refused, and change nothing', async () => {
    const before = readFileSync(list, 'utf8')
    for (const [name, password, code] of [
      ['ole', 'short', 'password-weak'],
      ['ole', 'aaaaaaaaaaaaaaaaaaaa', 'password-weak'],
      ['lovisa', 'the one of lovisa herself', 'password-weak'],
      ['../ole', SITE_PASSWORD, 'usage-error'],
      ['Ole', SITE_PASSWORD, 'usage-error'],
      ['ida', SITE_PASSWORD, 'site-person-exists'],
    ] as const) {
      assert.equal(codeOf(await add(name, password)), code, name)
    }
    const change = { name: 'nobody', password: SITE_PASSWORD }
    assert.equal(codeOf(await setSitePassword(folder, change, tools)), 'site-person-missing')
    assert.equal(codeOf(disableSitePerson(folder, 'nobody', clock)), 'site-person-missing')
    assert.equal(codeOf(forgetSitePerson(folder, 'nobody')), 'site-person-missing')
    assert.equal(readFileSync(list, 'utf8'), before)
  })

  it('two commands at once lose nothing of each other', async () => {
    await Promise.all([
      add('ole'),
      add('per'),
      setSitePassword(folder, { name: 'ida', password: SITE_PASSWORD }, tools),
    ])
    assert.deepEqual(states(), ['ida technician in force', 'ole technician in force', 'per technician in force'])
  })

  it('who is shut out has no password any more, keeps their pseudonym, and comes in again with a new one', async () => {
    const before = orThrow(listSitePeople(folder)).find(({ name }) => name === 'ole')
    const out = orThrow(disableSitePerson(folder, 'ole', clock)) as SitePersonView
    assert.deepEqual([out.standing, out.account], ['shut out', before?.account])
    const written = JSON.parse(readFileSync(list, 'utf8')) as { people: { name: string; password: unknown }[] }
    assert.equal(written.people.find(({ name }) => name === 'ole')?.password, null)
    const again = orThrow(await setSitePassword(folder, { name: 'ole', password: SITE_PASSWORD }, tools))
    assert.deepEqual([again.standing, again.account], ['in force', before?.account])
  })

  it('who is forgotten leaves no salt: let in anew, they are somebody else to the log', async () => {
    const { account } = orThrow(forgetSitePerson(folder, 'per'))
    assert.doesNotMatch(readFileSync(list, 'utf8'), /"per"/)
    const anew = orThrow(await add('per')) as SitePersonView
    assert.notEqual(anew.account, account)
  })

  it(`no more than ${MOST_SITE_PEOPLE}`, async () => {
    for (let n = states().length; n < MOST_SITE_PEOPLE; n += 1) orThrow(await add(`p${n}`))
    assert.equal(codeOf(await add('onemore')), 'site-people-full')
  })

  it('the command line takes the password from a file of mode 600 or the keyboard, and never from its arguments', async () => {
    const file = join(root, 'password')
    writeFileSync(file, `${SITE_PASSWORD}\n`, { mode: 0o644 })
    const args = ['gateway', 'account', 'password', folder, 'ida', '--password-file', file, '--json']
    const readable = await commandLine(args)
    assert.match(readable.out, /secret-file-permissions/)
    rmSync(file)
    writeFileSync(file, `${SITE_PASSWORD}\n`, { mode: 0o600 })
    const done = await commandLine(args)
    assert.equal(done.exit, 0, done.err)
    assert.ok(!`${done.out}${done.err}`.includes(SITE_PASSWORD) && !done.out.includes('scrypt'))
    const shown = await commandLine(['gateway', 'account', 'list', folder])
    assert.equal(shown.exit, 0)
    assert.match(shown.out, /ida +technician +in force/)
    assert.doesNotMatch(shown.out, /scrypt/)
  })
})
