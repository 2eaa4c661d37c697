import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { World } from '../../../sim/doors/world.ts'
import { type Authority, certifyNewKey, createAuthority } from '../../../src/adapters/certificates.ts'
import { readConfig } from '../../../src/adapters/config-file.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { openWitnessLink } from '../../../src/apps/fleet/witnesses.ts'
import type { GatewayStatus } from '../../../src/apps/gateway/control.ts'
import type { Serving } from '../../../src/apps/process/serve.ts'
import { readWitnessConfig } from '../../../src/apps/witness/files.ts'
import type { WitnessMade } from '../../../src/apps/witness/init.ts'
import { startWitness, type WitnessStatus } from '../../../src/apps/witness/serve.ts'
import { fromUtf8 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { checkQuorum, readPolicy } from '../../../src/core/ledger/log-policy.ts'
import { type Note, parseNote, verifierKey } from '../../../src/core/ledger/signed-note.ts'
import { writeAddCheckpoint } from '../../../src/core/ledger/witness-request.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { StatusView } from '../../../src/wire/fleet-views.ts'
import { testSigner } from '../../core/ledger/keys.ts'
import { call, fleetUrl, tls, voltseal } from '../../worlds/people.ts'
import { image, QUAY } from '../../worlds/quay.ts'

/** A fleet whose log is witnessed by its gateway and by a program of somebody else, over TLS. */
describe('voltseal witness', () => {
  let world: World
  let witness: Serving | undefined
  let made: WitnessMade
  let authority: Authority
  const folder = () => world.at('witness')

  before(async () => {
    world = await World.start(QUAY)
    const now = instant(Date.now())
    authority = await createAuthority('a regulator', now)
    const grant = { identity: { kind: 'fleet', id: 'witness' }, hosts: [world.host] } as const
    const server = await certifyNewKey(authority, grant, now)
    for (const [name, pem] of Object.entries({ cert: server.cert, key: server.key, ca: authority.cert })) {
      writeFileSync(world.at(`witness-${name}.pem`), pem, { mode: 0o600 })
    }
    const { auditKey } = readConfig(world.at('fleet', 'profile', 'profile.yaml')) as { auditKey: string }
    const listens = ['--host', world.host, '--port', '8447', '--prefix', '/w1']
    const certified = ['--cert', world.at('witness-cert.pem'), '--key', world.at('witness-key.pem')]
    const named = ['--name', 'regulator.example/w1', '--log', auditKey]
    made = (await world.must('witness', 'init', folder(), ...named, ...listens, ...certified)) as WitnessMade
    await start()
    const gateway = JSON.parse(readFileSync(world.at('gateway', 'enrolment.json'), 'utf8')) as { witnessKey: string }
    const policy = [
      `witness regulator ${made.key} ${made.url}`,
      `witness quay ${gateway.witnessKey}`,
      'group both all regulator quay',
      'quorum both',
    ]
    writeFileSync(world.at('fleet', 'witnesses.policy'), `${policy.join('\n')}\n`)
    writeFileSync(world.at('fleet', 'witnesses.pem'), authority.cert)
    await world.fleet?.close()
    appendFileSync(world.at('fleet', 'fleet.yaml'), 'witnesses:\n  policy: witnesses.policy\n  ca: witnesses.pem\n')
    await world.startFleet()
  })
  after(async () => {
    await witness?.close()
    await world?.stop()
  })

  async function start(): Promise<void> {
    const config = orThrow(readWitnessConfig(folder()))
    witness = orThrow(await startWitness(folder(), config, pino({ level: 'silent' })))
  }

  const status = async () => (await world.must('witness', 'status', folder())) as WitnessStatus
  const note = async (name: string): Promise<Note> => {
    const answer = orThrow(await call(fleetUrl(world), tls.administrator(world), 'GET', `/log/${name}`))
    return parseNote(fromUtf8(answer.body) ?? '') as Note
  }

  it('signs the log of a fleet together with its gateway, and says so', async () => {
    await world.until('enough have signed', async () => {
      const answer = await call(fleetUrl(world), tls.administrator(world), 'GET', '/log/checkpoint.witnessed')
      return !isRefusal(answer)
    })
    const policy = orThrow(readPolicy(readFileSync(world.at('fleet', 'witnesses.policy'), 'utf8'), nodeCrypto))
    const cosigned = orThrow(checkQuorum(nodeCrypto, policy, await note('checkpoint.witnessed')))
    assert.deepEqual([...cosigned.keys()], ['regulator', 'quay'])
    const [log] = (await status()).logs
    assert.ok(log !== undefined && log.size > 0 && log.trouble === null)
    const gateway = (await world.must('gateway', 'status', world.at('gateway'))) as GatewayStatus
    assert.ok(gateway.log.size > 0 && gateway.log.trouble === null)
    const { alarms, log: shown } = (await world.must('fleet', 'status')) as StatusView
    assert.deepEqual(alarms, [])
    assert.ok((shown.witnessed ?? 0) > 0 && (shown.witnessed ?? 0) <= shown.entries)
    assert.deepEqual(
      shown.witnesses.map(({ name, entries, at }) => [name, entries > 0, at !== null]),
      [
        ['regulator', true, true],
        ['quay', true, true],
      ],
    )
    const metrics = fromUtf8(orThrow(await call(fleetUrl(world), tls.administrator(world), 'GET', '/metrics')).body)
    assert.match(metrics ?? '', /^voltseal_log_witnessed_entries [1-9]/m)
    assert.match(metrics ?? '', /^voltseal_log_witness_alarm 0$/m)
  })

  it('goes on after it was off, from what it kept', async () => {
    const before = (await status()).logs[0]?.size ?? 0
    await witness?.close()
    await start()
    assert.equal((await status()).logs[0]?.size, before)
    await world.publish(await world.release('bms', '1.1.0', image(2)))
    await world.until('it has signed more', async () => ((await status()).logs[0]?.size ?? 0) > before)
  })

  it('forgets a log by hand alone, and not while it serves', async () => {
    const running = await voltseal(world, ['witness', 'forget', folder(), '--log', 'fleet'])
    assert.equal(running.refusal?.code, 'data-folder-in-use')
    await witness?.close()
    const forgotten = (await world.must('witness', 'forget', folder(), '--log', 'fleet')) as { checkpoint: string }
    assert.match(forgotten.checkpoint, /^fleet\n\d+\n/)
    const twice = await voltseal(world, ['witness', 'forget', folder(), '--log', 'fleet'])
    assert.equal(twice.refusal?.code, 'witness-log-unknown')
    await start()
    // Who has signed all there is is not asked again before there is more.
    await world.publish(await world.release('bms', '1.2.0', image(3)))
    await world.until('it has signed it anew', async () => ((await status()).logs[0]?.size ?? 0) > 0)
  })

  type Answer = { readonly status: number; readonly type: string; readonly body: string }
  function post(body: string | Uint8Array | Readable, path = '/w1/add-checkpoint', method = 'POST'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: world.host, port: 8447, path, method, ca: authority.cert, agent: false },
        response => {
          let text = ''
          response.on('data', part => {
            text += part
          })
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body: text }),
          )
        },
      )
      asked.on('error', reject)
      if (body instanceof Readable) body.pipe(asked)
      else asked.end(body)
    })
  }

  it('answers add-checkpoint as the specification says', async () => {
    const { text } = await note('checkpoint')
    const signed = parseNote(orThrow(await logNote())) as Note
    const size = Number(signed.text.split('\n')[1])
    const checkpoint = orThrow(await logNote())
    const known = (await status()).logs[0]?.size ?? 0
    const other = await post(writeAddCheckpoint({ old: known === 1 ? 0 : 1, proof: [], checkpoint }))
    assert.deepEqual(
      [other.status, other.type, other.body],
      [409, 'text/x.tlog.size', `${(await status()).logs[0]?.size}\n`],
    )
    const beyond = await post(writeAddCheckpoint({ old: size + 1, proof: [], checkpoint }))
    assert.deepEqual([beyond.status, JSON.parse(beyond.body).status], [400, 400])
    const unknown = await post(
      writeAddCheckpoint({ old: 0, proof: [], checkpoint: checkpoint.replace('fleet\n', 'other\n') }),
    )
    assert.deepEqual([unknown.status, JSON.parse(unknown.body).code], [404, 'witness-log-unknown'])
    const forged = await post(
      writeAddCheckpoint({ old: 0, proof: [], checkpoint: checkpoint.replace(`\n${size}\n`, '\n9999\n') }),
    )
    assert.deepEqual([forged.status, JSON.parse(forged.body).code], [403, 'checkpoint-signature-invalid'])
    assert.ok(text.startsWith('fleet\n'))
  })

  const logNote = async (): Promise<string> => {
    const answer = orThrow(await call(fleetUrl(world), tls.administrator(world), 'GET', '/v1/audit/checkpoint'))
    return (JSON.parse(fromUtf8(answer.body) ?? '') as { checkpoint: string }).checkpoint
  }

  for (const [name, body, path, method, expected, code] of [
    ['nothing', '', '/w1/add-checkpoint', 'POST', 400, 'witness-request-malformed'],
    ['what is no request', 'hello\n\nworld\n', '/w1/add-checkpoint', 'POST', 400, 'witness-request-malformed'],
    ['bytes that are no text', Uint8Array.of(255, 254), '/w1/add-checkpoint', 'POST', 400, 'witness-request-malformed'],
    ['more than there can be', 'x'.repeat(100_000), '/w1/add-checkpoint', 'POST', 413, 'witness-request-malformed'],
    ['another address', '', '/add-checkpoint', 'POST', 404, 'not-found'],
    ['another method', '', '/w1/add-checkpoint', 'GET', 405, 'not-found'],
  ] as const) {
    it(`attack: refuses ${name}: ${expected}`, async () => {
      const answer = await post(body, path, method)
      assert.deepEqual([answer.status, answer.type], [expected, 'application/problem+json'])
      assert.equal(JSON.parse(answer.body).code, code)
    })
  }

  it('attack: a body without a length that goes on and on', async () => {
    const answer = await post(Readable.from(Array.from({ length: 100 }, () => 'x'.repeat(1000))))
    assert.equal(answer.status, 413)
  })

  it('attack: serves no network without TLS, whatever its config says', async () => {
    const config = { ...orThrow(readWitnessConfig(folder())), listen: { host: '192.0.2.1', port: 8449 } }
    const { tls: _, ...bare } = config
    const refused = await startWitness(folder(), bare, pino({ level: 'silent' }))
    assert.ok(isRefusal(refused) && refused.code === 'witness-not-loopback')
  })

  for (const [url, code] of [
    ['http://witness.example/w1', 'witness-not-loopback'],
    ['http://192.0.2.1:8447', 'witness-not-loopback'],
    ['ftp://witness.example', 'log-policy-malformed'],
    ['witness.example', 'log-policy-malformed'],
    ['https://witness.example/?a=b', 'log-policy-malformed'],
    ['http://127.0.0.1:8447/w1', null],
    ['https://witness.example/w1/', null],
  ] as const) {
    it(`a policy with the address ${url}: ${code ?? 'taken'}`, () => {
      const link = openWitnessLink(url, null)
      assert.equal(isRefusal(link) ? link.code : null, code)
      if (!isRefusal(link)) link.close()
    })
  }

  it('attack: another key under the name of a gateway, behind its enrolment', async () => {
    const read = (...path: string[]) => JSON.parse(readFileSync(world.at(...path), 'utf8'))
    const { controllers } = read('site', 'enrolment.json')
    const gateway = read('gateway', 'enrolment.json')
    const enrol = async (witnessKey: string) => {
      const body = { site: world.options.site, gateway: { ...gateway, witnessKey }, controllers }
      const answer = await call(fleetUrl(world), tls.administrator(world), 'POST', '/v1/sites', body)
      return isRefusal(answer) ? answer.code : null
    }
    const key = (name: string) => verifierKey(nodeCrypto, { name, key: testSigner(77).key }, 'cosignature') as string
    assert.equal(await enrol(key('gateway/quay')), 'enrolment-key-changed')
    assert.equal(await enrol(key('gateway/reef')), 'witness-key-unsuitable')
    assert.equal(await enrol('no key'), 'witness-key-unsuitable')
    assert.equal(await enrol(gateway.witnessKey), null)
  })

  for (const [name, argv, code] of [
    ['that a network would reach without TLS', ['--host', '192.0.2.1'], 'witness-not-loopback'],
    ['with half a certificate', ['--cert', 'cert.pem'], 'config-malformed'],
    ['for what is no key of a log', ['--log', 'fleet'], 'config-malformed'],
    ['whose name is none', ['--name', 'two words'], 'config-malformed'],
    ['whose name has a scheme', ['--name', 'https://w.example'], 'config-malformed'],
    ['whose key would lie elsewhere than in a token', ['--signing-key', 'key.pem'], 'usage-error'],
  ] as const) {
    it(`is not made ${name}: ${code}`, async () => {
      const { auditKey } = readConfig(world.at('fleet', 'profile', 'profile.yaml')) as { auditKey: string }
      const base = ['witness', 'init', world.at('no-witness'), '--name', 'w.example', '--log', auditKey]
      assert.equal((await voltseal(world, [...base, ...argv])).refusal?.code, code)
    })
  }

  it('knows the log by its new key when a person at the gateway says so, without a restart', async () => {
    const gateway = async () => ((await world.must('gateway', 'status', world.at('gateway'))) as GatewayStatus).log
    await world.fleet?.close()
    await world.must('key', 'generate', world.at('fleet', 'keys', 'next', 'audit'), '--algorithm', 'ed25519')
    const { key, before } = (await world.must('fleet', 'replace-log-key', world.at('fleet'))) as Record<string, string>
    await world.startFleet()
    await world.until('it does not know the key', async () => (await gateway()).trouble?.until === null)
    const { size, trouble } = await gateway()
    assert.equal(trouble?.code, 'checkpoint-key-unknown')
    const trust = (word = '') => voltseal(world, ['gateway', 'trust-log-key', world.at('gateway'), '--key', word])
    for (const wrong of ['nonsense', `other${key}`, made.key]) {
      assert.equal((await trust(wrong)).refusal?.code, 'key-malformed', wrong)
    }
    assert.deepEqual((await trust(key)).json, { key, before })
    await world.until('it signs again', async () => (await gateway()).trouble?.until !== null)
    assert.ok((await gateway()).size > size, 'the log continues what it signed by the old key')
  })
})
