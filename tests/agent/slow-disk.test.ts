import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { PAYLOAD_FILE } from '../../src/adapters/release-folder.ts'
import { readBoardFile } from '../../src/apps/agent/board-file.ts'
import { askAgent } from '../../src/apps/agent/client.ts'
import { serveControl } from '../../src/apps/agent/control.ts'
import { Device } from '../../src/apps/agent/device.ts'
import { agentFiles, readAgentConfig } from '../../src/apps/agent/files.ts'
import { type LinuxBoard, openBoard } from '../../src/apps/agent/linux-board.ts'
import { toBase64 } from '../../src/core/encoding/bytes.ts'
import { instant, millis } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import type { Flash } from '../../src/core/slot/hardware.ts'
import { patchName } from '../../src/core/trust/image-target.ts'
import { verify } from '../../src/flows/boot.ts'
import { drawn, patchOf } from '../core/delta/images.ts'
import { commandLine } from '../worlds/command-line.ts'
import { AgentBench, BEHAVIOUR, script } from './bench.ts'

const MIB = 1 << 20

/** A time that passes only when it is told to; what is due happens in the midst of that, sooner than any machine could. */
class Course {
  #now = 0
  readonly #waiting = new Map<object, { readonly at: number; readonly over: () => void }>()

  readonly steady = () => millis(this.#now)
  readonly after = (wait: number, over: () => void) => {
    const key = {}
    this.#waiting.set(key, { at: this.#now + wait, over })
    return () => void this.#waiting.delete(key)
  }

  /** How many wait for something to be due. */
  get waiting(): number {
    return this.#waiting.size
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds
    for (const [key, { at, over }] of this.#waiting) {
      if (at > this.#now || !this.#waiting.delete(key)) continue
      over()
    }
  }
}

/** Flash whose every operation on the free slot takes longer than the agent waits for anybody. `written`: bytes of the image by now. */
class SlowFlash implements Flash {
  written = 0
  erases = 0
  readonly #flash: Flash
  readonly #course: Course

  constructor(flash: Flash, course: Course) {
    this.#flash = flash
    this.#course = course
  }

  size: Flash['size'] = area => this.#flash.size(area)
  sector: Flash['sector'] = area => this.#flash.sector(area)
  read: Flash['read'] = (area, offset, length) => {
    if (area === 'b') this.#course.pass(31_000)
    return this.#flash.read(area, offset, length)
  }
  program: Flash['program'] = (area, offset, data) => {
    if (area === 'b') this.#course.pass(40_000)
    this.#flash.program(area, offset, data)
    if (area === 'b') this.written += data.length
  }
  erase: Flash['erase'] = (area, offset, length) => {
    if (area === 'b') this.#course.pass(50_000)
    this.#flash.erase(area, offset, length)
    if (area === 'b') this.erases += 1
  }
}

const program = (version: string, own = 0): Uint8Array =>
  new TextEncoder().encode(`${script(version, BEHAVIOUR.works, 1500)}# ${drawn(own, own / 2).toHex()}\n`)

/** The agent's socket with the command line at its other end, in one process, on a board of files that are slow. */
describe('a slot that takes longer to fill than the agent waits for anybody', () => {
  const FACTORY = program('1.0.0')
  const course = new Course()
  let [bench, owned, device, flash, server] = [] as unknown as [AgentBench, LinuxBoard, Device, SlowFlash, Server]
  const stage = (...argv: string[]) => commandLine(['agent', 'stage', bench.folder, ...argv])
  const withdraw = async () => orThrow(await bench.ask({ do: 'withdraw' }))
  const connections = () =>
    new Promise<number>((resolve, reject) =>
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    )
  /** Lets everything happen that waits for no time. */
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    for (let turn = 0; !holds(); turn += 1) {
      assert.ok(turn < 10_000, `never: ${what}`)
      await setImmediate()
    }
  }

  before(async () => {
    bench = await AgentBench.make({ factory: { image: FACTORY }, setup: { slot: 3 * MIB } })
    const made = orThrow(readBoardFile(bench.folder))
    owned = orThrow(openBoard(bench.folder, made))
    const { facts, signers } = orThrow(verify(owned.board, 'a'))
    flash = new SlowFlash(owned.board.flash, course)
    device = new Device({
      folder: bench.folder,
      made,
      config: orThrow(readAgentConfig(bench.folder)),
      board: { ...owned.board, flash },
      running: { slot: 'a', trial: false, facts, signers },
      clock: { now: () => instant(0), quality: 'simulated', steady: course.steady },
    })
    const parts = { device, note: () => {}, restart: () => {}, about: () => ({}), after: course.after }
    server = await serveControl(agentFiles(bench.folder).control, parts)
  })
  after(async () => {
    server.close()
    owned.close()
    await bench.close()
  })

  it('is filled from the images, and whoever waits hears how far it is', async () => {
    const wanted = await bench.maker.release({ version: '1.1.0', sequence: 3, image: program('1.1.0', 300_000) })
    const staging = stage(wanted.folder)
    // Others come to their turn between two steps: so does the sign of life without which the boot stage kills an agent.
    await until('a step', () => flash.erases > 0)
    assert.equal(flash.erases, 1)
    const ran = await staging
    assert.equal(ran.exit, 0, ran.err)
    assert.match(ran.out, /staged\s+1\.1\.0/)
    assert.equal(flash.erases, Math.ceil(flash.size('b') / MIB))
    assert.ok((ran.err.match(/\d+ % {2}erasing the slot\n/g) ?? []).length >= 3, ran.err)
    assert.match(ran.err, /\d+ % {2}writing the image\n(.*\n)*.*verifying the image from flash\n/)
    assert.match(ran.err, new RegExp(`100 % {2}of the image, ${wanted.payload.length} bytes\n$`))
    await withdraw()
  })

  it('is filled by a patch in the same manner', async () => {
    const image = program('1.2.0', 100_000)
    const bytes = patchOf({ old: FACTORY, now: image, architecture: 'none', load: 0, slotBits: 12 })
    const base = nodeCrypto.sha256(FACTORY).toHex()
    const wanted = await bench.maker.release({ version: '1.2.0', sequence: 4, image, patches: [{ base, bytes }] })
    const patch = join(wanted.folder, patchName(base))
    const ran = await stage(wanted.folder, '--patch', patch)
    assert.equal(ran.exit, 0, ran.err)
    assert.match(
      ran.err,
      /erasing the slot\n(.*\n)*.*of the patch, \d+ bytes\n(.*\n)*.*verifying the image from flash\n/,
    )
    assert.match(ran.err, new RegExp(`100 % {2}of the patch, ${bytes.length} bytes\n$`))
    await withdraw()
  })

  it('attack: who says nothing more loses the slot to others, and what came is gone on from', async () => {
    const wanted = await bench.maker.release({ version: '1.3.0', sequence: 5, image: program('1.3.0', 300_000) })
    const silent = connect({ path: agentFiles(bench.folder).control, allowHalfOpen: true })
    let answer = ''
    silent.setEncoding('utf8').on('data', part => {
      answer += part
    })
    flash.written = 0
    // It did not ask to be told: all that it hears is the answer.
    silent.write(`${JSON.stringify({ do: 'stage', envelope: toBase64(wanted.envelope) })}\n`)
    silent.write(wanted.payload.subarray(0, 200_000))
    await until('what came is written', () => flash.written > 199_000 && course.waiting === 1)
    course.pass(29_999)
    for (let turn = 0; turn < 20; turn += 1) await setImmediate()
    assert.equal(answer, '')
    course.pass(1)
    try {
      await until('an answer', () => answer.endsWith('\n'))
    } finally {
      silent.destroy()
    }
    assert.equal((JSON.parse(answer) as { code: string }).code, 'install-incomplete')
    flash.written = 0
    const ran = await stage(wanted.folder)
    assert.equal(ran.exit, 0, ran.err)
    assert.match(ran.err, /looking at what an earlier attempt left/)
    assert.ok(flash.written < wanted.payload.length - 100_000, `${flash.written} of ${wanted.payload.length}`)
    await withdraw()
  })

  it('attack: who never asks, or never hears the answer, is left too', async () => {
    for (const said of ['', '{"do":"st', '{"do":"status"}\n']) {
      const silent = connect({ path: agentFiles(bench.folder).control, allowHalfOpen: true })
      let gone = false
      silent.on('close', () => {
        gone = true
      })
      silent.on('error', () => {})
      silent.resume().write(said)
      try {
        await until(`heard ${JSON.stringify(said)}`, () => course.waiting > 0)
        // For more of a question, and then for the other end to be closed.
        for (let waits = 0; (await connections()) > 0; waits += 1) {
          assert.ok(waits < 10, `held for ${JSON.stringify(said)}`)
          course.pass(30_000)
          for (let turn = 0; turn < 20; turn += 1) await setImmediate()
        }
        silent.end()
        await until('closed', () => gone)
      } finally {
        silent.destroy()
      }
    }
    assert.equal(course.waiting, 0)
  })

  it('attack: is not touched for an image that is torn, or was changed, on the stick', async () => {
    const wanted = await bench.maker.release({ version: '1.3.1', sequence: 7, image: program('1.3.1') })
    const { erases } = flash
    const changed = wanted.payload.slice()
    changed[70_000] = changed[70_000]! ^ 1
    for (const [bytes, code] of [
      [wanted.payload.slice(0, -20), 'image-size-mismatch'],
      [changed, 'image-digest-mismatch'],
    ] as const) {
      writeFileSync(join(wanted.folder, PAYLOAD_FILE), bytes)
      const refused = JSON.parse((await stage(wanted.folder, '--json')).out) as { code: string }
      assert.equal(refused.code, code)
    }
    assert.equal(flash.erases, erases)
  })

  it('is armed, however long it takes to verify it before', async () => {
    const wanted = await bench.maker.release({ version: '1.4.0', sequence: 6, image: program('1.4.0') })
    assert.equal((await stage(wanted.folder)).exit, 0)
    const before = course.steady()
    assert.deepEqual(orThrow(await bench.ask({ do: 'arm' })), { state: 'armed' })
    assert.ok(course.steady() - before > 60_000)
  })

  it('is not waited for without end where the agent says nothing', async () => {
    const other = await AgentBench.make()
    const hung = createServer({ allowHalfOpen: true }, socket => void socket.on('error', () => {}).resume())
    try {
      await new Promise<void>(resolve => hung.listen(agentFiles(other.folder).control, resolve))
      const asked = { do: 'stage', envelope: new Uint8Array(3), payload: new Uint8Array(9) } as const
      const told = await askAgent(other.folder, asked, 20)
      assert.ok(isRefusal(told))
      assert.deepEqual([told.code, told.actual], ['agent-not-running', 'no answer in time'])
    } finally {
      hung.close()
      await other.close()
    }
  })
})
