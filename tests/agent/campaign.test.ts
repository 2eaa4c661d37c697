import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { parse, stringify } from 'yaml'
import { World } from '../../sim/doors/world.ts'
import { writeWhole } from '../../src/adapters/config-file.ts'
import { killProcessesOf } from '../../src/adapters/processes-linux.ts'
import { readBoardFile } from '../../src/apps/agent/board-file.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { FIRST_AGENT_CONFIG } from '../../src/wire/agent-config.ts'
import type { CampaignView, ControllerView } from '../../src/wire/fleet-views.ts'
import { Undertaker } from '../crash/processes.ts'
import { AgentProcess } from './agent-process.ts'
import { BEHAVIOUR, script } from './bench.ts'

const SITE = {
  site: 'quay',
  name: 'Quay',
  region: 'nl-west',
  zone: 'Europe/Amsterdam',
  vendor: 'voltworks.example',
  gateway: { id: 'quay-gateway' },
  links: [{ id: 'lan', kind: 'ethernet' }],
  classes: { bms: { hardware: 'r1', slot: '256KiB', bootloader: 1 } },
  controllers: [{ id: 'bms-1', class: 'bms', link: 'lan' }],
}

const image = (version: string, work: string, filler = 0): Uint8Array =>
  new TextEncoder().encode(script(version, work, filler))

/** A fleet server, a gateway and a Linux controller, each as it is used, from enrolment on. */
describe('a Linux controller in a fleet', () => {
  const undertaker = new Undertaker()
  let world: World
  let agent: AgentProcess
  let folder: string

  before(async () => {
    world = await World.make({ site: SITE, factory: { bms: image('1.0.0', BEHAVIOUR.works) }, patches: true })
    folder = world.at('board')
    const release = world.at('bms-1.0.0.release')
    await world.must(
      ...['agent', 'init', folder, '--id', 'bms-1', '--site', 'quay', '--vendor', 'voltworks.example'],
      ...['--class', 'bms', '--hardware', 'r1', '--anchor', world.at('keys', 'firmware.pub')],
      ...['--golden', release, '--factory', release, '--slot', '256KiB'],
    )
    const environment = { JOURNAL: world.at('journal') }
    const probes = { 'ems-link': { kind: 'command', run: ['/bin/true'], timeoutMillis: 5_000 } }
    const application = { ...FIRST_AGENT_CONFIG.application, environment, stopMillis: 500, restartMillis: 10 }
    writeWhole(
      agentFiles(folder).config,
      stringify({ ...FIRST_AGENT_CONFIG, trial: { leastWindowMillis: 1, probes: [] }, probes, application }),
    )
    await world.startFleet()
    await world.must('site', 'enrol', '--gateway', world.at('gateway'), '--controllers', folder)
    await world.startGateway()
    agent = new AgentProcess(folder, world.at('log'), undertaker)
    agent.start()
    await world.reported()
  })
  after(async () => {
    await agent.stop()
    await killProcessesOf({ name: 'VOLTSEAL_BOARD', value: orThrow(readBoardFile(folder)).token }, 10_000)
    await undertaker.close()
    await world.stop()
  })

  const campaign = async (id: string, version: string, work: string, filler = 0): Promise<CampaignView> => {
    const paths = await world.publish(await world.release('bms', version, image(version, work, filler)))
    await world.campaign(id, paths)
    const view = async () => (await world.must('campaign', 'show', id)) as CampaignView
    await world.until(`${id} is over`, async () => ['done', 'halted'].includes((await view()).state))
    return view()
  }
  const attested = async (): Promise<ControllerView | undefined> =>
    ((await world.must('controller', 'list')) as ControllerView[])[0]

  it('is updated by a campaign, and attests it', async () => {
    const { state, controllers } = await campaign('first', '1.1.0', BEHAVIOUR.works)
    assert.deepEqual([state, controllers[0]?.state], ['done', 'confirmed'])
    const { version, slot, state: stands } = (await attested()) ?? {}
    assert.deepEqual([version, slot, stands], ['1.1.0', 'b', 'stable'])
  })

  it('goes back from an image that does not work, and the campaign halts for it', async () => {
    const { state } = await campaign('second', '1.2.0', BEHAVIOUR.ends)
    assert.equal(state, 'halted')
    await world.until('it attests what it runs', async () => (await attested())?.version === '1.1.0')
    const { entries } = (await world.must('controller', 'history', 'quay/bms-1')) as { entries: { kind: string }[] }
    assert.ok(entries.some(({ kind }) => kind === 'controller-failed'))
  })

  it('makes its image from what it runs and a patch, over a link on which no full image may come', async () => {
    const path = world.at('gateway', 'gateway.yaml')
    const config = parse(readFileSync(path, 'utf8')) as object
    writeFileSync(path, stringify({ ...config, link: { fullImages: 'never' } }))
    await world.gateway?.close()
    await world.startGateway()
    // The first from nothing, as what runs is a few lines; the second from the first.
    for (const [id, version] of [
      ['third', '1.3.0'],
      ['fourth', '1.4.0'],
    ] as const) {
      const { state, controllers } = await campaign(id, version, BEHAVIOUR.works, 1000)
      assert.deepEqual([state, controllers[0]?.state], ['done', 'confirmed'])
      assert.equal((await attested())?.version, version)
    }
    const totals = agent.events.flatMap(one => (one.event === 'download' ? [Number(one.total)] : []))
    const length = image('1.3.0', BEHAVIOUR.works, 1000).length
    assert.ok(Math.max(...totals.slice(-2)) < length / 10, `${totals} of ${length} bytes`)
  })
})
