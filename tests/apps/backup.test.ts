import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { generateKeyFile, loadSigner } from '../../src/adapters/signer-file.ts'
import { backUpFleet, restoreFleet } from '../../src/apps/fleet/backup.ts'
import { restoreGateway } from '../../src/apps/gateway/backup.ts'
import type { OnProgress } from '../../src/apps/process/back-up.ts'
import { type Backup, backupBytes, sealBackup } from '../../src/core/fleet/backup.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { fullDisk } from '../worlds/full-disk.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

/** A backup of a fleet that does not run, and what becomes of a backup that is not what was written. */

const nothing: OnProgress = () => undefined
const BLOB = 'a'.repeat(64)

let fleet: QuietFleet
let backups = 0
const at = (...names: string[]): string => join(fleet.folder, ...names)
const next = (): string => at(`copy-${++backups}`)
const key = (): string => at('fleet', 'keys', 'audit.pub')
const backUp = (to: string, onProgress = nothing) =>
  backUpFleet(at('fleet'), to, { blobs: true, program: '1.0.0' }, onProgress)
const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
const codeOf = (value: unknown): string | null => (isRefusal(value) ? (value as Refusal).code : null)

describe('backups of a stopped fleet', () => {
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('quay')
    fleet.shut()
    const bytes = Buffer.alloc(3 << 20, 7)
    const name = Buffer.from(crypto.sha256(bytes)).toString('hex')
    mkdirSync(at('fleet', 'blobs', name.slice(0, 2)), { recursive: true })
    writeFileSync(at('fleet', 'blobs', name.slice(0, 2), name), bytes)
  })
  after(() => fleet?.close())

  describe('a backup', () => {
    it('holds the store, the configuration and the blobs, and no private key; nobody else may read it', async () => {
      const to = next()
      const told: string[] = []
      const made = orThrow(await backUp(to, (_done, _total, what) => void told.push(what)))
      assert.deepEqual([made.blobs, made.damaged], [1, []])
      assert.ok(told.includes('the store') && told.includes('blobs'), 'progress is told')
      const held = files(to)
      assert.ok(held.includes('fleet.sqlite') && held.includes('fleet.yaml') && held.includes('ca/fleet.pem'))
      for (const file of held) {
        assert.ok(!readFileSync(join(to, file)).includes('PRIVATE KEY'), `${file} holds a private key`)
        assert.equal(statSync(join(to, file)).mode & 0o777, 0o600, file)
      }
      assert.equal(statSync(to).mode & 0o777, 0o700)
      // Every private key of the folder is named as one that a restore needs besides.
      const secret = files(at('fleet')).filter(file => readFileSync(at('fleet', file)).includes('PRIVATE KEY'))
      const own = secret.filter(file => !/^profiles?\//.test(file))
      assert.deepEqual([...made.absent].sort(), own.sort())
      assert.deepEqual(
        readdirSync(fleet.folder).filter(name => name.endsWith('.partial')),
        [],
      )
    })

    it('is of the store as it is: restored, it verifies, and it knows that it is a copy', async () => {
      const [to, into] = [next(), next()]
      orThrow(await backUp(to))
      const restored = orThrow(await restoreFleet(to, into, key(), nothing))
      assert.equal(restored.name, 'quiet')
      assert.deepEqual(
        files(into).sort(),
        files(to)
          .filter(file => file !== 'backup.json')
          .sort(),
      )
      const database = new DatabaseSync(join(into, 'fleet.sqlite'))
      assert.match((database.prepare('SELECT mark FROM copy').get() as { mark: string }).mark, /"given":\d+/)
      database.close()
    })

    it('holds the files that the configuration names below its folder, however it spells them', async () => {
      const config = readFileSync(at('fleet', 'fleet.yaml'), 'utf8')
      const named = { ca: './ours/receiver ca.pem', policy: at('elsewhere.policy'), key: 'ours/../ours/key.pem' }
      mkdirSync(at('fleet', 'ours'))
      for (const file of ['receiver ca.pem', 'key.pem']) writeFileSync(at('fleet', 'ours', file), file)
      writeFileSync(
        at('fleet', 'fleet.yaml'),
        `${config}
webhooks: { allow: [], ca: '${named.ca}' }
witnesses: { policy: '${named.policy}' }
siem: [{ name: siem, host: localhost, port: 6514, ca: '${named.ca}', cert: '../cert.pem', key: '${named.key}' }]
`,
      )
      try {
        const to = next()
        const { absent } = orThrow(await backUp(to))
        assert.deepEqual(
          files(to).filter(file => !file.startsWith('ca/') && file.endsWith('.pem')),
          ['ours/receiver ca.pem'],
        )
        assert.ok(absent.includes('ours/key.pem'))
        orThrow(await restoreFleet(to, next(), key(), nothing))
      } finally {
        writeFileSync(at('fleet', 'fleet.yaml'), config)
      }
    })

    it('leaves out a blob that is not what its name says, and says so', async () => {
      const bad = at('fleet', 'blobs', BLOB.slice(0, 2), BLOB)
      mkdirSync(dirname(bad), { recursive: true })
      writeFileSync(bad, 'something else')
      try {
        const to = next()
        assert.deepEqual(orThrow(await backUp(to)).damaged, [BLOB])
        assert.ok(!files(to).some(file => file.includes(BLOB)))
        orThrow(await restoreFleet(to, next(), key(), nothing))
      } finally {
        rmSync(bad)
      }
    })

    it('does not take the place of anything, and two of one name at once leave one whole one', async () => {
      const to = next()
      // The store has one owner: of two at once, the later one finds it taken, or the name.
      const both = await Promise.all([backUp(to), backUp(to).catch(error => error as Error)])
      const whole = both.filter(made => !isRefusal(made) && !(made instanceof Error))
      assert.equal(whole.length, 1, JSON.stringify(both))
      assert.equal(codeOf(await backUp(to)), 'folder-not-empty')
      orThrow(await restoreFleet(to, next(), key(), nothing))
    })

    it('clears away what a killed one left, and nothing that another process is making', async () => {
      const to = next()
      const [dead, alive] = [`.${basename(to)}.${deadProcess()}-1.partial`, `.${basename(to)}.1-1.partial`]
      for (const name of [dead, alive]) mkdirSync(at(name))
      orThrow(await backUp(to))
      assert.deepEqual([existsSync(at(dead)), existsSync(at(alive))], [false, true])
      rmSync(at(alive), { recursive: true })
    })

    it('on a full disk: it says so, leaves nothing, and the store is as it was', async () => {
      const folder = at('small')
      mkdirSync(folder)
      const disk = fullDisk(folder, 1024, 0)
      try {
        if (!disk.how.startsWith('tmpfs')) return
        assert.equal(codeOf(await backUp(join(folder, 'copy'))), 'no-space')
        assert.deepEqual(readdirSync(folder), [])
      } finally {
        disk.remove()
      }
      orThrow(await backUp(next()))
    })
  })

  describe('a backup that is not what was written', () => {
    let good: string
    before(async () => {
      good = next()
      orThrow(await backUp(good))
    })

    const changed = (change: (folder: string) => void): string => {
      const folder = next()
      cpSync(good, folder, { recursive: true })
      change(folder)
      return folder
    }
    const flip =
      (file: string, place: number) =>
      (folder: string): void => {
        const path = join(folder, file)
        const bytes = readFileSync(path)
        bytes[place] = (bytes[place] as number) ^ 1
        writeFileSync(path, bytes)
      }
    const blob = (): string => files(good).find(file => file.startsWith('blobs/')) as string
    /** The manifest as its own server would sign it, with a change. */
    const signed =
      (change: Partial<Backup>) =>
      async (folder: string): Promise<void> => {
        const path = join(folder, 'backup.json')
        const { signed: before } = JSON.parse(readFileSync(path, 'utf8')) as { signed: Backup }
        const backup = { ...before, ...change }
        const signer = orThrow(loadSigner(at('fleet', 'keys', 'audit')))
        writeFileSync(path, sealBackup(backup, orThrow(await signer.sign(backupBytes(backup), 'der'))))
      }

    const rows: [string, (folder: string) => void, string][] = [
      ['attack: a bit of the store is changed', flip('fleet.sqlite', 5000), 'backup-altered'],
      ['attack: a bit of a blob is changed', folder => flip(blob(), 9)(folder), 'backup-altered'],
      [
        'attack: the configuration is another one',
        folder =>
          writeFileSync(
            join(folder, 'fleet.yaml'),
            readFileSync(join(folder, 'fleet.yaml'), 'utf8').replace('8443', '8444'),
          ),
        'backup-altered',
      ],
      ['a file is cut short', folder => truncateSync(join(folder, 'fleet.sqlite'), 8192), 'backup-incomplete'],
      ['a file is missing', folder => rmSync(join(folder, blob())), 'backup-incomplete'],
      ['the manifest is missing', folder => rmSync(join(folder, 'backup.json')), 'file-missing'],
      ['the manifest is cut short', folder => truncateSync(join(folder, 'backup.json'), 100), 'backup-malformed'],
      [
        'attack: the manifest says another digest',
        folder => {
          const path = join(folder, 'backup.json')
          writeFileSync(
            path,
            readFileSync(path, 'utf8').replace(/"sha256":"(.)/, (_, digit) => `"sha256":"${digit === 'f' ? '0' : 'f'}`),
          )
        },
        'backup-signature-invalid',
      ],
    ]
    for (const [name, change, code] of rows) {
      it(`${name}: ${code}, and nothing is restored`, async () => {
        const into = next()
        assert.equal(codeOf(await restoreFleet(changed(change), into, key(), nothing)), code)
        assert.equal(existsSync(into), false)
        assert.deepEqual(
          readdirSync(fleet.folder).filter(file => file.endsWith('.partial')),
          [],
        )
      })
    }

    it('attack: a backup of another fleet, with its own signature', async () => {
      const other = at('other')
      orThrow(generateKeyFile(other, 'ed25519'))
      const into = next()
      assert.equal(codeOf(await restoreFleet(good, into, `${other}.pub`, nothing)), 'backup-signature-invalid')
      assert.equal(existsSync(into), false)
    })

    it('one that a later Voltseal made, or of something else', async () => {
      const [newer, other] = [changed(() => undefined), changed(() => undefined)]
      await signed({ data: 9999 })(newer)
      await signed({ of: 'gateway' })(other)
      assert.equal(codeOf(await restoreFleet(newer, next(), key(), nothing)), 'backup-newer')
      assert.equal(codeOf(await restoreFleet(other, next(), key(), nothing)), 'backup-of-another')
      assert.equal(codeOf(await restoreGateway(good, next(), key(), nothing)), 'backup-of-another')
    })

    it('attack: a name in the manifest leads out of the folder', async () => {
      const folder = changed(() => undefined)
      const { files: listed } = (JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8')) as { signed: Backup })
        .signed
      for (const path of ['../outside', 'a/../../outside', '/outside', 'a//b', '.']) {
        const stranger = { ...(listed[0] as Backup['files'][number]), path }
        assert.throws(() => backupBytes({ ...backup(folder), files: [...listed, stranger] }), /a backup with/)
      }
    })

    it('attack: a link in the backup leads to a file of the machine', async () => {
      const folder = changed(where => {
        const path = join(where, 'fleet.yaml')
        renameSync(path, at('elsewhere.yaml'))
      })
      const { symlinkSync } = await import('node:fs')
      symlinkSync(at('elsewhere.yaml'), join(folder, 'fleet.yaml'))
      assert.equal(codeOf(await restoreFleet(folder, next(), key(), nothing)), 'backup-incomplete')
    })

    it('nothing is restored over a folder that somebody serves from', async () => {
      assert.equal(codeOf(await restoreFleet(good, at('fleet'), key(), nothing)), 'folder-not-empty')
    })
  })
})

const backup = (folder: string): Backup =>
  (JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8')) as { signed: Backup }).signed

/** The number of a process that has ended. */
function deadProcess(): number {
  for (let id = 4_000_000; ; id -= 1) {
    try {
      process.kill(id, 0)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return id
    }
  }
}
