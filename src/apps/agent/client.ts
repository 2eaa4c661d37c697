import { connect } from 'node:net'
import { toBase64 } from '../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { isRefusalCode } from '../../core/refusal/registry.ts'
import type { Told } from './asker.ts'
import { readBoardFile } from './board-file.ts'
import type { Asked } from './control.ts'
import { agentFiles } from './files.ts'
import type { SpotPatch } from './stage-by-patch.ts'

/** Characters of an answer, and how long the agent may say nothing, in milliseconds: an older one does not tell how far it is. */
const MAX_ANSWER = 1 << 20
const PATIENCE = 600_000

/** What is staged on the spot: a release's envelope, and the wrap of its content key when it is encrypted. */
type Given = { readonly envelope: Uint8Array; readonly wrap?: Uint8Array }

/** Hears how far the agent is: so many bytes of so many, and what it does. */
export type Tell = (done: number, doing: string, total: number) => void

/** The release's images come with it, or a patch that makes them from what runs. */
type Staged = Given & { readonly do: 'stage'; readonly payload: Uint8Array; readonly tell?: Tell }
export type StagedByPatch = Given &
  SpotPatch & { readonly do: 'stage-by-patch'; readonly bytes: Uint8Array; readonly tell?: Tell }

const given = ({ envelope, wrap }: Given) => ({
  envelope: toBase64(envelope),
  tell: true as const,
  ...(wrap === undefined ? {} : { wrap: toBase64(wrap) }),
})

/**
 * Asks the agent that runs on a board, over the socket in its folder; for `stage`, the payload follows the question, and of a patch what the
 * agent asks for.
 * Refuses `board-missing`, `agent-not-running`, `file-not-permitted` (it runs as another user), and what the agent refuses.
 */
export async function askAgent(
  folder: string,
  asked: Staged | StagedByPatch | Asked,
  patience: number = PATIENCE,
): Promise<object | Refusal> {
  const made = readBoardFile(folder)
  if (isRefusal(made)) return made
  const line = (question: Asked): Buffer => Buffer.from(`${JSON.stringify(question)}\n`)
  if ('bytes' in asked) {
    const { do: wanted, patch, target, bytes, tell } = asked
    const question = line({ do: wanted, ...given(asked), patch, ...(target === undefined ? {} : { target }) })
    return converse(folder, { question, serve: served(bytes, tell) }, patience)
  }
  if (!('payload' in asked)) return converse(folder, { question: line(asked), rest: NOTHING }, patience)
  const question = line({ do: asked.do, ...given(asked) })
  return converse(folder, { question, rest: asked.payload, serve: served(null, asked.tell) }, patience)
}

/** What an agent is given for a line that comes before its answer: bytes; null where the line is its answer. */
type Serve = (line: string) => Uint8Array | null

/** What is said: a question, and all that follows it; without `rest` the agent asks for that. */
type Said = { readonly question: Uint8Array; readonly rest?: Uint8Array; readonly serve?: Serve }

const NOTHING = new Uint8Array(0)

const DOING: { readonly [At in Told['at']]: string } = {
  looking: 'looking at what an earlier attempt left',
  erasing: 'erasing the slot',
  writing: 'writing the image',
  learning: 'reading what is in flash already',
  verifying: 'verifying the image from flash',
}

/** Hears how far the agent is, and gives it the bytes of a patch that it asks for. */
function served(patch: Uint8Array | null, tell: Tell = () => {}): Serve {
  return line => {
    const { at, done, total, from, length } = readWanted(line)
    if (typeof at === 'string') {
      // The agent may be newer than this program, and do what is not known here.
      const doing = Object.hasOwn(DOING, at) ? DOING[at as Told['at']] : at
      tell(Number(done ?? 0), doing, Number(total ?? 0))
      return NOTHING
    }
    if (patch === null || typeof from !== 'number' || typeof length !== 'number') return null
    tell(from + length, `of the patch, ${patch.length} bytes`, patch.length)
    return patch.subarray(from, from + length)
  }
}

function readWanted(line: string): Record<'at' | 'done' | 'total' | 'from' | 'length', unknown> {
  try {
    return Object(JSON.parse(line))
  } catch {
    return Object(null)
  }
}

/** Says a question and hears the answer. */
async function converse(folder: string, { question, rest, serve }: Said, patience: number): Promise<object | Refusal> {
  const text = await new Promise<string | Refusal>(resolve => {
    const away = (actual: string): void => resolve(refuse('agent-not-running', folder, 'an agent that answers', actual))
    const socket = connect({ path: agentFiles(folder).control, allowHalfOpen: true })
    let answer = ''
    socket.setEncoding('utf8')
    socket.setTimeout(patience, () => socket.destroy(new Error('no answer in time')))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const { code = error.message } = error
      if (code === 'EACCES') {
        return resolve(
          refuse('file-not-permitted', agentFiles(folder).control, 'the user that the agent runs as', code),
        )
      }
      away(code === 'ENOENT' || code === 'ECONNREFUSED' ? 'none' : code)
    })
    socket.on('data', (part: string) => {
      answer += part
      for (let end = answer.indexOf('\n'); serve !== undefined && end >= 0; end = answer.indexOf('\n')) {
        const bytes = serve(answer.slice(0, end))
        if (bytes === null) break
        answer = answer.slice(end + 1)
        if (bytes.length > 0) socket.write(bytes)
      }
      if (answer.length > MAX_ANSWER) socket.destroy(new Error('too long an answer'))
    })
    socket.on('end', () => {
      socket.end()
      resolve(answer)
    })
    // A refusal may come before the image was taken: what cannot be written then is no fault.
    socket.on('close', () => (answer === '' ? away('no answer') : resolve(answer)))
    // In one piece: an agent that was told to restart may be gone before a second one is written, and its answer would be lost with that.
    if (rest === undefined) socket.write(question)
    else if (rest.length === 0) socket.end(question)
    else {
      socket.write(question)
      socket.end(rest)
    }
  })
  return isRefusal(text) ? text : readAnswer(folder, text)
}

function readAnswer(folder: string, text: string): object | Refusal {
  try {
    const value = JSON.parse(text) as object
    // The agent may be newer than this program, and refuse with a code that is not known here.
    if (!isRefusal(value) || isRefusalCode(value.code)) return value
  } catch {
    // Cut off: it ended while it answered.
  }
  return refuse(
    'agent-not-running',
    folder,
    'a whole answer',
    text === '' ? 'none: it ended meanwhile' : text.slice(0, 80),
  )
}
