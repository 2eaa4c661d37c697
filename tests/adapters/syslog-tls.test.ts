import assert from 'node:assert/strict'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { type Authority, type CertifiedKey, certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { type SyslogTarget, SyslogTls } from '../../src/adapters/syslog-tls.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { frame } from '../../src/core/ledger/syslog.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import type { SiemLine } from '../../src/flows/siem-ports.ts'
import { CutLine } from '../worlds/cut-line.ts'
import { FrameReader } from '../worlds/syslog-reader.ts'

const PATIENCE = { connect: 2000, write: 300, end: 300 }

/** What a receiver does with a connection: reads it as syslog until the test says otherwise. */
type Serve = (socket: TLSSocket) => void

describe('syslog over TLS', () => {
  let authority: Authority
  let stranger: Authority
  let own: CertifiedKey
  let others: CertifiedKey
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const now = instant(Date.now())
  const certified = (by: Authority, ...hosts: string[]) =>
    certifyNewKey(by, { identity: { kind: 'fleet', id: 'receiver' }, hosts }, now)

  before(async () => {
    authority = await createAuthority('receivers', now)
    stranger = await createAuthority('strangers', now)
    own = await certified(authority)
    others = await certified(stranger)
  })
  after(() => {
    for (const socket of sockets) socket.destroy()
    for (const server of servers) server.close()
  })

  const listening = async (server: Server): Promise<number> => {
    servers.push(server)
    server.on('connection', socket => {
      sockets.add(socket)
      socket.on('error', () => undefined)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }
  const receiver = async (cert: CertifiedKey, serve: Serve, more: TlsOptions = {}): Promise<number> => {
    const server = createServer({ ...cert, ...more }, serve)
    server.on('tlsClientError', () => undefined)
    server.on('secureConnection', socket => socket.on('error', () => undefined))
    return listening(server)
  }
  const to = (port: number, change: Partial<SyslogTarget> = {}, patience = PATIENCE): SyslogTls => {
    const target = { host: '127.0.0.1', port, serverName: 'soc.example', ca: authority.cert, ...change }
    return orThrow(SyslogTls.to('soc', target, patience))
  }
  const code = (outcome: unknown): string => (isRefusal(outcome) ? outcome.code : 'taken')
  /** Sends a message and ends: what the first refusal on the way was. */
  const sent = async (link: SyslogTls): Promise<string> => {
    const line = await link.open()
    if (isRefusal(line)) return line.code
    for (let n = 0; n < 5; n += 1) {
      const refused = await line.send(frame(utf8('<110>1 - - - - - -')))
      if (refused !== null) return refused.code
    }
    return code(await line.end())
  }
  const reading = (got: FrameReader): Serve => {
    return socket => {
      socket.on('data', (part: Buffer) => got.take(part))
      socket.on('end', () => socket.end())
    }
  }

  test('carries frames, and an orderly end says that all of them were read', async () => {
    const got = new FrameReader()
    const line = orThrow(await to(await receiver(await certified(authority, 'soc.example'), reading(got))).open())
    const messages = ['<110>1 - - - - - -', 'x'.repeat(60_000), 'é'].map(text => Buffer.from(text))
    for (const message of messages) assert.equal(await line.send(frame(message)), null)
    assert.equal(await line.end(), null)
    assert.deepEqual(got.messages, messages)
    assert.equal(code(await line.send(utf8('1 a'))), 'siem-connection-lost', 'it is over')
  })

  test('attack: a receiver with a certificate of somebody else, of another name, that has expired, or with old TLS', async () => {
    let spoken = 0
    const listens: Serve = socket => {
      socket.on('data', part => {
        spoken += part.length
      })
      socket.on('end', () => socket.end())
    }
    const expired = await certifyNewKey(
      authority,
      { identity: { kind: 'fleet', id: 'receiver' }, hosts: ['soc.example'], days: 1 },
      instant(now - 30 * 86_400_000),
    )
    const good = await certified(authority, 'soc.example')
    const rows: [string, number, Partial<SyslogTarget>][] = [
      ['of a strange authority', await receiver(await certified(stranger, 'soc.example'), listens), {}],
      ['of another name', await receiver(await certified(authority, 'other.example'), listens), {}],
      ['of its address only', await receiver(await certified(authority, '127.0.0.1'), listens), {}],
      ['that has expired', await receiver(expired, listens), {}],
      ['of an authority that the system does not know', await receiver(good, listens), { ca: null }],
      [
        'with TLS 1.1',
        await receiver(good, listens, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
        {},
      ],
    ]
    for (const [name, port, change] of rows) assert.equal(await sent(to(port, change)), 'siem-tls-refused', name)
    assert.equal(spoken, 0, 'not a byte was said to any of them')
    const byAddress = to(await receiver(await certified(authority, '127.0.0.1'), listens), { serverName: '127.0.0.1' })
    assert.equal(await sent(byAddress), 'taken')
  })

  test('shows its certificate, and says when it is not the one that the receiver wants', async () => {
    const got = new FrameReader()
    const cert = await certified(authority, 'soc.example')
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const strict = { requestCert: true, rejectUnauthorized: true, ca: authority.cert, maxVersion: version }
      const port = await receiver(cert, reading(got), strict)
      assert.equal(await sent(to(port, own)), 'taken', version)
      for (const shown of [others, {}]) {
        const said = await sent(to(port, shown))
        // With TLS 1.3 our side of the handshake is over before the receiver has judged: whichever comes first is seen.
        assert.ok(['siem-tls-refused', 'siem-connection-lost'].includes(said), `${version}: ${said}`)
      }
    }
  })

  test('a receiver that does not read is not written to without bound, and is let go', async () => {
    const port = await receiver(await certified(authority, 'soc.example'), socket => socket.pause())
    const line = orThrow(await to(port).open())
    const part = frame(Buffer.alloc(64_000, 'x'))
    let taken = 0
    let refused = null
    while (refused === null && taken < 1000) {
      refused = await line.send(part)
      if (refused === null) taken += 1
    }
    assert.equal(refused?.code, 'siem-stalled')
    assert.ok(taken * part.length < 32 << 20, `${taken} parts were taken`)
    assert.equal(line.fault()?.code, 'siem-stalled')
  })

  test('what is lost on the way is not confirmed', async () => {
    const cert = await certified(authority, 'soc.example')
    const got = new FrameReader()
    const line = await CutLine.to(await receiver(cert, reading(got)))
    try {
      // Cut at each place of the stream: in the handshake, in a message, behind the last one before the end.
      const seen = new Set<string>()
      for (let budget = 200; budget < 3000; budget += 97) {
        line.budget = () => budget
        got.messages.length = 0
        const said = await sent(to(line.port))
        seen.add(said)
        if (said === 'taken') assert.equal(got.messages.length, 5, `cut behind ${budget} bytes`)
      }
      assert.deepEqual([...seen].sort(), ['siem-connection-lost', 'siem-tls-refused', 'taken'])
    } finally {
      await line.close()
    }
    const open = await receiver(cert, socket => void socket.resume(), { allowHalfOpen: true } as TlsOptions)
    assert.equal(await sent(to(open)), 'siem-unconfirmed', 'one that stays open')
  })

  test('a receiver that goes while nothing is sent is noticed', async () => {
    const goes: TLSSocket[] = []
    const port = await receiver(await certified(authority, 'soc.example'), socket => {
      goes.push(socket)
      socket.resume()
    })
    const line = orThrow(await to(port).open())
    await line.send(utf8('1 a'))
    assert.equal(line.fault(), null)
    await until(() => goes.length > 0)
    goes[0]!.end()
    await until(() => line.fault() !== null)
    assert.equal(line.fault()?.code, 'siem-connection-lost')
    assert.equal(code(await line.end()), 'siem-connection-lost')
  })

  test('attack: an end by the receiver that came before ours says nothing of what it has read', async () => {
    let there: TLSSocket | undefined
    const paused: Serve = socket => {
      there = socket
      socket.pause()
    }
    const port = await receiver(await certified(authority, 'soc.example'), paused, {
      allowHalfOpen: true,
    } as TlsOptions)
    // Patient enough for a machine that is busy: what is told apart here is not who was late.
    const line = orThrow(await to(port, {}, { ...PATIENCE, write: 20_000, end: 20_000 }).open())
    // More than fits on the way: our own end waits behind it.
    const sends = Array.from({ length: 200 }, () => line.send(frame(Buffer.alloc(64_000, 'x'))))
    await until(() => there !== undefined)
    there!.end()
    const late = performance.now() + 150
    await until(() => line.fault() !== null || performance.now() > late)
    const ended = line.end()
    there!.resume()
    assert.equal(code(await ended), 'siem-connection-lost')
    line.drop()
    await Promise.all(sends)
  })

  test('attack: a peer that talks without end, and one that never answers', async () => {
    const talks = await receiver(await certified(authority, 'soc.example'), socket => {
      const more = (): void => {
        while (socket.writable && socket.write('x'.repeat(65_536)));
        socket.once('drain', more)
      }
      more()
    })
    const line = orThrow(await to(talks).open())
    await until(() => line.fault() !== null)
    assert.equal(line.fault()?.actual, 'a peer that talks')
    const silent = await listening(createTcpServer(() => undefined))
    const brief = orThrow(
      SyslogTls.to('soc', { host: '127.0.0.1', port: silent, ca: null }, { ...PATIENCE, connect: 50 }),
    )
    assert.equal(code(await brief.open()), 'siem-not-reachable')
    const closes = await listening(createTcpServer(socket => socket.destroy()))
    assert.equal(code(await to(closes).open()), 'siem-tls-refused')
  })

  test('a key that is not that of its certificate, and what is no certificate, are refused at the start', () => {
    const target = { host: 'soc.example', port: 6514, ca: null }
    for (const wrong of [{ ca: 'no PEM' }, { cert: own.cert, key: others.key }, { cert: 'x', key: own.key }]) {
      assert.equal(code(SyslogTls.to('soc', { ...target, ...wrong })), 'certificate-malformed')
    }
  })

  test('is let go of at once, also when it is stuck', async () => {
    const port = await receiver(await certified(authority, 'soc.example'), socket => socket.pause())
    const line: SiemLine = orThrow(await to(port).open())
    const stuck = (async () => {
      for (;;) {
        const refused = await line.send(frame(Buffer.alloc(64_000, 'x')))
        if (refused !== null) return refused.code
      }
    })()
    await new Promise(resolve => setImmediate(resolve))
    line.drop()
    assert.ok(['siem-connection-lost', 'siem-stalled'].includes(await stuck))
  })
})

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise(resolve => setTimeout(resolve, 2))
}
