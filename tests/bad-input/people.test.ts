import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { ask, configOf, log, standing, voltseal } from '../worlds/people.ts'
import { image, QUAY, quay } from '../worlds/quay.ts'
import { ended, rest, started } from '../worlds/started.ts'
import { judge, type Row } from './rows.ts'

/** What was made once for all rows: a fleet at rest, whose racks run 1.1.0 with a floor of 2. */
type Place = { readonly world: World; readonly releases: Readonly<Record<string, string>> }

const DAY = 86_400_000
const HEX = /^[0-9a-f]{64}$/

const create = (world: World, file: string, out: string): string[] => [
  ...['release', 'create', '--image', file, '--out', world.at(out)],
  ...['--vendor', 'voltworks.example', '--class', 'bms', '--hardware', 'primehub', '--version', '9.0.0'],
  ...['--sequence', '9000000'],
]

const publish = (world: World, folder: string, key = 'release'): string[] => [
  'publish',
  folder,
  '--key',
  world.at('keys', key),
]

const plan = ({ world, releases }: Place, release: string, controller = 'quay/bms-1') =>
  voltseal(world, ['campaign', 'create', '--id', 'bad', '--release', releases[release]!, '--controller', controller])

/** A copy of a release folder with one byte of one of its files changed. */
function changed(world: World, name: string, file: string, offset: number): string {
  const folder = world.at(`${name}.release`)
  cpSync(world.at('bms-1.9.0.release'), folder, { recursive: true })
  const bytes = readFileSync(`${folder}/${file}`)
  const at = offset < 0 ? bytes.length + offset : offset
  bytes[at] = bytes[at]! ^ 0x01
  writeFileSync(`${folder}/${file}`, bytes)
  return folder
}

/** A copy of a folder that nobody serves. */
function copied(world: World, from: string, to: string): string {
  const folder = world.at(to)
  for (const name of ['-wal', '-shm'])
    assert.ok(!existsSync(`${world.at(from)}/${from}.sqlite${name}`) || from === 'fleet')
  cpSync(world.at(from), folder, { recursive: true })
  return folder
}

