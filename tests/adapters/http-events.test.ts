import assert from 'node:assert/strict'
import { request as ask, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import Fastify from 'fastify'
import { EventStream } from '../../src/adapters/http-events.ts'
import { eventsOf } from '../worlds/event-reader.ts'

/** A server of one stream, and a reader of it. */
async function streaming<T>(
  patience: number,
  write: (stream: EventStream) => Promise<T>,
  read: (response: IncomingMessage, written: Promise<T>) => Promise<void>,
): Promise<T> {
  const server = Fastify({ forceCloseConnections: true })
  let done: Promise<T> | null = null
  server.get('/', (_request, reply) => {
    done = write(new EventStream(reply, patience))
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      ask({ host: '127.0.0.1', port, agent: false }, resolve).on('error', reject).end(),
    )
    response.on('error', () => undefined)
    const written = done as unknown as Promise<T>
    await read(response, written)
    return await written
  } finally {
    await server.close()
  }
}

const BIG = { text: 'x'.repeat(256 * 1024) }

describe('a stream of events', () => {
  test('attack: a reader that takes nothing is cut off, is told so, and costs no memory meanwhile', async () => {
    let sent = 0
    const write = async (stream: EventStream): Promise<number> => {
      while (sent < 400 && (await stream.send({ id: sent, data: BIG }))) sent += 1
      assert.equal(stream.open, false)
      assert.equal(await stream.send({ id: sent, data: BIG }), false)
      return sent
    }
    const taken = await streaming(60, write, async (response, written) => {
      // Nothing is taken until it is given up; then what is left is read.
      response.pause()
      await written
      const events = await Array.fromAsync(eventsOf(response))
      assert.equal(events.at(-1)?.event, 'cut-off')
      const ids = events.slice(0, -1).map(({ id }) => id)
      assert.deepEqual(ids, [...ids.keys()])
    })
    // What was written is what the system's own buffers hold, and no queue of ours behind them.
    assert.ok(taken < 100, `${taken} events of 256 KiB`)
  })

  test('a reader that reads gets everything, in order, however fast it is written', async () => {
    const write = async (stream: EventStream): Promise<void> => {
      for (let id = 0; id < 200; id += 1) assert.equal(await stream.send({ id, data: BIG }), true)
      stream.end({ event: 'over' })
    }
    await streaming(5_000, write, async response => {
      const events = await Array.fromAsync(eventsOf(response))
      assert.equal(events.length, 201)
      assert.ok(events.slice(0, 200).every(({ id }, index) => id === index))
    })
  })

  test('a reader that goes away ends the work for it', async () => {
    const write = async (stream: EventStream): Promise<boolean> => {
      let ended = false
      stream.onEnd(() => {
        ended = true
      })
      while (await stream.send({ data: BIG })) await new Promise(resolve => setImmediate(resolve))
      return ended
    }
    const ended = await streaming(5_000, write, async response => void response.destroy())
    assert.equal(ended, true)
  })

  test('attack: a reader that was gone before the stream began: its place is given back', async () => {
    const server = Fastify({ forceCloseConnections: true })
    const ended = Promise.withResolvers<readonly [open: boolean, sent: boolean]>()
    const asked = Promise.withResolvers<void>()
    server.get('/', async (_request, reply) => {
      const gone = new Promise(resolve => reply.raw.once('close', resolve))
      asked.resolve()
      await gone
      const stream = new EventStream(reply, 5_000)
      stream.onEnd(async () => ended.resolve([stream.open, await stream.send({ data: 'x' })]))
      return reply
    })
    await server.listen({ host: '127.0.0.1', port: 0 })
    const { port } = server.server.address() as AddressInfo
    try {
      const request = ask({ host: '127.0.0.1', port, agent: false }).on('error', () => undefined)
      request.end()
      await asked.promise
      request.destroy()
      const late = AbortSignal.timeout(2_000)
      late.onabort = () => ended.reject(new Error('nobody was told'))
      assert.deepEqual(await ended.promise, [false, false])
    } finally {
      await server.close()
    }
  })
})
