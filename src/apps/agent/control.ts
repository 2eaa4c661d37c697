import { createServer, type Server, type Socket } from 'node:net'
import { fromBase64 } from '../../core/encoding/bytes.ts'
import { Misfit, object } from '../../core/encoding/shape.ts'
import type { ReleaseFacts } from '../../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { digest, patchMembers } from '../../core/trust/image-target.ts'
import { ON_THE_SPOT } from '../../core/trust/mapping.ts'
import { type Installation, type Offer, withdraw } from '../../flows/install.ts'
import type { Device } from './device.ts'
import type { Note } from './events.ts'
import { removeFile } from './files.ts'
import { fillByPatch, type PatchSource, refuseHere, refuseRelease, type SpotPatch } from './stage-by-patch.ts'

/** What is staged, in base64: an envelope, and the wrap of its content key when it is encrypted. */
type Given = { readonly envelope: string; readonly wrap?: string }

/**
 * What a person on the spot may ask of the agent that runs, over a socket in its folder which only the agent's own user
 * may open: one line of JSON, for `stage` followed by the image; one line of JSON comes back. For `stage-by-patch` the agent asks
 * for the bytes that it wants, a line of JSON for each piece (`Wanted`), since it may not want all of them nor in their order.
 */
export type Asked =
  | { readonly do: 'status' }
  | ({ readonly do: 'stage' } & Given)
  | ({ readonly do: 'stage-by-patch' } & Given & SpotPatch)
  | { readonly do: 'arm' }
  | { readonly do: 'withdraw' }

/** What the agent asks for before its answer: bytes of the patch; or nothing, and it only says that it is at work. */
export type Wanted = { readonly from: number; readonly length: number } | { readonly at: 'learning' }

/** Characters of a question: an envelope in base64 and little else. */
const MAX_QUESTION = 256 * 1024
/** Bytes handed to flash at a time, and how long a silent connection is kept, in milliseconds. */
const PIECE = 16 * 1024
const IDLE = 30_000
/** Milliseconds between two signs of life while nothing is asked for. */
const ALIVE = 1_000

export type ControlParts = {
  readonly device: Device
  readonly note: Note
  /** A candidate is armed: the controller restarts when the answer is out. */
  readonly restart: () => void
  /** More about the second stage, for `status`. */
  readonly about: () => object
}

/** Listens at `path`; a socket that a killed process left there is replaced. */
export function serveControl(path: string, parts: ControlParts): Promise<Server> {
  removeFile(path)
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.setTimeout(IDLE, () => socket.destroy())
    // Who asked has gone: what was done is done.
    socket.on('error', () => {})
    void answer(socket, parts)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o177)
    server.listen(path, () => resolve(server))
    process.umask(before)
  })
}

async function answer(socket: Socket, parts: ControlParts): Promise<void> {
  const incoming = partsOf(socket)
  const read = await readQuestion(incoming)
  const done = read === null ? malformed() : await perform(read.asked, { socket, incoming, rest: read.rest }, parts)
  const restarts = !isRefusal(done) && read?.asked.do === 'arm'
  socket.end(`${JSON.stringify(done)}\n`, () => {
    if (restarts) parts.restart()
  })
  if (restarts) socket.once('close', () => parts.restart())
}

/** What comes behind a question; `rest`: what came with it. */
type Behind = { readonly socket: Socket; readonly incoming: AsyncIterator<Buffer>; readonly rest: Uint8Array }

async function perform(asked: Asked, behind: Behind, parts: ControlParts): Promise<object | Refusal> {
  const { device, about } = parts
  if (asked.do === 'status') {
    const status = device.status()
    return isRefusal(status) ? status : { ...status, ...about() }
  }
  if (asked.do === 'stage' || asked.do === 'stage-by-patch') {
    const given = givenBy(asked)
    if (given === null) return malformed()
    if (asked.do === 'stage') {
      return device.takeSlot(true, () => stage(given, parts, held => fillWhole(device, held, behind)))
    }
    const unfit = refuseHere(device, asked)
    if (unfit !== null) return unfit
    const source = pieces(behind)
    const fill = (held: Installation) => fillByPatch(device, held, asked.patch, source)
    return device.takeSlot(true, () => stage(given, parts, fill, facts => refuseRelease(asked, facts)))
  }
  return device.takeSlot(true, async () => {
    const memory = asked.do === 'arm' ? await device.activate(null) : withdraw(device.board, device.clock.now())
    return isRefusal(memory) ? memory : { state: memory.state.at }
  })
}

function givenBy(asked: Given): Omit<Offer, 'update'> | null {
  const envelope = fromBase64(asked.envelope)
  const wrap = asked.wrap === undefined ? undefined : fromBase64(asked.wrap)
  if (envelope === null || wrap === null) return null
  return { envelope, ...(wrap === undefined ? {} : { wrap }) }
}

