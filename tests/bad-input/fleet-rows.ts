import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { voltseal } from '../worlds/people.ts'
import { quay } from '../worlds/quay.ts'
import { copied, enrolWith, fleetInit, gatewayInit, newer, type Place, plan, publish, secondFleet } from './place.ts'
import type { Row } from './rows.ts'

/** What is wrong with names, folders, or the machine. */
export const FLEET_ROWS: readonly Row<Place>[] = [
  // Names.
  {
    name: 'an unknown controller in a plan',
    code: 'plan-controller-unknown',
    exit: 66,
    subject: /^quay\/bms-9$/,
    expected: /^a registered controller, SITE\/CONTROLLER$/,
    actual: /^an unknown one at select\.controllers\[0\]$/,
    logged: 1,
    meet: place => plan(place, 'good', 'quay/bms-9'),
  },
  {
    name: 'an unknown controller that is asked about',
    code: 'controller-unknown',
    exit: 65,
    subject: /^quay\/bms-9$/,
    expected: /^a registered controller$/,
    actual: /^none of that name$/,
    meet: ({ world }) => voltseal(world, ['controller', 'show', 'quay/bms-9']),
  },
  {
    name: 'an unknown controller in an enrolment',
    code: 'controller-unknown',
    exit: 65,
    subject: /^quay\/bms-9$/,
    expected: /^a controller of the site$/,
    actual: /^none of that id$/,
    logged: 1,
    meet: place => enrolWith(place, 'stranger', requests => [...requests, { ...requests[0]!, id: 'bms-9' }]),
  },
  {
    name: 'a controller that asked for nothing',
    code: 'controller-missing',
    exit: 65,
    subject: /^quay\/bms-2$/,
    expected: /^a request of every controller$/,
    actual: /^none of this one$/,
    logged: 1,
    meet: place => enrolWith(place, 'missing', requests => requests.slice(0, 1)),
  },
  {
    name: 'two controllers with one id in site.yaml',
    code: 'site-controller-duplicate',
    exit: 65,
    subject: /twice\.yaml/,
    expected: /./,
    actual: /bms-1/,
    meet: ({ world }) => {
      const site = quay() as { controllers: object[] }
      writeFileSync(
        world.at('twice.yaml'),
        JSON.stringify({ ...site, controllers: [...site.controllers, site.controllers[0]] }),
      )
      return gatewayInit(world, 'twice.yaml', 'twice')
    },
  },
  {
    name: 'two controllers with one id in an enrolment',
    code: 'controller-duplicate',
    exit: 65,
    subject: /^quay\/bms-1$/,
    expected: /^one device$/,
    actual: /^two requests under the same id$/,
    logged: 1,
    meet: place => enrolWith(place, 'duplicate', requests => [...requests, requests[0]!]),
  },
  {
    name: 'two controllers with one report key',
    code: 'enrolment-key-shared',
    exit: 20,
    subject: /^quay\/bms-2$/,
    expected: /^a report key of its own$/,
    actual: /^the key of bms-1$/,
    logged: 1,
    meet: place =>
      enrolWith(place, 'shared', ([first, second]) => [first!, { ...second!, reportKey: first!.reportKey }]),
  },
  {
    name: 'a controller that comes with another report key',
    code: 'enrolment-key-changed',
    exit: 20,
    subject: /^quay\/bms-1$/,
    expected: /^the key it was registered with$/,
    actual: /^another one$/,
    logged: 1,
    meet: place =>
      enrolWith(place, 'changed', ([first, second]) => [{ ...first!, reportKey: second!.reportKey }, second!]),
  },
  {
    name: 'a report key that is none',
    code: 'enrolment-key-malformed',
    exit: 65,
    subject: /^quay\/bms-1$/,
    expected: /^an ECDSA P-256 key/,
    actual: /^something else$/,
    logged: 1,
    meet: place => enrolWith(place, 'nokey', ([first, second]) => [{ ...first!, reportKey: 'AAAA' }, second!]),
  },
  {
    name: 'a gateway that comes with another key',
    code: 'enrolment-key-changed',
    exit: 20,
    subject: /^the gateway of quay$/,
    expected: /^the key it was registered with$/,
    actual: /^another one$/,
    logged: 1,
    meet: async ({ world }) => {
      await gatewayInit(world, 'site.yaml', 'other-gateway')
      return voltseal(world, [
        'site',
        'enrol',
        '--gateway',
        world.at('other-gateway'),
        '--controllers',
        world.at('site'),
      ])
    },
  },
  {
    name: 'a gateway folder of the wrong site',
    code: 'site-mismatch',
    exit: 78,
    subject: /mixed$/,
    expected: /^one site$/,
    actual: /^quay in the config, quay in site\.yaml, reef in the enrolment$/,
    meet: ({ world }) => {
      const folder = copied(world, 'gateway', 'mixed')
      const issued = readFileSync(`${folder}/issued.json`, 'utf8').replace('"site": "quay"', '"site": "reef"')
      writeFileSync(`${folder}/issued.json`, issued)
      return voltseal(world, ['gateway', 'serve', folder])
    },
  },
  // The machine.
  ...(['fleet', 'gateway'] as const).map(
    (kind): Row<Place> => ({
      name: `a clock before the build date: ${kind} serve`,
      code: 'clock-before-build',
      exit: 78,
      subject: /^the clock of this machine$/,
      expected: /^a time after 20\d\d-/,
      actual: /^1970-01-/,
      meet: ({ world }) => voltseal(world, [kind, 'serve', world.at(kind)], { skew: -Date.now() }),
    }),
  ),
  {
    name: 'a clock before the build date: publish',
    code: 'clock-before-build',
    exit: 78,
    subject: /^the clock of this machine$/,
    expected: /^a time after 20\d\d-/,
    actual: /^1970-01-/,
    meet: ({ world }) => voltseal(world, publish(world, world.at('bms-1.9.0.release')), { skew: -Date.now() }),
  },
  {
    name: 'a port in use: fleet serve',
    code: 'port-in-use',
    exit: 69,
    subject: /^127\.[\d.]+:8443$/,
    expected: /^a free port$/,
    actual: /^another program that listens there$/,
    meet: async ({ world }) => {
      await secondFleet(world)
      return voltseal(world, ['fleet', 'serve', world.at('second')])
    },
  },
  {
    name: 'a port in use: gateway serve',
    code: 'port-in-use',
    exit: 69,
    subject: /^127\.[\d.]+:8443$/,
    expected: /^a free port$/,
    actual: /^another program that listens there$/,
    meet: ({ world }) => {
      const folder = copied(world, 'gateway', 'collides')
      const text = readFileSync(`${folder}/gateway.yaml`, 'utf8').replace('port: 8444', 'port: 8443')
      writeFileSync(`${folder}/gateway.yaml`, text)
      return voltseal(world, ['gateway', 'serve', folder])
    },
  },
  {
    name: 'a data folder of a newer version: fleet serve',
    code: 'data-folder-newer',
    exit: 78,
    subject: /second\/fleet\.sqlite$/,
    expected: /^a data version of at most \d+$/,
    actual: /^version 99$/,
    meet: async ({ world }) => {
      await secondFleet(world)
      return newer(world, 'fleet', 'second/fleet.sqlite', 'second')
    },
  },
  {
    name: 'a data folder of a newer version: gateway serve',
    code: 'data-folder-newer',
    exit: 78,
    subject: /future\/gateway\.sqlite$/,
    expected: /^a data version of at most \d+$/,
    actual: /^version 99$/,
    meet: ({ world }) => {
      copied(world, 'gateway', 'future')
      return newer(world, 'gateway', 'future/gateway.sqlite', 'future')
    },
  },
  {
    name: 'a data folder that another process serves',
    code: 'data-folder-in-use',
    exit: 75,
    subject: /fleet\.sqlite$/,
    expected: /no other process serves/,
    actual: /^a lock held by another one$/,
    meet: ({ world }) => voltseal(world, ['fleet', 'serve', world.at('fleet')]),
  },
  {
    name: 'a database that is none',
    code: 'data-folder-damaged',
    exit: 74,
    subject: /damaged\/gateway\.sqlite$/,
    expected: /^a readable Voltseal database$/,
    actual: /not a database/,
    meet: ({ world }) => {
      const folder = copied(world, 'gateway', 'damaged')
      for (const name of ['-wal', '-shm', '']) writeFileSync(`${folder}/gateway.sqlite${name}`, 'x'.repeat(8192))
      return voltseal(world, ['gateway', 'serve', folder])
    },
  },
  {
    name: 'a damaged enrolment of a gateway',
    code: 'config-malformed',
    exit: 78,
    subject: /torn\/issued\.json$/,
    expected: /^what site enrol wrote$/,
    actual: /^something else$/,
    meet: ({ world }) => {
      const folder = copied(world, 'gateway', 'torn')
      writeFileSync(`${folder}/issued.json`, '{"site": "quay", ')
      return voltseal(world, ['gateway', 'serve', folder])
    },
  },
  {
    name: 'a threshold that the approvers cannot meet',
    code: 'role-unsatisfiable',
    exit: 65,
    subject: /^targets$/,
    expected: /^a threshold from 1 to 1$/,
    actual: /^2$/,
    meet: async ({ world }) => {
      const ended = await fleetInit(world, 'never', '--approval-threshold', '2')
      assert.ok(!existsSync(world.at('never')), 'nothing is left in the way of the next try')
      return ended
    },
  },
  // Text that is meant to be something else.
  {
    name: 'a campaign name that climbs out of its place',
    code: 'not-found',
    exit: 66,
    subject: /^campaign \.\.\/controllers$/,
    expected: /^a name of a-z/,
    actual: /^something else$/,
    meet: ({ world }) => voltseal(world, ['campaign', 'show', '../controllers']),
  },
  {
    name: 'a release path of two lines',
    code: 'plan-file-malformed',
    exit: 65,
    subject: /^the plan$/,
    expected: /^one line of 1 to 512 characters/,
    actual: /approved" at releases\[0\]$/,
    logged: 1,
    meet: async ({ world }) => {
      const met = await voltseal(world, [
        'campaign',
        'create',
        '--id',
        'bad',
        '--release',
        'bms/1.0.0\n\u001b[31mapproved',
      ])
      assert.ok(!met.said.includes('\u001b'), 'no escape sequence reaches the terminal')
      // The rest of the sentence is judged on the refusal itself: on the terminal it is cleaned.
      return met.refusal ?? met
    },
  },
]
