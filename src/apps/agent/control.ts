import { createServer, type Server } from 'node:net'
import { steadyOf } from '../../adapters/clock-system.ts'
import { concat, fromBase64 } from '../../core/encoding/bytes.ts'
import { Misfit, object } from '../../core/encoding/shape.ts'
import type { ReleaseFacts } from '../../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Step } from '../../core/slot/steps.ts'
import { digest, patchMembers } from '../../core/trust/image-target.ts'
import { ON_THE_SPOT } from '../../core/trust/mapping.ts'
import { type Installation, type Offer, withdraw } from '../../flows/install.ts'
import { Asker } from './asker.ts'
import type { Device } from './device.ts'
import type { Note } from './events.ts'
import { removeFile } from './files.ts'
import { type After, timerAfter } from './patience.ts'
import { fillByPatch, type PatchSource, refuseHere, refuseRelease, type SpotPatch } from './stage-by-patch.ts'

/** What is staged, in base64: an envelope, and the wrap of its content key when it is encrypted. `tell`: whoever asks hears how far it is (`Told`). */
type Given = { readonly envelope: string; readonly wrap?: string; readonly tell?: true }

/**
 * What a person on the spot may ask of the agent that runs, over a socket in its folder which only the agent's own user
 * may open: one line of JSON, for `stage` followed by the image; one line of JSON comes back. For `stage-by-patch` the agent asks
 * for the bytes that it wants, a line of JSON for each piece (`Wanted`), since it may not want all of them nor in their order. Before the
 * answer to either of the two come lines on how far the work is (`Told`), for who asks with `tell`: an older program takes the first line for its answer.
 */
export type Asked =
  | { readonly do: 'status' }
  | ({ readonly do: 'stage' } & Given)
  | ({ readonly do: 'stage-by-patch' } & Given & SpotPatch)
  | { readonly do: 'arm' }
  | { readonly do: 'withdraw' }

/** Characters of a question: an envelope in base64 and little else. */
const MAX_QUESTION = 256 * 1024
/** Bytes handed to flash at a time. */
const PIECE = 16 * 1024
const NEWLINE = 0x0a

export type ControlParts = {
  readonly device: Device
  readonly note: Note
  /** A candidate is armed: the controller restarts when the answer is out. */
  readonly restart: () => void
  /** More about the second stage, for `status`. */
  readonly about: () => object
  /** The machine's own time unless told. */
  readonly after?: After
}

/** Listens at `path`; a socket that a killed process left there is replaced. */
export function serveControl(path: string, parts: ControlParts): Promise<Server> {
  removeFile(path)
  const server = createServer({ allowHalfOpen: true }, socket => {
    // Who asked has gone: what was done is done.
    socket.on('error', () => {})
    void answer(new Asker(socket, steadyOf(parts.device.clock), parts.after ?? timerAfter), parts)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o177)
    server.listen(path, () => resolve(server))
    process.umask(before)
  })
}

async function answer(asker: Asker, parts: ControlParts): Promise<void> {
  const asked = await readQuestion(asker)
  const done = asked === null ? malformed() : await perform(asked, asker, parts)
  const restarts = !isRefusal(done) && asked?.do === 'arm'
  asker.answer(done, () => {
    if (restarts) parts.restart()
  })
}