/** Begins an installation, or goes on with one, has it filled, and marks it a candidate. */
async function stage(
  given: Omit<Offer, 'update'>,
  { device, note }: ControlParts,
  fill: (installation: Installation) => Promise<Refusal | null>,
  further?: (facts: ReleaseFacts) => Refusal | null,
): Promise<object | Refusal> {
  const assignment = `${ON_THE_SPOT}${device.board.crypto.sha256(given.envelope).toHex().slice(0, 16)}`
  const installation = device.begin({ ...given, update: assignment }, null, further)
  if (isRefusal(installation)) return installation
  const { version } = installation.facts
  const refusal = await fill(installation)
  if (refusal !== null) return refusal
  note({ event: 'download', received: installation.offset, total: installation.total })
  const finished = installation.finish(device.clock.now())
  if (isRefusal(finished)) return finished
  note({ event: 'staged', assignment, version })
  return { staged: version, slot: installation.slot }
}

/** Takes a payload off the connection into the slot, from where an earlier attempt got to. */
async function fillWhole(
  device: Device,
  installation: Installation,
  { incoming, rest }: Behind,
): Promise<Refusal | null> {
  const { generation } = device
  let at = 0
  for (let part = rest; ; ) {
    for (let from = 0; from < part.length; from += PIECE) {
      const piece = part.subarray(from, from + PIECE)
      // What is in flash already, and verified, is passed over.
      const known = Math.min(piece.length, Math.max(0, installation.offset - at))
      at += piece.length
      if (known === piece.length && installation.offset >= at) continue
      const refusal = installation.write(installation.offset, piece.subarray(known))
      if (refusal !== null) return refusal
    }
    const next = await incoming.next()
    if (generation !== device.generation)
      return refuse('install-closed', 'this image', 'an installation', 'another one')
    if (next.done === true) return null
    part = next.value
  }
}

/** Asks whoever is at the other end for the pieces of a patch. */
function pieces({ socket, incoming, rest }: Behind): PatchSource {
  let held = rest
  let told = performance.now()
  // A connection is silent while the agent works: that is no reason to end it.
  socket.setTimeout(0)
  const say = (wanted: Wanted): void => {
    told = performance.now()
    socket.write(`${JSON.stringify(wanted)}\n`)
  }
  return {
    piece: async (from, length) => {
      say({ from, length })
      socket.setTimeout(IDLE)
      while (held.length < length) {
        const next = await incoming.next()
        if (next.done === true) return null
        held = Buffer.concat([held, next.value])
      }
      socket.setTimeout(0)
      const piece = held.subarray(0, length)
      held = held.subarray(length)
      return piece
    },
    alive: () => {
      if (performance.now() - told >= ALIVE) say({ at: 'learning' })
    },
  }
}

/**
 * What comes over a connection. One that breaks only ends: what came of an image stays in flash, and is gone on from.
 */
async function* partsOf(socket: Socket): AsyncGenerator<Buffer, undefined> {
  try {
    // Who asks says all and then listens: the end of what comes is not the end of the connection.
    for await (const part of socket.iterator({ destroyOnReturn: false })) yield part as Buffer
  } catch {
    // There is nobody to answer any more.
  }
}

async function readQuestion(incoming: AsyncIterator<Buffer>): Promise<{ asked: Asked; rest: Uint8Array } | null> {
  let head = Buffer.alloc(0)
  while (head.length < MAX_QUESTION) {
    const { value, done } = await incoming.next()
    if (done === true) return null
    const end = value.indexOf('\n')
    head = Buffer.concat([head, end < 0 ? value : value.subarray(0, end)])
    if (end < 0) continue
    const asked = parseQuestion(head.toString('utf8'))
    return asked === null ? null : { asked, rest: value.subarray(end + 1) }
  }
  return null
}

function parseQuestion(text: string): Asked | null {
  try {
    const read = Object(JSON.parse(text)) as Record<'do' | 'envelope' | 'wrap' | 'patch' | 'target', unknown>
    const { do: wanted, envelope, wrap } = read
    if (wanted === 'stage' || wanted === 'stage-by-patch') {
      if (typeof envelope !== 'string' || (wrap !== undefined && typeof wrap !== 'string')) return null
      const given = { envelope, ...(wrap === undefined ? {} : { wrap }) }
      if (wanted === 'stage') return { do: wanted, ...given }
      const { patch, target } = read
      const by = spotPatch(target === undefined ? { patch } : { patch, target }, 'question')
      return by instanceof Misfit ? null : { do: wanted, ...given, ...by }
    }
    return wanted === 'status' || wanted === 'arm' || wanted === 'withdraw' ? { do: wanted } : null
  } catch {
    return null
  }
}

const spotPatch = object({ patch: object(patchMembers) }, { target: digest })

const malformed = (): Refusal =>
  refuse('request-malformed', 'the question', 'one line as the agent reads it', 'another')
