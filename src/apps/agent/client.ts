import { connect } from 'node:net'
import { toBase64 } from '../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { isRefusalCode } from '../../core/refusal/registry.ts'
import { readBoardFile } from './board-file.ts'
import type { Asked } from './control.ts'
import { agentFiles } from './files.ts'
import type { SpotPatch } from './stage-by-patch.ts'

/** Characters of an answer, and how long it may take, in milliseconds: a large image is written to a slow disk. */
const MAX_ANSWER = 1 << 20
const PATIENCE = 600_000

/** What is staged on the spot: a release's envelope, and the wrap of its content key when it is encrypted. */
type Given = { readonly envelope: Uint8Array; readonly wrap?: Uint8Array }

/** The release's images come with it, or a patch that makes them from what runs; `tell` hears how many bytes of that were wanted by now. */
type Staged = Given & { readonly do: 'stage'; readonly payload: Uint8Array }
export type StagedByPatch = Given &
  SpotPatch & {
    readonly do: 'stage-by-patch'
    readonly bytes: Uint8Array
    readonly tell?: (done: number, doing: string) => void
  }

const given = ({ envelope, wrap }: Given) => ({
  envelope: toBase64(envelope),
  ...(wrap === undefined ? {} : { wrap: toBase64(wrap) }),
})

/**
 * Asks the agent that runs on a board, over the socket in its folder; for `stage`, the payload follows the question, and of a patch what the
 * agent asks for.
 * Refuses `board-missing`, `agent-not-running`, `file-not-permitted` (it runs as another user), and what the agent refuses.
 */
export async function askAgent(folder: string, asked: Staged | StagedByPatch | Asked): Promise<object | Refusal> {
  const made = readBoardFile(folder)
  if (isRefusal(made)) return made
  const line = (question: Asked): Buffer => Buffer.from(`${JSON.stringify(question)}\n`)
  if ('bytes' in asked) {
    const { do: wanted, patch, target } = asked
    const question = line({ do: wanted, ...given(asked), patch, ...(target === undefined ? {} : { target }) })
    return converse(folder, question, servedFrom(asked))
  }
  if (!('payload' in asked)) return converse(folder, line(asked), null)
  return converse(folder, Buffer.concat([line({ do: asked.do, ...given(asked) }), asked.payload]), null)
}

/** What an agent that asks for pieces is given for a line: bytes; null where that is its answer. */
type Serve = (line: string) => Uint8Array | null

const NOTHING = new Uint8Array(0)

/** The bytes of a patch, as the agent asks for them. */
function servedFrom({ bytes, tell = () => {} }: StagedByPatch): Serve {
  return line => {
    const { at, from, length } = readWanted(line)
    if (at === 'learning') {
      tell(0, 'reading what is in flash already')
      return NOTHING
    }
    if (typeof from !== 'number' || typeof length !== 'number') return null
    tell(from + length, `of the patch, ${bytes.length} bytes`)
    return bytes.subarray(from, from + length)
  }
}

function readWanted(line: string): Record<'at' | 'from' | 'length', unknown> {
  try {
    return Object(JSON.parse(line)) as Record<'at' | 'from' | 'length', unknown>
  } catch {
    return { at: undefined, from: undefined, length: undefined }
  }
}

/** Says a question and hears the answer; `serve` answers what is asked in between, null: nothing is. */
async function converse(folder: string, question: Uint8Array, serve: Serve | null): Promise<object | Refusal> {
  const text = await new Promise<string | Refusal>(resolve => {
    const away = (actual: string): void => resolve(refuse('agent-not-running', folder, 'an agent that answers', actual))
    const socket = connect({ path: agentFiles(folder).control, allowHalfOpen: true })
    let answer = ''
    socket.setEncoding('utf8')
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer in time')))
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
      for (let end = answer.indexOf('\n'); serve !== null && end >= 0; end = answer.indexOf('\n')) {
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
    if (serve === null) socket.end(question)
    else socket.write(question)
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
