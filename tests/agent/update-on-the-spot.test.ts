import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { fromBase64, toBase64 } from '../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { memoryWrappingKey, p256Pair, wrapOf } from '../worlds/wrapping.ts'
import { AgentBench, BEHAVIOUR, script } from './bench.ts'

/** The agent as it is run in production, on a board of files, updated without a network. */
describe('a Linux controller that is updated on the spot', () => {
  let bench: AgentBench
  before(async () => {
    bench = await AgentBench.make({ config: { probes: { alive: { kind: 'heartbeat', withinMillis: 5_000 } } } })
    bench.agent.start()
    await bench.agent.next('application-started')
  })
  after(() => bench.close())

  it('runs what its factory gave it, and says so', async () => {
    const status = orThrow(await bench.ask({ do: 'status' })) as { state: string; running: { version: string } }
    assert.deepEqual([status.state, status.running.version], ['stable', '1.0.0'])
  })

  it('stages a release, and restarts into it only when it is told to', async () => {
    const probes = ['alive']
    const wanted = await bench.maker.release({
      version: '1.1.0',
      sequence: 3,
      counter: 2,
      probes,
      image: script('1.1.0', BEHAVIOUR.works, 500),
    })
    assert.deepEqual(orThrow(await bench.ask({ do: 'stage', ...wanted })), { staged: '1.1.0', slot: 'b' })
    assert.deepEqual(bench.started, ['1.0.0'])
    const confirmed = bench.agent.next('confirmed')
    orThrow(await bench.ask({ do: 'arm' }))
    const { version, slot, counter } = await confirmed
    assert.deepEqual([version, slot, counter], ['1.1.0', 'b', 2])
    assert.deepEqual(bench.started, ['1.0.0', '1.1.0'])
    assert.equal(bench.applications.length, 1)
  })

  it('goes back from an application that does not work, and never takes that version again', async () => {
    const image = script('1.2.0', BEHAVIOUR.ends)
    const wanted = await bench.maker.release({ version: '1.2.0', sequence: 4, counter: 2, windowMillis: 60_000, image })
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    const [reverted, back] = [
      bench.agent.next('reverted'),
      bench.agent.next('application-started', ({ version }) => version === '1.1.0'),
    ]
    orThrow(await bench.ask({ do: 'arm' }))
    assert.deepEqual([(await reverted).version, (await reverted).cause], ['1.2.0', 'application keeps ending'])
    await back
    const again = await bench.ask({ do: 'stage', ...wanted })
    assert.ok(isRefusal(again))
    assert.deepEqual([again.code, again.actual], ['version-failed-before', 'the sequence number of one that has'])
    // Nor is it taken under another name.
    const renamed = await bench.maker.release({ version: '1.2.1', sequence: 40, counter: 2, image })
    const same = await bench.ask({ do: 'stage', ...renamed })
    assert.ok(isRefusal(same))
    assert.deepEqual([same.code, same.actual], ['version-failed-before', 'the image of one that has'])
  })

  it('takes no release that names a probe which it has not, and takes it once agent.yaml has it', async () => {
    const alive = { kind: 'heartbeat', withinMillis: 5_000 } as const
    const probes = ['alive', 'moon-phase']
    const image = script('1.3.0')
    const wanted = await bench.maker.release({ version: '1.3.0', sequence: 5, counter: 2, probes, image })
    const before = orThrow(await bench.ask({ do: 'status' })) as { previous: object }
    const refused = await bench.ask({ do: 'stage', ...wanted })
    assert.ok(isRefusal(refused))
    assert.equal(refused.code, 'probe-missing')
    assert.deepEqual([refused.expected, refused.actual], ['a probe named moon-phase', 'alive in agent.yaml'])
    // Nothing was erased for it: the way back is there.
    assert.deepEqual((orThrow(await bench.ask({ do: 'status' })) as typeof before).previous, before.previous)

    bench.configure({ probes: { alive, 'moon-phase': { ...alive } } })
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    bench.configure({ probes: { alive } })
    const unarmed = await bench.ask({ do: 'arm' })
    assert.ok(isRefusal(unarmed) && unarmed.code === 'probe-missing')
    orThrow(await bench.ask({ do: 'withdraw' }))
  })

  it('does not restart into a release while agent.yaml cannot be read, and gives none up for it', async () => {
    const probes = { alive: { kind: 'heartbeat', withinMillis: 5_000 } } as const
    const wanted = await bench.maker.release({ version: '1.3.1', sequence: 7, counter: 2, image: script('1.3.1') })
    writeFileSync(agentFiles(bench.folder).config, 'probes: [')
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    const unarmed = await bench.ask({ do: 'arm' })
    assert.ok(isRefusal(unarmed) && unarmed.code === 'config-malformed')
    bench.configure({ probes })
    orThrow(await bench.ask({ do: 'withdraw' }))
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    orThrow(await bench.ask({ do: 'withdraw' }))
  })

  it('takes an encrypted release with the wrap that was made for it, and with no other', async () => {
    const holder = memoryWrappingKey()
    const encrypt = { keys: [holder.spki], cipher: nodeCipher }
    const stated = { version: '1.3.5', sequence: 8, counter: 2, image: script('1.3.5', BEHAVIOUR.works, 800), encrypt }
    const { envelope, payload, ...rest } = await bench.maker.release(stated)
    const release = { envelope, payload, ...rest }
    const codeOf = async (wrap?: Uint8Array): Promise<string> => {
      const asked = { do: 'stage', envelope, payload, ...(wrap === undefined ? {} : { wrap }) } as const
      const answer = await bench.ask(asked)
      return isRefusal(answer) ? answer.code : JSON.stringify(answer)
    }
    assert.equal(await codeOf(), 'wrap-missing')
    assert.equal(await codeOf(await wrapOf(release, holder, p256Pair().spki)), 'wrap-for-another-key')
    const own = fromBase64(bench.request.decryption?.key ?? '') as Uint8Array
    assert.equal(await codeOf(await wrapOf(release, holder, own)), '{"staged":"1.3.5","slot":"a"}')
    orThrow(await bench.ask({ do: 'withdraw' }))
  })

  it('gives up what is staged when it is told to, and has nothing to arm then', async () => {
    const wanted = await bench.maker.release({ version: '1.4.0', sequence: 6, counter: 2, image: script('1.4.0') })
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    assert.deepEqual(orThrow(await bench.ask({ do: 'withdraw' })), { state: 'stable' })
    const armed = await bench.ask({ do: 'arm' })
    assert.ok(isRefusal(armed))
    assert.equal(armed.code, 'nothing-staged')
  })

  it('refuses an image that is not the signed one, and goes on running', async () => {
    const wanted = await bench.maker.release({ version: '1.5.0', sequence: 7, counter: 2, image: script('1.5.0') })
    const payload = wanted.payload.slice()
    payload[40] = (payload[40] as number) ^ 1
    const staged = await bench.ask({ do: 'stage', envelope: wanted.envelope, payload })
    assert.ok(isRefusal(staged))
    const armed = await bench.ask({ do: 'arm' })
    assert.ok(isRefusal(armed))
    assert.equal(armed.code, 'nothing-staged')
    assert.equal(bench.applications.length, 1)
  })

  it('takes no harm from a connection that breaks in the middle, or that says nothing sensible', async () => {
    const image = script('1.6.0', BEHAVIOUR.works, 1000)
    const wanted = await bench.maker.release({ version: '1.6.0', sequence: 8, counter: 2, image })
    const question = `${JSON.stringify({ do: 'stage', envelope: toBase64(wanted.envelope) })}\n`
    const broken = connect(agentFiles(bench.folder).control)
    broken.write(question)
    await new Promise(resolve => broken.write(wanted.image.subarray(0, 40_000), resolve))
    broken.destroy()
    for (const words of ['', '\n', '{"do":"dance"}\n', 'x'.repeat(300_000)]) {
      const socket = connect({ path: agentFiles(bench.folder).control, allowHalfOpen: true })
      socket.on('error', () => {})
      socket.end(words)
      await once(socket.resume(), 'close')
    }
    assert.deepEqual(orThrow(await bench.ask({ do: 'stage', ...wanted })), { staged: '1.6.0', slot: 'a' })
    orThrow(await bench.ask({ do: 'withdraw' }))
  })

  it('has one owner: a second agent on the board is refused', async () => {
    const { AgentProcess } = await import('./agent-process.ts')
    const second = new AgentProcess(bench.folder, bench.at('second.log'), bench.undertaker)
    second.start()
    assert.equal(await second.ended(), 75)
    assert.match(second.tail(), /another process owns the board/)
  })

  it('ends in order, with everything that it started, and with a history without a gap', async () => {
    assert.equal(await bench.agent.stop(), 0)
    assert.deepEqual(bench.processes, [])
    const entries = bench.history()
    assert.deepEqual(
      entries.map(({ decision }) => decision),
      entries.map((_, index) => index + 1),
    )
    const told = entries.filter(({ event }) => event === 'confirmed' || event === 'reverted')
    assert.deepEqual(
      told.map(({ event, version }) => `${event} ${version}`),
      ['confirmed 1.1.0', 'reverted 1.2.0'],
    )
  })
})
