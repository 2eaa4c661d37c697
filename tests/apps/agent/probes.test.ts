import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { killProcessesOf, processesOf } from '../../../src/adapters/processes-linux.ts'
import { passLines } from '../../../src/apps/agent/bounded-lines.ts'
import { readBaseline, writeBaseline } from '../../../src/apps/agent/probes/baseline.ts'
import { readProbes, takeFigures } from '../../../src/apps/agent/probes/probes.ts'
import { causeOf, readSession, writeSession } from '../../../src/apps/agent/session.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { AgentConfig, FIRST_AGENT_CONFIG, type ProbeConfig } from '../../../src/wire/agent-config.ts'
import { parseConfig } from '../../../src/wire/config.ts'

const MARK = { name: 'VOLTSEAL_TEST_MARK', value: `${process.pid}-probes-${performance.now()}` }
const folder = mkdtempSync(join(tmpdir(), 'voltseal-probes-'))
after(async () => {
  await killProcessesOf(MARK, 10_000)
  rmSync(folder, { recursive: true, force: true })
})

const LIMIT = 20_000

function read(
  probe: ProbeConfig,
  more: { beat?: number | null; figures?: Record<string, number>; limit?: number } = {},
) {
  return readProbes(['it'], more.limit ?? LIMIT, {
    probes: { it: probe },
    beat: () => more.beat ?? null,
    figures: more.figures ?? {},
    mark: { [MARK.name]: MARK.value },
  })
}

const command = (line: string, timeoutMillis = LIMIT): ProbeConfig => {
  return { kind: 'command', run: ['/bin/sh', '-c', line], timeoutMillis }
}
const figure = (line: string, tolerance: { absolute: number } | { relative: number }): ProbeConfig => {
  return { kind: 'figure', run: ['/bin/sh', '-c', line], timeoutMillis: LIMIT, tolerance }
}

describe('a command', () => {
  const rows: readonly (readonly [string, ProbeConfig, 'pass' | 'fail'])[] = [
    ['that ends with 0', command('exit 0'), 'pass'],
    ['that ends with 1', command('exit 1'), 'fail'],
    ['that is killed', command('kill -9 $$'), 'fail'],
    ['that prints without end', command('yes | head -c 3000000'), 'pass'],
    ['that has too much to say', { kind: 'command', run: ['true', 'x'.repeat(200_000)], timeoutMillis: LIMIT }, 'fail'],
    ['that is not there', { kind: 'command', run: ['/nowhere/at-all'], timeoutMillis: LIMIT }, 'fail'],
    ['that takes too long', command('sleep 1000', 50), 'fail'],
    ['that leaves a child behind which keeps its output', command('sleep 1000 & exit 0', 200), 'fail'],
  ]
  for (const [name, probe, expected] of rows) {
    it(`${name}: ${expected}`, async () => assert.deepEqual(await read(probe), { it: expected }))
  }

  it('and what it started is gone when its time is over', async () => {
    await read(command('sleep 1000 & sleep 1000', 50))
    const end = performance.now() + 20_000
    while (processesOf(MARK).length > 0 && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 5))
    assert.deepEqual(processesOf(MARK), [])
  })

  it('has no longer than the round has', async () => {
    assert.deepEqual(await read(command('sleep 2'), { limit: 50 }), { it: 'fail' })
  })
})

describe('an HTTP probe', () => {
  const server = createServer((request, reply) => {
    if (request.url === '/never') return
    if (request.url === '/endless') {
      reply.writeHead(200)
      reply.write('x')
      return
    }
    reply.writeHead(Number(request.url?.slice(1)), request.url === '/302' ? { location: '/200' } : {}).end()
  })
  let url = ''
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const rows: readonly (readonly [path: string, number, 'pass' | 'fail'])[] = [
    ['/200', LIMIT, 'pass'],
    ['/204', LIMIT, 'pass'],
    ['/302', LIMIT, 'fail'],
    ['/404', LIMIT, 'fail'],
    ['/503', LIMIT, 'fail'],
    ['/endless', LIMIT, 'pass'],
    ['/never', 50, 'fail'],
  ]
  for (const [path, timeoutMillis, expected] of rows) {
    it(`${path}: ${expected}`, async () => {
      assert.deepEqual(await read({ kind: 'http', url: `${url}${path}`, timeoutMillis }), { it: expected })
    })
  }

  it('asks this machine alone', () => {
    for (const url of ['http://10.0.0.1/', 'http://127.0.0.1.example/', 'https://127.0.0.1/', 'http://localhost@x/']) {
      const config = { ...FIRST_AGENT_CONFIG, probes: { it: { kind: 'http', url, timeoutMillis: 1 } } }
      const parsed = parseConfig(AgentConfig, config, 'agent.yaml')
      assert.ok(isRefusal(parsed), url)
      assert.equal(parsed.code, 'config-malformed')
    }
  })
})

