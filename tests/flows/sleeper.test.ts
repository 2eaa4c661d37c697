import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { readConfig } from '../../src/adapters/config-file.ts'
import { isRefusalCode } from '../../src/core/refusal/registry.ts'
import type { AnchorsView, ControllerView } from '../../src/wire/fleet-views.ts'
import { commandLine } from '../worlds/command-line.ts'
import { log } from '../worlds/people.ts'
import { QUAY } from '../worlds/quay.ts'
import { ended, started } from '../worlds/started.ts'

/**
 * Two rotations of the key that signs firmware, over fleet server, gateway and controllers, while one controller is
 * without power; and the way on which it gets there afterwards. The gateway was enrolled with the first key alone.
 */
describe('a controller that slept through two rotations of the firmware key', () => {
  let world: World
  const kids: Record<string, string> = {}
  const SLEEPER = 'quay/bms-2'
  before(async () => {
    world = await started(QUAY, async made => {
      await made.reported()
      return made
    })
    for (const name of ['b', 'c']) await world.must('key', 'generate', key(name))
    for (const name of ['a', 'b', 'c']) {
      const shown = (await world.must('key', 'show', `${key(name)}.pub`)) as { kid: string }
      kids[name] = shown.kid
    }
  })
  after(() => world?.stop())

  const key = (name: string): string => world.at('keys', name === 'a' ? 'firmware' : name)

  /** Makes, signs and publishes a release; answers its target path. */
  async function publish(version: string, by: string, ...more: string[]): Promise<string> {
    const [image, folder] = [world.at(`${version}.bin`), world.at(`${version}.release`)]
    writeFileSync(image, new Uint8Array(700).fill(Number(version[0])))
    const facts = ['--vendor', 'voltworks.example', '--class', 'bms', '--hardware', 'primehub', '--version', version]
    const health = ['--sequence', `${Number(version[0]) * 2_000_000}`, '--health-window', '300ms']
    await world.must('release', 'create', '--image', image, ...facts, ...health, '--out', folder, ...more)
    await world.must('sign', folder, '--key', key(by))
    return (await world.publish(folder))[0] as string
  }

  const controller = (name: string): Promise<ControllerView> => world.must('controller', 'show', name) as never
  const anchors = (): Promise<AnchorsView> => world.must('fleet', 'anchors') as never
  const having = (view: AnchorsView, name: string) => view.anchors.find(({ kid }) => kid === kids[name])

  async function update(id: string, release: string, ...more: string[]): Promise<void> {
    await world.campaign(id, [release], '--timeout', '30s', ...more)
    const view = await ended(world, id)
    assert.deepEqual(
      [view.state, view.controllers.map(({ state }) => state)],
      ['done', ['confirmed']],
      JSON.stringify(view),
    )
  }

  /** A campaign that must not come to be; answers the code of the refusal, and all that was said. */
  async function refused(id: string, release: string, ...more: string[]): Promise<[code: string, said: string]> {
    const options = ['--id', id, '--release', release, ...more]
    const { exit, json, said } = await world.run('campaign', 'create', ...options)
    assert.notEqual(exit, 0)
    const { code } = json as { code: string }
    assert.ok(isRefusalCode(code))
    return [code, said + JSON.stringify(json)]
  }

  const releases: string[] = []

  it('sleeps while the others go from key a to b, and from b to c', async () => {
    await world.stopSite()
    world.startSite('bms-2')
    const awake = ['--controller', 'quay/bms-1']
    releases.push(await publish('2.0.0', 'a', '--add-anchor', `${key('b')}.pub`))
    await update('add-b', releases[0] as string, ...awake)
    releases.push(await publish('3.0.0', 'b', '--retire-anchor', `${key('a')}.pub`, '--counter', '1'))
    await update('retire-a', releases[1] as string, ...awake)
    // What the gateway learned of key b is in its store: it is there after a start.
    await world.gateway?.close()
    await world.startGateway()
    releases.push(await publish('4.0.0', 'b', '--add-anchor', `${key('c')}.pub`, '--counter', '1'))
    await update('add-c', releases[2] as string, ...awake)
    releases.push(await publish('5.0.0', 'c', '--retire-anchor', `${key('b')}.pub`, '--counter', '2'))
    await update('retire-b', releases[3] as string, ...awake)
    assert.deepEqual((await controller('quay/bms-1')).anchors, [kids.c])
    assert.deepEqual((await controller(SLEEPER)).anchors, [kids.a])
  })

  it('shows in the share of the fleet that has each key: nobody takes the old key for done with', async () => {
    const view = await anchors()
    const [a, b, c] = ['a', 'b', 'c'].map(name => having(view, name))
    assert.deepEqual(a, {
      kid: kids.a,
      recognised: true,
      acceptedBy: view.controllers - 1,
      only: a?.only,
      lacking: ['quay/bms-1'],
    })
    assert.ok(a?.only.includes(SLEEPER))
    assert.deepEqual([b?.acceptedBy, b?.recognised], [0, true])
    assert.deepEqual([c?.acceptedBy, c?.only, c?.lacking.includes(SLEEPER)], [1, ['quay/bms-1'], true])
    assert.deepEqual([view.unknown, view.undone], [[], []])
    for (const { sites } of view.roots) assert.deepEqual(sites, [{ site: 'quay', newest: 1, trusted: 1 }])
  })

  it('shows it to people in a table, with who lags by name', async () => {
    const env = { VOLTSEAL_PROFILE: world.at('fleet', 'profile', 'profile.yaml') }
    const { exit, out } = await commandLine(['fleet', 'anchors'], { env, clock: systemClock })
    assert.equal(exit, 0)
    const row = (name: string): string =>
      out.split('\n').find(line => line.startsWith((kids[name] as string).slice(0, 16))) ?? ''
    assert.match(row('a'), /yes +1 of 2 +50 % +quay\/bms-1 +quay\/bms-2$/)
    assert.match(row('b'), /yes +0 of 2 +0 % +quay\/bms-1, quay\/bms-2 +–$/)
    assert.match(row('c'), /yes +1 of 2 +50 % +quay\/bms-2 +quay\/bms-1$/)
    for (const repository of ['image', 'approval', 'director']) {
      assert.match(out, new RegExp(`^${repository} +quay +1 +1$`, 'm'))
    }
  })

  it('is not given a release whose key it does not accept: what comes first is named, in order', async () => {
    await world.stopSite()
    world.startSite()
    const [first, second, third, goal] = releases as [string, string, string, string]
    const [code, said] = await refused('at-once', goal, '--controller', SLEEPER)
    assert.equal(code, 'plan-keys-not-accepted')
    assert.ok(said.includes(`${first}, then ${second}, then ${third}`), said)
  })

  it('gets there in one campaign, a release at a time, each by a key that it accepts by then', async () => {
    await update('back', releases[3] as string, '--controller', SLEEPER, '--stepping')
    const entries = await log(world)
    const confirmed = entries.flatMap(({ kind, controller: id, detail }) => {
      const { event, version } = detail as { event?: string; version?: string }
      return kind === 'controller-report' && id === 'bms-2' && event === 'confirmed' ? [version] : []
    })
    assert.deepEqual(confirmed, ['2.0.0', '3.0.0', '4.0.0', '5.0.0'])
    const given = entries.filter(({ kind, campaign }) => kind === 'controller-assigned' && campaign === 'back')
    assert.deepEqual(
      given.map(({ detail }) => (detail as { path: string }).path),
      releases,
    )
    assert.deepEqual((await controller(SLEEPER)).anchors, [kids.c])
    const view = await anchors()
    assert.deepEqual([having(view, 'b')?.acceptedBy, having(view, 'c')?.acceptedBy], [0, 2])
  })

  it('attack: a release by a key that was retired, or by one that nobody vouched for, is not planned', async () => {
    const old = await publish('8.0.0', 'a', '--counter', '2')
    const [code, said] = await refused('by-old', old, '--controller', SLEEPER)
    assert.equal(code, 'plan-key-path-missing')
    assert.ok(said.includes((kids.a as string).slice(0, 16)) && said.includes((kids.c as string).slice(0, 16)), said)
    await world.must('key', 'generate', key('x'))
    await assert.rejects(publish('9.0.0', 'x', '--counter', '2'), /trusted here/)
  })

  it('is over when the old keys are taken out of the config: what only they signed is not given to anybody', async () => {
    const path = world.at('fleet', 'fleet.yaml')
    const shown = (await world.must('key', 'show', `${key('c')}.pub`)) as { kid: string; alg: string; spki: string }
    const { kid, alg, spki } = shown
    const config = readConfig(path) as Record<string, unknown>
    writeFileSync(path, JSON.stringify({ ...config, anchors: [{ kid, alg, spki }] }))
    await world.fleet?.close()
    await world.startFleet()
    const listed = (await world.must('release', 'list')) as { version: string }[]
    assert.deepEqual(
      listed.map(({ version }) => version),
      ['5.0.0'],
    )
    const view = await anchors()
    assert.deepEqual(
      view.anchors.map(one => [one.kid, one.recognised, one.acceptedBy]),
      [[kids.c, true, 2]],
    )
    const [code] = await refused('by-gone', releases[2] as string, '--controller', SLEEPER)
    assert.equal(code, 'envelope-signers-unknown')
  })
})
