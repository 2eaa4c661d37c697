import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { findAccount } from '../../src/adapters/accounts-linux.ts'
import { takeLock } from '../../src/adapters/file-lock.ts'
import { notifySystemd, watchdogInterval } from '../../src/adapters/notify-systemd.ts'
import { killProcessesOf, killSeen, processesOf, type Seen } from '../../src/adapters/processes-linux.ts'
import { DeviceWatchdog } from '../../src/adapters/watchdog-device.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { Mounts, withoutMounts } from '../agent/mounts.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-linux-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('the lock of a file', () => {
  const path = join(folder, 'lock')
  const program = `
    import { takeLock } from ${JSON.stringify(join(import.meta.dirname, '../../src/adapters/file-lock.ts'))}
    console.log(takeLock(${JSON.stringify(path)}) === null ? 'taken' : 'mine')
    if (process.argv.includes('stay')) process.stdin.resume()`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', program]

  it('is held by one process at a time', () => {
    const lock = orThrow(takeLock(path))
    assert.ok(lock !== null)
    assert.match(spawnSync(process.execPath, args).stdout.toString(), /taken/)
    lock.release()
    assert.match(spawnSync(process.execPath, args).stdout.toString(), /mine/)
  })

  it('is free as soon as its holder was killed', async () => {
    const holder = spawn(process.execPath, [...args, 'stay'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const [said] = (await once(holder.stdout, 'data')) as [Buffer]
    assert.match(said.toString(), /mine/)
    assert.equal(takeLock(path), null)
    const gone = once(holder, 'exit')
    holder.kill('SIGKILL')
    await gone
    const lock = orThrow(takeLock(path))
    assert.ok(lock !== null)
    lock.release()
  })

  it('is refused in a folder that is gone, and on a file that holds something', () => {
    writeFileSync(join(folder, 'notes'), 'not a lock')
    for (const [name, code] of [
      ['gone/lock', 'file-missing'],
      ['notes', 'file-unreadable'],
    ] as const) {
      const lock = takeLock(join(folder, name))
      assert.ok(isRefusal(lock) && lock.code === code, name)
    }
    assert.equal(readFileSync(join(folder, 'notes'), 'utf8'), 'not a lock')
  })
})

describe('the lock of a file that takes no write', () => {
  const parent = join(folder, 'frozen')
  const mounts = new Mounts()
  after(() => mounts.close())
  it('is held by one process at a time all the same, also by one from when it could be written', {
    skip: withoutMounts(join(folder, 'probe')),
  }, () => {
    mkdirSync(parent)
    const path = join(parent, 'lock')
    writeFileSync(path, '')
    const program = `
      import { takeLock } from ${JSON.stringify(join(import.meta.dirname, '../../src/adapters/file-lock.ts'))}
      console.log(takeLock(${JSON.stringify(path)}) === null ? 'taken' : 'mine')`
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', program]
    const other = (): string => spawnSync(process.execPath, args).stdout.toString().trim()
    const before = takeLock(path)
    assert.ok(before !== null && !isRefusal(before))
    assert.ok(mounts.readOnly(parent))
    assert.equal(other(), 'taken')
    before.release()
    const lock = takeLock(path)
    assert.ok(lock !== null && !isRefusal(lock))
    assert.equal(other(), 'taken')
    lock.release()
    assert.equal(other(), 'mine')
  })
})

/** The letter of a process's state, Z for one that has ended and was not waited for; empty when there is none. */
function stateOf(pid: number): string {
  try {
    return /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? ''
  } catch {
    return ''
  }
}

describe('the processes that carry a mark', () => {
  const mark = { name: 'VOLTSEAL_TEST_MARK', value: `${process.pid}-${performance.now()}` }

  it('are found in whatever group and session they are, and killed with their children', async () => {
    // A child of a child, in a session of its own, whose parent has ended.
    const command = 'setsid sh -c "sleep 1000 & echo started; wait" &'
    const env = { PATH: process.env.PATH, [mark.name]: mark.value }
    const parent = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'], env, detached: true })
    await once(parent.stdout, 'data')
    assert.ok(processesOf(mark).length >= 2)
    assert.equal(await killProcessesOf(mark, 10_000), true)
    assert.deepEqual(processesOf(mark), [])
  })

  it('are found also while they execute another program, when their environment cannot be read', async () => {
    // It does nothing but execute itself: one look in ten or so finds it without an environment.
    const again = join(folder, 'again')
    writeFileSync(again, '#!/bin/sh\nexec "$0"\n', { mode: 0o700 })
    for (let round = 0; round < 40; round += 1) {
      const value = `${mark.value}-${round}`
      const env = { PATH: process.env.PATH, [mark.name]: value }
      const child = spawn(again, [], { stdio: 'ignore', env })
      const ended = once(child, 'exit')
      await once(child, 'spawn')
      assert.equal(await killProcessesOf({ ...mark, value }, 10_000), true)
      assert.match(stateOf(child.pid as number), /^[ZX]?$/, `round ${round}: it still runs`)
      child.kill('SIGKILL')
      await ended
    }
  })

  it('are not those whose mark only begins alike', () => {
    const value = `${mark.value}0`
    const env = { PATH: process.env.PATH, [mark.name]: value }
    const other = spawn('sleep', ['1000'], { stdio: 'ignore', env })
    try {
      assert.deepEqual(processesOf(mark), [])
      assert.deepEqual(processesOf({ ...mark, value }), [other.pid])
    } finally {
      other.kill('SIGKILL')
    }
  })

  it('are killed also when they were without an environment at each look before', async () => {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
    await once(child, 'spawn')
    const ended = (): boolean => child.exitCode !== null || child.signalCode !== null
    let looks = 0
    const look = (): Seen => {
      looks += 1
      if (looks <= 5) return { carrying: [], bare: 1 }
      return { carrying: ended() ? [] : [child.pid as number], bare: 0 }
    }
    try {
      assert.equal(await killSeen(look, 10_000), true)
      assert.equal(child.signalCode, 'SIGKILL')
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('are done with soon, however many processes of others come and go without an environment', async () => {
    const busy = (): Seen => ({ carrying: [], bare: 3 })
    assert.equal(await killSeen(busy, 5000), true)
  })
})

describe('accounts', () => {
  it('are found by name and by number', () => {
    assert.deepEqual(findAccount('root', undefined), { uid: 0, gid: 0 })
    assert.deepEqual(findAccount(12_345_678, 23_456_789), { uid: 12_345_678, gid: 23_456_789 })
  })

  it('are refused when there is none, or no group that goes with it', () => {
    for (const [user, group] of [
      ['no-such-user', undefined],
      [12_345_678, undefined],
      ['root', 'no-such-group'],
    ] as const) {
      const found = findAccount(user, group)
      assert.ok(isRefusal(found), `${user} ${group}`)
      assert.equal(found.code, 'account-unknown')
    }
  })
})

describe('the watchdog of the machine', () => {
  it('is fed, and disarmed with the letter that the driver asks for', () => {
    const path = join(folder, 'watchdog')
    writeFileSync(path, '')
    const device = DeviceWatchdog.on(openSync(path, 'w'))
    device.feed()
    device.feed()
    device.disarm()
    assert.equal(readFileSync(path, 'latin1'), '\0\0V')
  })

  it('is refused when it cannot be opened, or is no device; nothing is made in its place', () => {
    const [none, file] = [join(folder, 'no-watchdog'), join(folder, 'file')]
    writeFileSync(file, '')
    for (const path of [none, file, join(folder, 'none', 'watchdog')]) {
      const device = DeviceWatchdog.open(path)
      assert.ok(isRefusal(device), path)
      assert.equal(device.code, 'watchdog-device-unusable')
    }
    assert.equal(existsSync(none), false)
    orThrow(DeviceWatchdog.open('/dev/null')).disarm()
  })
})

describe('the service manager', () => {
  /** A datagram socket such as NOTIFY_SOCKET is; Node has none, and Perl is part of every Debian. */
  const RECEIVER = `
    use Socket; socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die;
    $| = 1; print "ready\\n"; while (defined recv($s, my $word, 4096, 0)) { print "$word\\n" }`
  const can = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
  const missing = ['perl', 'systemd-notify'].filter(program => !can(program))
  const skip = missing.length > 0 ? `NOT TESTED: ${missing.join(', ')} is not on this machine` : false

  it('hears every word, on a datagram socket as sd_notify(3) has it', { skip }, async () => {
    const socket = join(folder, 'notify')
    const receiver = spawn('perl', ['-e', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      let heard = ''
      receiver.stdout.setEncoding('utf8')
      const until = async (word: string): Promise<void> => {
        while (!heard.includes(word)) heard += ((await once(receiver.stdout, 'data')) as [string])[0]
      }
      await until('ready')
      const env = { NOTIFY_SOCKET: socket, PATH: process.env.PATH }
      // Not awaited: newer versions wait until the manager has closed the barrier that they send with it.
      void notifySystemd(['READY=1'], env)
      await until('READY=1')
      void notifySystemd(['WATCHDOG=1'], env)
      await until('WATCHDOG=1')
    } finally {
      receiver.kill('SIGKILL')
    }
  })

  it('hears nothing where there is none', async () => {
    await notifySystemd(['READY=1'], {})
    await notifySystemd(['READY=1'], { NOTIFY_SOCKET: join(folder, 'nobody'), PATH: '/nowhere' })
  })

  it('is told of half the time that it gives', () => {
    assert.equal(watchdogInterval({ WATCHDOG_USEC: '30000000' }), 15_000)
    assert.equal(watchdogInterval({}), null)
    assert.equal(watchdogInterval({ WATCHDOG_USEC: 'soon' }), null)
  })
})
