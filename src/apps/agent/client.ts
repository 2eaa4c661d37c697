import { connect } from 'node:net'
import { toBase64 } from '../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { isRefusalCode } from '../../core/refusal/registry.ts'
import { readBoardFile } from './board-file.ts'
import type { Asked } from './control.ts'
import { agentFiles } from './files.ts'

/** Characters of an answer, and how long it may take, in milliseconds: a large image is written to a slow disk. */
const MAX_ANSWER = 1 << 20
const PATIENCE = 600_000

/** What is staged on the spot: a release's two files, and the wrap of its content key when it is encrypted. */
type Staged = {
  readonly do: 'stage'
  readonly envelope: Uint8Array
  readonly payload: Uint8Array
  readonly wrap?: Uint8Array
}

const stageQuestion = ({ envelope, wrap }: Staged): Asked => ({
  do: 'stage',
  envelope: toBase64(envelope),
  ...(wrap === undefined ? {} : { wrap: toBase64(wrap) }),
})

/**
 * Asks the agent that runs on a board, over the socket in its folder; for `stage`, the payload follows the question.
 * Refuses `board-missing`, `agent-not-running`, `file-not-permitted` (it runs as another user), and what the agent refuses.
 */
export async function askAgent(folder: string, asked: Staged | Asked): Promise<object | Refusal> {
  const made = readBoardFile(folder)
  if (isRefusal(made)) return made
  const payload = 'payload' in asked ? asked.payload : new Uint8Array(0)
  const question = 'payload' in asked ? stageQuestion(asked) : asked
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
      if (answer.length > MAX_ANSWER) socket.destroy(new Error('too long an answer'))
    })
    socket.on('end', () => resolve(answer))
    // A refusal may come before the image was taken: what cannot be written then is no fault.
    socket.on('close', () => (answer === '' ? away('no answer') : resolve(answer)))
    // In one piece: an agent that was told to restart may be gone before a second one is written, and its answer would be lost with that.
    socket.end(Buffer.concat([Buffer.from(`${JSON.stringify(question)}\n`), payload]))
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
