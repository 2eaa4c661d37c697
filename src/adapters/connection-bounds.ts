import type { Server } from 'node:https'
import { isIPv6, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Logger } from 'pino'

/**
 * How many connections a door holds for peers that it does not know. `handshakes`: those that have not shown who they are;
 * `strangers`: those that came without a certificate; `perAddress`: of each kind from one address (of IPv6: one /64).
 */
export type Bounds = { readonly handshakes: number; readonly strangers: number; readonly perAddress: number }

export const BOUNDS: Bounds = { handshakes: 256, strangers: 512, perAddress: 64 }

/**
 * Bounds the connections of peers without a certificate, so that file descriptors stay for those with one: those are known and
 * not counted. Before the handshake nobody can tell the two apart, so whoever takes their time there has bounds of their own,
 * and where these are reached the oldest one goes: a gateway needs a moment, and who would keep it out has to come again and
 * again. Of strangers the oldest goes that waits for no answer; where all do, the new one.
 */
export function boundConnections(server: Server, log: Logger, { handshakes, strangers, perAddress }: Bounds): void {
  const shaking = new Pool(handshakes, perAddress)
  const strange = new Pool(strangers, perAddress)
  const answers = new WeakMap<Socket, number>()
  let closed = 0
  const close = (socket: Socket): void => {
    socket.destroy()
    closed += 1
    // Told at 1, 2, 4, 8 and so on: who floods the door shall not fill the disk too.
    if (Number.isInteger(Math.log2(closed))) log.warn({ closed }, 'too many connections of strangers: some are closed')
  }
  const admit = (pool: Pool, socket: Socket, mayGo: (other: Socket) => boolean): void => {
    for (let going = pool.inTheWayOf(socket, mayGo); going !== null; going = pool.inTheWayOf(socket, mayGo)) {
      pool.delete(going)
      close(going)
      if (going === socket) return
    }
    pool.add(socket)
    socket.once('close', () => pool.delete(socket))
  }
  /** The sockets under those that speak TLS, by where they lead: Node.js does not say which is under which. */
  const under = new Map<string, Socket>()

  server.prependListener('connection', (socket: Socket) => {
    const place = placeOf(socket)
    under.set(place, socket)
    socket.once('close', () => under.get(place) === socket && under.delete(place))
    admit(shaking, socket, () => true)
  })
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const plain = under.get(placeOf(socket))
    if (plain !== undefined) shaking.delete(plain)
    if (socket.authorized && socket.getPeerX509Certificate() !== undefined) return
    admit(strange, socket, other => (answers.get(other) ?? 0) === 0)
  })
  server.prependListener('request', ({ socket }, response) => {
    answers.set(socket, (answers.get(socket) ?? 0) + 1)
    response.once('close', () => answers.set(socket, (answers.get(socket) ?? 1) - 1))
  })
}

/** Connections, the oldest first, with how many come from each address. */
class Pool {
  readonly #all = new Map<Socket, string>()
  readonly #addresses = new Map<string, number>()
  readonly #most: number
  readonly #each: number

  constructor(most: number, each: number) {
    this.#most = most
    this.#each = each
  }

  /** Who has to go before a socket comes in: another one, itself where nobody may go, or nobody (null). */
  inTheWayOf(socket: Socket, mayGo: (other: Socket) => boolean): Socket | null {
    const address = networkOf(socket)
    const crowded = (this.#addresses.get(address) ?? 0) >= this.#each
    if (!crowded && this.#all.size < this.#most) return null
    for (const [other, from] of this.#all) if ((!crowded || from === address) && mayGo(other)) return other
    return socket
  }

  add(socket: Socket): void {
    const address = networkOf(socket)
    this.#all.set(socket, address)
    this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1)
  }

  delete(socket: Socket): void {
    const address = this.#all.get(socket)
    if (address === undefined) return
    this.#all.delete(socket)
    const left = (this.#addresses.get(address) ?? 1) - 1
    if (left === 0) this.#addresses.delete(address)
    else this.#addresses.set(address, left)
  }
}

const placeOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`

/** The address; of IPv6 its first half: who has one address of a /64 has them all (RFC 6177 §2). */
function networkOf({ remoteAddress = '' }: Socket): string {
  if (!isIPv6(remoteAddress)) return remoteAddress
  const v4 = /^::ffff:([0-9.]+)$/i.exec(remoteAddress)
  if (v4 !== null) return v4[1] as string
  const [head = '', tail] = remoteAddress.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  if (tail !== undefined) while (groups.length + after.length < 8) groups.push('0')
  return [...groups, ...after].slice(0, 4).join(':')
}