async function perform(asked: Asked, asker: Asker, parts: ControlParts): Promise<object | Refusal> {
  const { device, about } = parts
  if (asked.do === 'status') {
    const status = device.status()
    return isRefusal(status) ? status : { ...status, ...about() }
  }
  if (asked.do === 'stage' || asked.do === 'stage-by-patch') {
    const given = givenBy(asked)
    if (given === null) return malformed()
    if (asked.tell === true) asker.wantsToBeTold()
    const staging = { ...parts, given, asker }
    if (asked.do === 'stage') {
      return device.takeSlot(true, () => stage(staging, held => fillWhole(device, held, asker)))
    }
    const unfit = refuseHere(device, asked)
    if (unfit !== null) return unfit
    const source = pieces(asker)
    const fill = (held: Installation) => fillByPatch(device, held, asked.patch, source)
    return device.takeSlot(true, () => stage(staging, fill, facts => refuseRelease(asked, facts)))
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

type Staging = Pick<ControlParts, 'device' | 'note'> & {
  readonly given: Omit<Offer, 'update'>
  readonly asker: Asker
}

/** Begins an installation, or goes on with one, has it filled, and marks it a candidate. */
async function stage(
  { device, note, given, asker }: Staging,
  fill: (installation: Installation) => Promise<Refusal | null>,
  further?: (facts: ReleaseFacts) => Refusal | null,
): Promise<object | Refusal> {
  const assignment = `${ON_THE_SPOT}${device.board.crypto.sha256(given.envelope).toHex().slice(0, 16)}`
  const { generation } = device
  const tell = (step: Step): void => asker.tell(step)
  const installation = await device.begin({ ...given, update: assignment }, null, { further, tell })
  if (isRefusal(installation)) return installation
  if (generation !== device.generation) return closed()
  const { version } = installation.facts
  const refusal = await fill(installation)
  if (refusal !== null) return refusal
  note({ event: 'download', received: installation.offset, total: installation.total })
  const finished = await device.finish(installation, tell)
  if (isRefusal(finished)) return finished
  note({ event: 'staged', assignment, version })
  return { staged: version, slot: installation.slot }
}

/** Takes a payload off the connection into the slot, from where an earlier attempt got to. */
async function fillWhole(device: Device, installation: Installation, asker: Asker): Promise<Refusal | null> {
  const { generation } = device
  const { total } = installation
  for (let at = 0; ; ) {
    const part = await asker.next()
    if (generation !== device.generation) return closed()
    if (part === null) return null
    for (let from = 0; from < part.length; from += PIECE) {
      const piece = part.subarray(from, from + PIECE)
      // What is in flash already, and verified, is passed over.
      const known = Math.min(piece.length, Math.max(0, installation.offset - at))
      at += piece.length
      if (known === piece.length && installation.offset >= at) continue
      const refusal = installation.write(installation.offset, piece.subarray(known))
      if (refusal !== null) return refusal
      asker.tell({ at: 'writing', done: installation.offset, total })
    }
  }
}

/** Asks whoever is at the other end for the pieces of a patch. */
function pieces(asker: Asker): PatchSource {
  return {
    piece: async (from, length) => {
      asker.say({ from, length })
      const parts: Uint8Array[] = []
      for (let held = 0; held < length; ) {
        const part = await asker.next()
        if (part === null) return null
        const wanted = part.subarray(0, length - held)
        if (wanted.length < part.length) asker.unread(part.subarray(wanted.length))
        parts.push(wanted)
        held += wanted.length
      }
      return concat(...parts)
    },
    alive: () => asker.tell({ at: 'learning' }),
  }
}

async function readQuestion(asker: Asker): Promise<Asked | null> {
  let head = Buffer.alloc(0)
  while (head.length < MAX_QUESTION) {
    const part = await asker.next()
    if (part === null) return null
    const end = part.indexOf(NEWLINE)
    head = Buffer.concat([head, end < 0 ? part : part.subarray(0, end)])
    if (end < 0) continue
    asker.unread(part.subarray(end + 1))
    return parseQuestion(head.toString('utf8'))
  }
  return null
}

function parseQuestion(text: string): Asked | null {
  try {
    const read = Object(JSON.parse(text)) as Record<'do' | 'envelope' | 'wrap' | 'tell' | 'patch' | 'target', unknown>
    const { do: wanted, envelope, wrap, tell } = read
    if (wanted === 'stage' || wanted === 'stage-by-patch') {
      if (typeof envelope !== 'string' || (wrap !== undefined && typeof wrap !== 'string')) return null
      const given = {
        envelope,
        ...(wrap === undefined ? {} : { wrap }),
        ...(tell === true ? { tell: true as const } : {}),
      }
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

/** Somebody else has asked for the slot. */
const closed = (): Refusal => refuse('install-closed', 'this image', 'an installation', 'another one')

const malformed = (): Refusal =>
  refuse('request-malformed', 'the question', 'one line as the agent reads it', 'another')
