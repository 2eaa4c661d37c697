import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { World } from '../../sim/doors/world.ts'
import { configOf, voltseal } from '../worlds/people.ts'
import { image } from '../worlds/quay.ts'
import { ended, rest } from '../worlds/started.ts'

export type Place = { readonly world: World; readonly releases: Readonly<Record<string, string>> }

export const DAY = 86_400_000
export const HEX = /^[0-9a-f]{64}$/

export const create = (world: World, file: string, out: string): string[] => [
  ...['release', 'create', '--image', file, '--out', world.at(out)],
  ...['--vendor', 'voltworks.example', '--class', 'bms', '--hardware', 'primehub', '--version', '9.0.0'],
  ...['--sequence', '9000000'],
]

export const publish = (world: World, folder: string, key = 'release'): string[] => [
  'publish',
  folder,
  '--key',
  world.at('keys', key),
]

export const plan = ({ world, releases }: Place, release: string, controller = 'quay/bms-1') =>
  voltseal(world, ['campaign', 'create', '--id', 'bad', '--release', releases[release]!, '--controller', controller])

/** A copy of a release folder with one byte of one of its files changed. */
export function changed(world: World, name: string, file: string, offset: number): string {
  const folder = world.at(`${name}.release`)
  cpSync(world.at('bms-1.9.0.release'), folder, { recursive: true })
  const bytes = readFileSync(`${folder}/${file}`)
  const at = offset < 0 ? bytes.length + offset : offset
  bytes[at] = bytes[at]! ^ 0x01
  writeFileSync(`${folder}/${file}`, bytes)
  return folder
}

/** A copy of a folder that nobody serves. */
export function copied(world: World, from: string, to: string): string {
  const folder = world.at(to)
  for (const name of ['-wal', '-shm'])
    assert.ok(!existsSync(`${world.at(from)}/${from}.sqlite${name}`) || from === 'fleet')
  cpSync(world.at(from), folder, { recursive: true })
  return folder
}

export type Request = { readonly id: string; readonly csr: string; readonly reportKey: string }

export async function enrolWith({ world }: Place, name: string, change: (requests: Request[]) => Request[]) {
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

export const gatewayInit = (world: World, site: string, folder: string) => {
  const where = ['--fleet', `https://${world.host}:8443`, '--host', world.host, '--port', '8444']
  return voltseal(world, ['gateway', 'init', world.at(folder), '--site', world.at(site), ...where])
}

export function fleetInit(world: World, folder: string, ...more: string[]) {
  const keys = ['--firmware-key', world.at('keys', 'firmware.pub'), '--release-key', world.at('keys', 'release')]
  const rest = ['--approver-key', world.at('keys', 'approver-0'), '--host', world.host, ...more]
  return voltseal(world, ['fleet', 'init', world.at(folder), ...keys, ...rest])
}

export async function secondFleet(world: World): Promise<void> {
  if (existsSync(world.at('second'))) return
  assert.equal((await fleetInit(world, 'second')).exit, 0)
}

export async function newer(world: World, kind: string, file: string, folder: string) {
  const database = new DatabaseSync(world.at(file))
  database.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version = 99; PRAGMA journal_mode = DELETE')
  database.close()
  const before = readFileSync(world.at(file))
  const ended = await voltseal(world, [kind, 'serve', world.at(folder)])
  assert.ok(before.equals(readFileSync(world.at(file))), 'no byte of the database was changed')
  return ended
}

export async function fill(world: World): Promise<Place> {
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
  await world.approve('half')
  return { world, releases }
}

/** A release for a hardware revision, signed by a key of the folder of keys. */
export async function releaseFor(world: World, name: string, version: string, key: string, hardware = 'primehub') {
  const [file, folder] = [world.at(`${name}.bin`), world.at(`${name}.release`)]
  writeFileSync(file, image(version.length + name.length))
  const argv = create(world, file, `${name}.release`)
  const words: Readonly<Record<string, string>> = { '9.0.0': version, primehub: hardware }
  await world.must(...argv.map(word => words[word] ?? word), '--counter', '2')
  await world.must('sign', folder, '--key', world.at('keys', key))
  return folder
}
