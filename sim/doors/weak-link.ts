import { connect, createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { seeded } from '../clock/random.ts'

/**
 * A weak mobile link between a gateway and its fleet: TCP, so that the TLS inside is what it always is.
 *
 *     weak-link.ts --listen HOST:PORT --to HOST:PORT --bytes-per-second N --loss SHARE --seed N
 *
 * Each direction of each connection gets so many bytes a second. A connection breaks now and then, for good, in the middle
 * of whatever it carries: `loss` is the chance of that for every second. A line `down` on stdin takes the link away until
 * a line `up`.
 */
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { listen: text, to: text, 'bytes-per-second': text, loss: text, seed: text },
  strict: true,
})
const place = (value = ''): { host: string; port: number } => {
  const at = value.lastIndexOf(':')
  return { host: value.slice(0, at), port: Number(value.slice(at + 1)) }
}
const [here, there] = [place(values.listen), place(values.to)]
const rate = Number(values['bytes-per-second'] ?? 64_000)
const loss = Number(values.loss ?? 0)
const random = seeded(Number(values.seed ?? 1))
/** A turn of the link, in milliseconds. */
const TURN = 50

let down = false
let [carried, broken] = [0, 0]
const open = new Set<Socket>()

/** Passes on what comes, a turn's worth at a time. */
function carry(from: Socket, to: Socket): void {
  let waiting: Buffer[] = []
  let length = 0
  from.on('data', (part: Buffer) => {
    waiting.push(part)
    length += part.length
    if (length > rate) from.pause()
  })
  const timer = setInterval(() => {
    if (length === 0) {
      if (from.readableEnded) {
        clearInterval(timer)
        to.end()
      }
      return
    }
    const all = Buffer.concat(waiting)
    const now = all.subarray(0, Math.ceil((rate * TURN) / 1000))
    const rest = all.subarray(now.length)
    waiting = rest.length === 0 ? [] : [rest]
    length = rest.length
    carried += now.length
    to.write(now)
    if (length <= rate) from.resume()
  }, TURN)
  for (const socket of [from, to]) socket.on('close', () => clearInterval(timer))
}

const server = createServer(socket => {
  if (down) return void socket.destroy()
  const far = connect(there.port, there.host)
  for (const [one, other] of [
    [socket, far],
    [far, socket],
  ] as const) {
    open.add(one)
    one.on('error', () => one.destroy())
    one.on('close', () => {
      open.delete(one)
      if (one.errored !== null || !one.readableEnded) other.destroy()
    })
    carry(one, other)
  }
})

setInterval(() => {
  for (const socket of open) {
    if (random() >= loss / 2) continue
    broken += 1
    socket.destroy()
  }
}, 1000)

process.stdin.setEncoding('utf8').on('data', text => {
  for (const word of String(text).split('\n')) {
    if (word !== 'down' && word !== 'up') continue
    down = word === 'down'
    if (down) for (const socket of open) socket.destroy()
    process.stdout.write(`${JSON.stringify({ link: word, carried, broken })}\n`)
  }
})
server.on('error', error => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0))
server.listen(here.port, here.host, () => {
  process.stdout.write(`${JSON.stringify({ ready: true, ...Object(server.address()) })}\n`)
})