const ROWS: readonly Row<Place>[] = [
  // The image.
  {
    name: 'a missing image',
    code: 'file-missing',
    exit: 66,
    subject: /nowhere\.bin$/,
    expected: /^a file$/,
    actual: /^none of that name$/,
    meet: ({ world }) => voltseal(world, create(world, world.at('nowhere.bin'), 'bad.release')),
  },
  {
    name: 'an image that cannot be read',
    code: 'file-unreadable',
    exit: 66,
    subject: /keys$/,
    expected: /^a regular file$/,
    actual: /^something else$/,
    meet: ({ world }) => voltseal(world, create(world, world.at('keys'), 'bad.release')),
  },
  {
    name: 'an empty image',
    code: 'image-empty',
    exit: 65,
    subject: /empty\.bin$/,
    expected: /^at least one byte$/,
    actual: /^none$/,
    meet: ({ world }) => {
      writeFileSync(world.at('empty.bin'), '')
      return voltseal(world, create(world, world.at('empty.bin'), 'bad.release'))
    },
  },
  {
    name: 'an image larger than the slot',
    code: 'release-larger-than-slot',
    exit: 21,
    subject: /^quay\/bms-1, release bms 1\.5\.0$/,
    expected: /^at most 131072 bytes$/,
    actual: /^200000 bytes$/,
    logged: 1,
    meet: place => plan(place, 'large'),
  },
  {
    name: 'a release of another class',
    code: 'plan-class-mismatch',
    exit: 21,
    subject: /^quay\/bms-1$/,
    expected: /^a release for voltworks\.example bms$/,
    actual: /^voltworks\.example pcs$/,
    logged: 1,
    meet: place => plan(place, 'pcs'),
  },
  {
    name: 'a release for another hardware revision',
    code: 'release-wrong-hardware',
    exit: 21,
    subject: /^quay\/bms-1, release bms 1\.6\.0$/,
    expected: /^primehub$/,
    actual: /^essentialhub$/,
    logged: 1,
    meet: place => plan(place, 'hardware'),
  },
  {
    name: 'a version that is not above the installed one',
    code: 'release-not-newer',
    exit: 21,
    subject: /^quay\/bms-1, release bms 1\.0\.5$/,
    expected: /^a version above 1\.1\.0$/,
    actual: /^1\.0\.5$/,
    logged: 1,
    meet: place => plan(place, 'older'),
  },
  {
    name: 'a counter below the floor',
    code: 'release-below-floor',
    exit: 21,
    subject: /^quay\/bms-1, release bms 1\.7\.0$/,
    expected: /^a counter of at least 2$/,
    actual: /^1$/,
    logged: 1,
    meet: place => plan(place, 'floor'),
  },
  // Signatures and keys.
  {
    name: 'metadata that has expired',
    code: 'metadata-expired',
    exit: 20,
    subject: /^image: timestamp/,
    expected: /before 20\d\d-/,
    actual: /^20\d\d-/,
    meet: ({ world }) => voltseal(world, publish(world, world.at('bms-1.9.0.release')), { skew: 20 * DAY }),
  },
  {
    name: 'an envelope below its threshold of signatures',
    code: 'envelope-below-threshold',
    exit: 20,
    subject: /envelope/,
    expected: /2/,
    actual: /1/,
    meet: ({ world }) => {
      const keys = ['--key', world.at('keys', 'firmware.pub'), '--key', world.at('keys', 'release.pub')]
      return voltseal(world, ['verify', world.at('bms-1.9.0.release'), ...keys, '--threshold', '2'])
    },
  },
  {
    name: 'a plan below its threshold of approvals',
    code: 'campaign-not-approved',
    exit: 21,
    subject: /half/,
    expected: /./,
    actual: /./,
    logged: 1,
    meet: ({ world }) => voltseal(world, ['campaign', 'start', 'half']),
  },
  {
    name: 'an unknown key that publishes',
    code: 'signer-not-in-role',
    exit: 65,
    subject: /keys\/approver-0$/,
    expected: /^a key of the image repository: [0-9a-f]{64}$/,
    actual: HEX,
    meet: ({ world }) => voltseal(world, publish(world, world.at('bms-1.9.0.release'), 'approver-0')),
  },
  {
    name: 'an unknown key that approves',
    code: 'approval-key-unknown',
    exit: 20,
    subject: /^the approval of half by key [0-9a-f]{16}$/,
    expected: /^a key of the approvers$/,
    actual: /^another one$/,
    logged: 1,
    meet: ({ world }) => voltseal(world, ['campaign', 'approve', 'half', '--key', world.at('keys', 'release')]),
  },
  {
    name: 'an unknown key that signed the firmware',
    code: 'envelope-signers-unknown',
    exit: 20,
    subject: /^bms\/1\.8\.0\/envelope\.suit: /,
    expected: /./,
    actual: /./,
    logged: 1,
    meet: ({ world }) => voltseal(world, publish(world, world.at('stranger.release'))),
  },
  // Changed bytes.
  {
    name: 'a changed byte in the manifest of an envelope',
    code: 'envelope-digest-mismatch',
    exit: 20,
    subject: /envelope|manifest/,
    expected: /./,
    actual: /./,
    meet: ({ world }) => voltseal(world, publish(world, changed(world, 'manifest', 'envelope.suit', -20))),
  },
  {
    name: 'a changed byte in the signature of an envelope',
    code: 'envelope-signature-invalid',
    exit: 20,
    subject: /^bms\/1\.9\.0\/envelope\.suit: /,
    expected: /./,
    actual: /./,
    logged: 1,
    meet: ({ world }) => voltseal(world, publish(world, changed(world, 'signature', 'envelope.suit', 150))),
  },
  {
    name: 'a changed byte in the payload',
    code: 'image-digest-mismatch',
    exit: 20,
    subject: /^image of bms 1\.9\.0$/,
    expected: HEX,
    actual: HEX,
    meet: ({ world }) => voltseal(world, publish(world, changed(world, 'payload', 'payload.bin', 20_000))),
  },
  // Names.
  {
    name: 'an unknown controller in a plan',
    code: 'plan-controller-unknown',
    exit: 66,
    subject: /^quay\/bms-9$/,
    expected: /^a registered controller, SITE\/CONTROLLER$/,
    actual: /^an unknown one$/,
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
    code: 'plan-release-unknown',
    exit: 66,
    subject: /^bms\/1\.0\.0\s.*approved$/,
    expected: /^a published release$/,
    actual: /^none of that path$/,
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

type Request = { readonly id: string; readonly csr: string; readonly reportKey: string }

async function enrolWith({ world }: Place, name: string, change: (requests: Request[]) => Request[]) {
  const { controllers } = configOf(world.at('site', 'enrolment.json')) as { controllers: Request[] }
  mkdirSync(world.at(name), { recursive: true })
  writeFileSync(world.at(name, 'enrolment.json'), JSON.stringify({ controllers: change(controllers) }))
  const ended = await voltseal(world, [
    'site',
    'enrol',
    '--gateway',
    world.at('gateway'),
    '--controllers',
    world.at(name),
  ])
  assert.ok(!existsSync(world.at(name, 'issued.json')), 'nothing was issued')
  return ended
}

const gatewayInit = (world: World, site: string, folder: string) => {
  const where = ['--fleet', `https://${world.host}:8443`, '--host', world.host, '--port', '8444']
  return voltseal(world, ['gateway', 'init', world.at(folder), '--site', world.at(site), ...where])
}

function fleetInit(world: World, folder: string, ...more: string[]) {
  const keys = ['--firmware-key', world.at('keys', 'firmware.pub'), '--release-key', world.at('keys', 'release')]
  const rest = ['--approver-key', world.at('keys', 'approver-0'), '--host', world.host, ...more]
  return voltseal(world, ['fleet', 'init', world.at(folder), ...keys, ...rest])
}

async function secondFleet(world: World): Promise<void> {
  if (existsSync(world.at('second'))) return
  assert.equal((await fleetInit(world, 'second')).exit, 0)
}

async function newer(world: World, kind: string, file: string, folder: string) {
  const database = new DatabaseSync(world.at(file))
  database.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version = 99; PRAGMA journal_mode = DELETE')
  database.close()
  const before = readFileSync(world.at(file))
  const ended = await voltseal(world, [kind, 'serve', world.at(folder)])
  assert.ok(before.equals(readFileSync(world.at(file))), 'no byte of the database was changed')
  return ended
}

async function fill(world: World): Promise<Place> {
  await world.reported()
  const counter = (n: number): string[] => ['--counter', String(n)]
  const [raised] = await world.publish(await world.release('bms', '1.1.0', image(2), ...counter(2)))
  await world.campaign('raise', [raised!])
  await ended(world, 'raise')
  // From here on nothing happens by itself: every change is the row's.
  await rest(world)
  const folders = {
    large: await world.release('bms', '1.5.0', image(3, 200_000), ...counter(2)),
    pcs: await world.release('pcs', '1.5.0', image(4), ...counter(2)),
    hardware: await releaseFor(world, 'hardware', '1.6.0', 'firmware', 'essentialhub'),
    older: await world.release('bms', '1.0.5', image(6), ...counter(2)),
    floor: await world.release('bms', '1.7.0', image(7), ...counter(1)),
    good: await world.release('bms', '1.7.5', image(8), ...counter(2)),
  }
  const paths = await world.publish(...Object.values(folders))
  await world.release('bms', '1.9.0', image(9), ...counter(2))
  // Signed well, by somebody whom this fleet does not know.
  await world.must('key', 'generate', world.at('keys', 'stranger'))
  await releaseFor(world, 'stranger', '1.8.0', 'stranger')
  const releases = Object.fromEntries(Object.keys(folders).map((name, index) => [name, paths[index]!]))
  await world.must('campaign', 'create', '--id', 'half', '--release', releases.good!, '--controller', 'quay/bms-2')
  await world.must('campaign', 'approve', 'half', '--key', world.at('keys', 'approver-0'))
  return { world, releases }
}

/** A release for a hardware revision, signed by a key of the folder of keys. */
async function releaseFor(world: World, name: string, version: string, key: string, hardware = 'primehub') {
  const [file, folder] = [world.at(`${name}.bin`), world.at(`${name}.release`)]
  writeFileSync(file, image(version.length + name.length))
  const argv = create(world, file, `${name}.release`)
  const words: Readonly<Record<string, string>> = { '9.0.0': version, primehub: hardware }
  await world.must(...argv.map(word => words[word] ?? word), '--counter', '2')
  await world.must('sign', folder, '--key', world.at('keys', key))
  return folder
}

describe('bad input, where a person meets it', () => {
  let place: Place
  before(async () => {
    place = await started(QUAY, fill)
  })
  after(() => place?.world.stop())

  for (const row of ROWS) {
    it(`${row.name}: ${row.code}`, async () => {
      const { world } = place
      const [was, entries] = [await standing(world), await log(world)]
      judge(row, await row.meet(place))
      assert.deepEqual(await standing(world), was, 'nothing is published, planned or ordered')
      const more = (await log(world)).slice(entries.length)
      assert.deepEqual(
        more.map(({ kind, code }) => [kind, code]),
        Array.from({ length: row.logged ?? 0 }, () => ['access-refused', row.code]),
        'the log says of the attempt, and of nothing else',
      )
      assert.ok(!existsSync(world.at('bad.release')), 'no half release')
    })
  }

  it('after all of it the log verifies, and the next good input is taken', async () => {
    const { world } = place
    assert.equal(((await world.must('audit', 'verify')) as { sound: boolean }).sound, true)
    const [path] = await world.publish(world.at('bms-1.9.0.release'))
    const known = (await ask<{ path: string }[]>(world, '/v1/releases')).map(release => release.path)
    assert.ok(known.includes(path!))
  })

  it('what ran when a turn began is kept: the view says from which version', async () => {
    const view = (await place.world.must('campaign', 'show', 'raise')) as {
      controllers: { from: string; to: string }[]
    }
    assert.deepEqual(
      view.controllers.map(({ from, to }) => [from, to]),
      [
        ['1.0.0', '1.1.0'],
        ['1.0.0', '1.1.0'],
      ],
    )
  })
})
