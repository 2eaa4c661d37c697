import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, it } from 'node:test'
import { FastClock } from '../../../sim/doors/fast-clock.ts'
import { METERED } from '../../../sim/plant/conditions.ts'
import { HttpsConditions } from '../../../src/adapters/conditions-https.ts'
import { type Point, points } from '../../../src/core/fleet/points.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'

/** What stands around a site in a demo, each a process of its own: a plant with its EMS, and a weak link. */

const house = join(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'voltseal-surroundings-'))
const children: ChildProcess[] = []

type Told = Readonly<Record<string, unknown>>
type Door = { readonly port: number; write(line: string): void; next(): Promise<Told> }

async function started(program: string, ...args: string[]): Promise<Door> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(house, program), ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Told> => JSON.parse((await lines.next()).value as string) as Told
  const { port } = await next()
  return { port: port as number, write: line => void child.stdin.write(`${line}\n`), next }
}

describe('the surroundings of a demo', () => {
  after(async () => {
    for (const child of children) {
      child.kill()
      if (child.exitCode === null) await once(child, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  })

  it('a plant answers a gateway’s questions, loses who goes away, and sends its bill', async () => {
    const clock = join(folder, 'clock.json')
    FastClock.begin(clock, { real: Date.now(), simulated: Date.UTC(2026, 5, 1, 20), rate: 1 })
    const site = join(house, 'sim/sites/wind-storage.site.yaml')
    const plant = await started('sim/doors/plant.ts', site, join(folder, 'plant'), '127.0.0.1', '0', clock)
    const ca = readFileSync(join(folder, 'plant', 'ca.pem'), 'utf8')
    const conditions = new HttpsConditions({
      url: `https://127.0.0.1:${plant.port}/v1/conditions`,
      ca,
      timeoutMillis: 5000,
    })
    const show = async (point: Point, of: string | null) =>
      orThrow(await conditions.read([point])).find(reading => reading.of === of)?.value
    assert.equal(await show('dispatch', null), true, 'the evening’s commitment')
    assert.equal(await show('in-service', 'bms-1a'), true)
    const told = async (...lines: string[]): Promise<Told> => {
      for (const line of [...lines, '{"bill":["pcs-1","pcs-2","pcs-3"]}']) plant.write(line)
      // The bill comes when what was said before it has been heard.
      return plant.next()
    }
    await told('{"away":"pcs-1"}')
    assert.equal(await show('in-service', 'bms-1a'), false, 'behind a converter that is away')
    await told('{"away":"pcs-2"}', 'not JSON')
    assert.equal(await show('in-service', 'pcs-2'), false)
    const { update, early } = (await told('{"back":"pcs-1"}')) as {
      update: { penalty: number }
      early: { commitmentsBroken: number }
    }
    assert.ok(update.penalty > 0, 'two of three converters away while power is sold')
    assert.equal(early.commitmentsBroken, 1)
    assert.equal(await show('in-service', 'bms-1a'), true)
    conditions.close()
  })
  it('meters show every point that a rule may ask for, within its bounds', () => {
    assert.deepEqual([...METERED].sort(), Object.keys(points).sort())
  })
  it('a weak link carries everything in order and slowly, and nothing while it is down', async () => {
    const echo = createServer(socket => socket.pipe(socket)).listen(0, '127.0.0.1')
    await once(echo, 'listening')
    const to = `127.0.0.1:${(echo.address() as AddressInfo).port}`
    const link = await started(
      'sim/doors/weak-link.ts',
      '--listen',
      '127.0.0.1:0',
      '--to',
      to,
      '--bytes-per-second',
      '20000',
    )
    const sent = Buffer.from(Array.from({ length: 4000 }, (_, n) => n % 251))
    const began = performance.now()
    const socket = connect(link.port, '127.0.0.1')
    socket.write(sent)
    const parts: Buffer[] = []
    for await (const part of socket) {
      parts.push(part as Buffer)
      if (parts.reduce((all, one) => all + one.length, 0) === sent.length) break
    }
    assert.deepEqual(Buffer.concat(parts), sent)
    // 4000 bytes at 20,000 a second, a thousand each 50 ms: the last of them not before the fourth turn.
    assert.ok(performance.now() - began >= 150)
    link.write('down')
    assert.equal((await link.next()).link, 'down')
    const shut = connect(link.port, '127.0.0.1')
    shut.on('error', () => {})
    await once(shut, 'close')
    link.write('up')
    assert.equal((await link.next()).link, 'up')
    const again = connect(link.port, '127.0.0.1')
    again.write('there')
    const [answer] = (await once(again, 'data')) as [Buffer]
    assert.equal(String(answer), 'there')
    again.destroy()
    echo.close()
  })
})
