import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { World } from '../../sim/doors/world.ts'
import { openFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { openGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { readGatewayFolder } from '../../src/apps/gateway/files.ts'
import { startGateway } from '../../src/apps/gateway/serve.ts'
import type { BackedUp } from '../../src/apps/process/back-up.ts'
import { askForCopy } from '../../src/apps/process/copy-door.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Confirmed } from '../../src/flows/confirm.ts'
import type { CampaignView, StatusView } from '../../src/wire/fleet-views.ts'
import { ask, log, voltseal } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'

/** Backups of servers that run, and what an older copy may do when it is brought back. */

let world: World
let backup: BackedUp
/** The log's head as a witness saw it after the backup, and one of before. */
const [later, earlier] = ['later.note', 'earlier.note']

const checkpoint = async (file: string): Promise<void> => {
  const { checkpoint: note } = await ask<{ checkpoint: string }>(world, '/v1/audit/checkpoint')
  writeFileSync(world.at(file), note)
}
const code = async (...argv: string[]): Promise<string | null> => (await voltseal(world, argv)).refusal?.code ?? null
const confirm = (...more: string[]) => ['fleet', 'confirm-restore', world.at('fleet'), '--by', 'administrator', ...more]
const startFleet = (): Promise<string> =>
  world.startFleet().then(
    () => 'serves',
    (error: Error) => error.message,
  )

describe('backups of servers that run', () => {
  before(async () => {
    world = await World.start({ ...QUAY, signIn: true })
    await world.reported()
    await world.must('account', 'add', 'robot', '--kind', 'service', '--role', 'auditor@fleet')
    await world.must('account', 'token', 'robot', '--out', world.at('robot.token'))
    await checkpoint(earlier)
  })
  after(() => world?.stop())

  describe('a backup of a running fleet and of a running gateway', () => {
    it('is made while both work, and both go on', async () => {
      const paths = await world.publish(await world.release('bms', '1.1.0', image(2)))
      await world.campaign('spring', paths)
      backup = (await world.must('fleet', 'backup', world.at('fleet'), world.at('backup'))) as BackedUp
      writeFileSync(world.at('gateway', 'people.json'), '{}', { mode: 0o600 })
      const other = (await world.must('gateway', 'backup', world.at('gateway'), world.at('backup-gateway'))) as BackedUp
      assert.equal(other.name, 'quay')
      assert.ok(other.absent.includes('keys/manifest') && backup.absent.includes('keys/audit'))
      // Who was shut out since would come in again with it.
      assert.ok(other.absent.includes('people.json'))
      const kept = readdirSync(world.at('backup-gateway'), { recursive: true, encoding: 'utf8' })
      assert.deepEqual(
        kept.filter(name => name.includes('people')),
        [],
      )
      assert.ok(backup.blobs > 0)
      await world.until('the campaign is done', async () => {
        return (await ask<CampaignView>(world, '/v1/campaigns/spring')).state === 'done'
      })
    })

    it('attack: the door copies to no file that is there, and through no link', async () => {
      writeFileSync(world.at('mine'), 'kept')
      const refused = await askForCopy(world.at('fleet', 'copies.sock'), world.at('mine'), () => undefined)
      assert.equal(refused !== null && refused !== 'not-running' && refused.code, 'file-exists')
      assert.equal(readFileSync(world.at('mine'), 'utf8'), 'kept')
    })
  })

  describe('a fleet that is restored from a backup', () => {
    it('is not served before somebody has said how it goes on', async () => {
      await checkpoint(later)
      await world.gateway?.close()
      await world.fleet?.close()
      world.gateway = null
      world.fleet = null
      renameSync(world.at('fleet'), world.at('lost'))
      await world.must(
        'fleet',
        'restore',
        world.at('backup'),
        world.at('fleet'),
        '--key',
        world.at('lost', 'keys', 'audit.pub'),
      )
      // Without its keys nothing starts; they are kept elsewhere.
      assert.equal(await code(...confirm('--unwitnessed')), 'file-missing')
      for (const path of backup.absent) cpSync(world.at('lost', path), world.at('fleet', path))
      cpSync(world.at('lost', 'profile'), world.at('fleet', 'profile'), { recursive: true })
      cpSync(world.at('lost', 'profiles'), world.at('fleet', 'profiles'), { recursive: true })
      assert.match(await startFleet(), /a copy of an earlier time/)
      assert.equal(await code('fleet', 'recover', world.at('fleet'), '--account', 'eve'), 'store-restored')
    })

    it('attack: the store is taken out of the backup by hand, and is not served either', async () => {
      const own = world.at('fleet', 'fleet.sqlite')
      renameSync(own, world.at('aside.sqlite'))
      cpSync(world.at('backup', 'fleet.sqlite'), own)
      assert.match(await startFleet(), /a copy of an earlier time/)
      renameSync(world.at('aside.sqlite'), own)
    })

    it('attack: it is not confirmed against a checkpoint that is further, of another key, or of another history', async () => {
      assert.equal(await code(...confirm()), 'restore-unwitnessed')
      assert.equal(await code(...confirm('--seen', world.at(later))), 'restore-behind')
      assert.equal(await code(...confirm('--seen', world.at(earlier), '--seen', world.at(later))), 'restore-behind')
      const note = readFileSync(world.at(earlier), 'utf8')
      writeFileSync(world.at('forged.note'), note.replace(/\n(\d+)\n/, '\n1\n'))
      assert.equal(await code(...confirm('--seen', world.at('forged.note'))), 'checkpoint-signature-invalid')
      assert.equal(await code(...confirm('--seen', world.at(earlier), '--by', 'nobody')), 'account-missing')
    })

    it('goes on when it is confirmed: nothing runs, nobody who was let in since is in, every number is above', async () => {
      const before = await versions('lost')
      const confirmed = (await world.must(
        ...confirm('--seen', world.at(earlier), '--keep-account', 'approver-0'),
      )) as Confirmed
      assert.deepEqual(confirmed.disabled, ['approver-1', 'robot'])
      assert.deepEqual(confirmed.paused, ['spring'])
      assert.equal(await code(...confirm('--seen', world.at(earlier))), 'store-not-restored')
      for (const [file, version] of await versions('fleet')) {
        assert.ok(version > (before.get(file) ?? 0), `${file}: ${version} is not above ${before.get(file)}`)
      }
      await world.startFleet()
      const { state } = await ask<CampaignView>(world, '/v1/campaigns/spring')
      assert.equal(state, 'paused')
      const { alarms } = await ask<StatusView>(world, '/v1/status')
      assert.ok(alarms.some(({ code, subject }) => code === 'site-not-heard' && subject === 'site quay'))
    })

    it('is told again by its gateways what it has lost: nothing is missing, and the log is sound', async () => {
      await world.startGateway()
      await world.until('the site is heard', async () => {
        const { alarms } = await ask<StatusView>(world, '/v1/status')
        return !alarms.some(({ code }) => code === 'site-not-heard')
      })
      const entries = await log(world)
      const told = entries.flatMap(({ origin }) => (origin === undefined ? [] : [origin.sequence]))
      assert.deepEqual(
        told,
        told.map((_, index) => index + 1),
      )
      assert.ok(!entries.some(({ kind, detail }) => kind === 'store-restored' && 'lost' in detail), 'nothing was lost')
      const { sound, findings } = (await world.must('audit', 'verify')) as { sound: boolean; findings: unknown[] }
      assert.deepEqual([sound, findings], [true, []])
    })
  })

  describe('a gateway that is restored from a backup', () => {
    it('gives no turn before it has heard the fleet and every controller', async () => {
      await world.stopSite()
      await world.gateway?.close()
      world.gateway = null
      const key = world.at('gateway', 'keys', 'manifest.pub')
      renameSync(world.at('gateway'), world.at('lost-gateway'))
      await world.must(
        'gateway',
        'restore',
        world.at('backup-gateway'),
        world.at('gateway'),
        '--key',
        world.at('lost-gateway', 'keys', 'manifest.pub'),
      )
      assert.ok(!existsSync(key))
      cpSync(world.at('lost-gateway', 'keys'), world.at('gateway', 'keys'), { recursive: true })
      const folder = world.at('gateway')
      const lines: string[] = []
      const told = pino({ level: 'info' }, { write: line => void lines.push(line) })
      world.gateway = orThrow(await startGateway(folder, orThrow(readGatewayFolder(folder)), told))
      await world.until('it says that it waits', () => lines.some(line => line.includes('gateway-restored')))
      world.startSite()
      await world.until('it has caught up', () => lines.some(line => line.includes('goes on again')))
      await world.gateway.close()
      world.gateway = null
      const store = orThrow(openGatewayStore(world.at('gateway', 'gateway.sqlite')))
      assert.equal(await store.copied(), null)
      store.close()
    })
  })

  describe('a gateway whose store somebody has set back by hand', () => {
    const own = (): string => world.at('gateway', 'gateway.sqlite')
    const alarms = async (): Promise<string[]> =>
      (await ask<StatusView>(world, '/v1/status')).alarms.map(({ code }) => code)

    it('attack: it may not tell its own log anew: that is refused, and somebody is told', async () => {
      cpSync(own(), world.at('older.sqlite'))
      const before = await atFleet()
      await world.stopSite()
      await world.startGateway()
      world.startSite()
      await world.until('the site has told more', async () => (await atFleet()) > before)
      await world.stopSite()
      await world.gateway?.close()
      world.gateway = null
      cpSync(world.at('older.sqlite'), own())
      const there = await atFleet()
      await world.startGateway()
      world.startSite()
      await world.until('somebody is told', async () => (await alarms()).includes('upstream-forked'))
      assert.equal(await atFleet(), there, 'nothing was taken in')
      assert.equal(await code('gateway', 'continue', world.at('gateway')), 'data-folder-in-use')
    })

    it('goes on when a person says so: the log says it, nothing is left to see to, and it is sound', async () => {
      const there = await atFleet()
      await world.gateway?.close()
      world.gateway = null
      const gone = (await world.must('gateway', 'continue', world.at('gateway'))) as { behind: number; given: number }
      assert.equal(gone.behind, there)
      assert.equal(await code('gateway', 'continue', world.at('gateway')), 'upstream-continues')
      await world.startGateway()
      await world.until('it goes on', async () => !(await alarms()).includes('upstream-forked'))
      const entries = await log(world)
      const said = entries.findLast(({ kind }) => kind === 'site-log-continued')
      assert.deepEqual([said?.origin?.sequence, said?.detail.behind], [there + 1, there])
      const { sound, findings, breaks } = (await world.must('audit', 'verify')) as Verdict
      assert.deepEqual([sound, findings], [true, []])
      const shown = (await world.must('fleet', 'breaks', '--site', 'quay')) as Verdict
      assert.deepEqual(plain(shown.breaks), plain(breaks))
    })
  })
})

type Break = { controller: string | null; code: string; from: number; to: number }
type Verdict = { sound: boolean; findings: unknown[]; breaks: Break[] }
const plain = (breaks: readonly Break[]) =>
  breaks.map(({ controller, code, from, to }) => `${controller} ${code} ${from}-${to}`).toSorted()

/** How far the fleet has the gateway's own log. */
const atFleet = async (): Promise<number> =>
  Math.max(0, ...(await log(world)).map(({ origin }) => origin?.sequence ?? 0))

/** The versions of what the fleet signs online, by file. */
async function versions(folder: string): Promise<Map<string, number>> {
  const store = orThrow(openFleetStore(world.at(folder, 'fleet.sqlite')))
  try {
    const found = new Map<string, number>()
    for (const repo of ['image', 'approval', 'director/quay']) {
      for (const role of ['timestamp', 'snapshot', ...(repo === 'director/quay' ? ['targets'] : [])]) {
        const bytes = await store.file(repo, `${role}.json`)
        const { signed } = JSON.parse(Buffer.from(bytes!).toString('utf8')) as { signed: { version: number } }
        found.set(`${repo}/${role}`, signed.version)
      }
    }
    return found
  } finally {
    store.close()
  }
}
