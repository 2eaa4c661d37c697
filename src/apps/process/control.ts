import { unlinkSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'

/**
 * What a program says to a person on its machine, over a socket in its folder which only its own user may open: who asks is told at
 * once, in one line of JSON. Nothing can be changed over it.
 */

/** Characters of an answer: a gateway's site of the most controllers. */
const MAX_ANSWER = 8 << 20
const PATIENCE = 10_000

/**
 * Listens in a folder; a socket that a killed process left there is replaced. Null when it cannot be (a path that is too long for a
 * socket): nothing depends on it.
 */
export function serveControl(path: string, status: () => Promise<unknown>): Promise<Server | null> {
  try {
    unlinkSync(path)
  } catch {}
  const server = createServer(socket => {
    socket.setTimeout(PATIENCE, () => socket.destroy())
    // Who asked has gone.
    socket.on('error', () => {})
    status().then(
      answer => socket.end(`${JSON.stringify(answer)}\n`),
      () => socket.destroy(),
    )
  })
  return new Promise(resolve => {
    server.once('error', () => resolve(null))
    const before = process.umask(0o177)
    server.listen(path, () => resolve(server))
    process.umask(before)
  })
}

/** Asks the program that serves from a folder. Refuses with `away`, and `file-not-permitted`: it runs as another user. */
export async function askControl<T>(path: string, away: (actual: string) => Refusal): Promise<T | Refusal> {
  const text = await new Promise<string | Refusal>(resolve => {
    const socket = connect({ path })
    let answer = ''
    socket.setEncoding('utf8')
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer in time')))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const { code = error.message } = error
      if (code === 'EACCES') resolve(refuse('file-not-permitted', path, 'the user that the program runs as', code))
      else resolve(away(code === 'ENOENT' || code === 'ECONNREFUSED' ? 'none' : code))
    })
    socket.on('data', (part: string) => {
      answer += part
      if (answer.length > MAX_ANSWER) socket.destroy(new Error('too long an answer'))
    })
    socket.on('close', () => resolve(answer))
  })
  if (typeof text !== 'string') return text
  try {
    return JSON.parse(text) as T
  } catch {
    return away('something else')
  }
}