describe('a heartbeat', () => {
  it('passes while it is young enough, and not before the first', async () => {
    const probe: ProbeConfig = { kind: 'heartbeat', withinMillis: 60_000 }
    assert.deepEqual(await read(probe), { it: 'fail' })
    assert.deepEqual(await read(probe, { beat: performance.now() }), { it: 'pass' })
    assert.deepEqual(await read(probe, { beat: performance.now() - 60_001 }), { it: 'fail' })
  })
})

describe('a figure', () => {
  const rows: readonly (readonly [string, ProbeConfig, Record<string, number>, 'pass' | 'fail'])[] = [
    ['as before', figure('echo 3.30', { absolute: 0 }), { it: 3.3 }, 'pass'],
    ['near enough', figure('echo 25.5', { absolute: 0.5 }), { it: 25 }, 'pass'],
    ['too far', figure('echo 25.6', { absolute: 0.5 }), { it: 25 }, 'fail'],
    ['within its share', figure('echo -95', { relative: 0.05 }), { it: -100 }, 'pass'],
    ['beyond its share', figure('echo -94', { relative: 0.05 }), { it: -100 }, 'fail'],
    ['without one from before', figure('echo 1', { absolute: 100 }), {}, 'fail'],
    ['not a number', figure('echo NaN', { absolute: 100 }), { it: 1 }, 'fail'],
    ['two numbers', figure('echo 1 2', { absolute: 100 }), { it: 1 }, 'fail'],
    ['nothing', figure('true', { absolute: 100 }), { it: 0 }, 'fail'],
    ['a number of a command that failed', figure('echo 1; exit 1', { absolute: 100 }), { it: 1 }, 'fail'],
  ]
  for (const [name, probe, figures, expected] of rows) {
    it(`${name}: ${expected}`, async () => assert.deepEqual(await read(probe, { figures }), { it: expected }))
  }

  it('is taken before the update, for the probes that the release names, and kept for that update alone', async () => {
    const probes = { cells: figure('echo 7', { absolute: 1 }), other: figure('exit 1', { absolute: 1 }) }
    const parts = { probes, mark: { [MARK.name]: MARK.value } }
    const figures = orThrow(await takeFigures(['cells', 'unknown'], parts))
    const path = join(folder, 'baseline.json')
    writeBaseline(path, { update: 'aa', figures })
    assert.deepEqual(readBaseline(path, 'aa'), { cells: 7 })
    assert.deepEqual(readBaseline(path, 'bb'), {})
    const missing = await takeFigures(['cells', 'other'], parts)
    assert.ok(isRefusal(missing))
    assert.deepEqual([missing.code, missing.subject], ['baseline-missing', 'probe other'])
  })

  it('of a file that cannot be read is none', () => {
    const path = join(folder, 'damaged.json')
    for (const text of ['', '{', 'null', '{"update":"aa","figures":{"a":"1"}}']) {
      writeFileSync(path, text)
      assert.deepEqual(readBaseline(path, 'aa'), {})
    }
  })
})

describe('probes that the agent does not have', () => {
  it('fail, by their names', async () => {
    const parts = { probes: {}, beat: () => null, figures: {}, mark: {} }
    assert.deepEqual(await readProbes(['ems-link', 'constructor'], LIMIT, parts), {
      'ems-link': 'fail',
      constructor: 'fail',
    })
  })
})

describe('what an application writes', () => {
  const pass = async (text: string, now: () => number = () => 0): Promise<string[]> => {
    const [stream, lines] = [new PassThrough(), [] as string[]]
    passLines(stream, line => lines.push(line), now)
    stream.end(text)
    await once(stream, 'end')
    return lines
  }

  it('is passed on line by line, the last one without its end too', async () => {
    assert.deepEqual(await pass('one\ntwo\nthree'), ['one', 'two', 'three'])
  })

  it('is cut where a line is too long, and counted where there are too many', async () => {
    const [long] = await pass(`${'x'.repeat(1_000_000)}\n`)
    assert.equal(long?.length, 1024)
    const lines = await pass('x\n'.repeat(10_000))
    assert.equal(lines.length, 201)
    assert.equal(lines.at(-1), '(9800 lines more)')
  })
})

describe('why a boot stage starts', () => {
  const rows = [
    [null, 'power-loss'],
    [{ ended: false }, 'power-loss'],
    [{ ended: true }, 'power-on'],
  ] as const
  for (const [before, expected] of rows) {
    it(`${JSON.stringify(before)}: ${expected}`, () => assert.equal(causeOf(before), expected))
  }

  it('is read from a file that may be damaged', () => {
    const path = join(folder, 'session.json')
    assert.equal(readSession(path), null)
    assert.equal(writeSession(path, { ended: true }), null)
    assert.deepEqual(readSession(path), { ended: true })
    writeFileSync(path, '{"ended":1}')
    assert.equal(readSession(path), null)
  })
})
