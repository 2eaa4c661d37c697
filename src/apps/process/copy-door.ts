import { unlinkSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { isAbsolute } from 'node:path'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { isRefusalCode } from '../../core/refusal/registry.ts'
import { refusalOf } from './disk.ts'

/**
 * How the one who makes a backup asks a server that runs for a copy of its store: over a socket in the server's folder, which only
 * its own user may open. Whoever may do that may read the folder as well. The server does nothing but copy; it is verified,
 * described and signed by the program that asked.
 */

/** Copies the store to a new file. `goesOn` is told how far it is, and says whether anybody still wants it. */
export type CopyStore = (path: string, goesOn: (done: number, total: number) => boolean) => Promise<null | Refusal>

type Line =
  | { readonly at: 'copying'; readonly done: number; readonly total: number }
  | { readonly at: 'copied' }
  | { readonly at: 'refused'; readonly refusal: Refusal }

const MAX_REQUEST = 8192
const PATIENCE = 60_000

/** A door that copies are asked for at. Closing it ends a copy that is under way, and waits for that: the store may go then. */
export type CopyDoor = { close(): Promise<void> }

/**
 * Opens the door; a socket that a killed process left there is replaced. One copy at a time: two would only take each other's disk.
 * Null when it cannot be opened (a path that is too long for a socket): then a backup is made while the server is stopped.
 */
export function serveCopies(path: string, copy: CopyStore): Promise<CopyDoor | null> {
  try {
    unlinkSync(path)
  } catch {}
  let underWay: Promise<void> | null = null
  let closed = false
  const server = createServer(socket => {
    // Who asked has gone.
    socket.on('error', () => {})
    socket.setTimeout(PATIENCE, () => socket.destroy())
    let request = ''
    let asked = false
    const say = (line: Line): boolean => socket.write(`${JSON.stringify(line)}\n`)
    const refused = (refusal: Refusal): void => void socket.end(`${JSON.stringify({ at: 'refused', refusal })}\n`)
    const begin = async (to: unknown): Promise<void> => {
      if (typeof to !== 'string' || !isAbsolute(to) || to.includes('\0')) {
        return refused(refuse('request-malformed', 'a copy', 'the path of a new file', 'something else'))
      }
      if (underWay !== null) {
        return refused(refuse('backup-under-way', 'this server', 'one backup at a time', 'a second one'))
      }
      underWay = carryOut(to)
      await underWay
      underWay = null
    }
    const carryOut = async (to: string): Promise<void> => {
      try {
        let told = -1
        const refusal = await copy(to, (done, total) => {
          const percent = Math.floor((100 * done) / Math.max(1, total))
          if (percent !== told) say({ at: 'copying', done, total })
          told = percent
          return !socket.destroyed && !closed
        })
        if (refusal !== null) return refused(refusal)
        socket.end(`${JSON.stringify({ at: 'copied' })}\n`)
      } catch (error) {
        const refusal = notThere(error, to) ?? refusalOf(error, to)
        if (refusal !== null) return refused(refusal)
        // Dead I/O: whoever asked sees that the server said nothing.
        socket.destroy()
      }
    }
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => {
      request += part
      if (request.length > MAX_REQUEST) return void socket.destroy()
      const end = request.indexOf('\n')
      if (asked || end < 0) return
      asked = true
      // From now on it waits for the disk, however slow that is.
      socket.setTimeout(0)
      begin(requested(request.slice(0, end)))
    })
  })
  return new Promise(resolve => {
    server.once('error', () => resolve(null))
    const before = process.umask(0o177)
    const close = async (): Promise<void> => {
      closed = true
      server.close()
      await underWay
    }
    server.listen(path, () => resolve({ close }))
    process.umask(before)
  })
}

/** The server may see other folders than whoever asks: a unit with a `/tmp` of its own, a container. */
function notThere(error: unknown, to: string): Refusal | null {
  const { code } = Object(error) as NodeJS.ErrnoException
  return code === 'ENOENT'
    ? refuse('file-not-permitted', to, 'a folder that the server sees and may write: it writes the copy itself', code)
    : null
}

function requested(line: string): unknown {
  try {
    return (JSON.parse(line) as { to?: unknown } | null)?.to
  } catch {
    return undefined
  }
}

/**
 * Asks the server that runs from a folder for a copy. Answers `not-running` when none does. Refuses `backup-under-way`,
 * `backup-interrupted`, `file-not-permitted` (the server does not see the folder, or may not write there), and what the copy is refused for.
 */
export async function askForCopy(
  path: string,
  to: string,
  onProgress: (done: number, total: number) => void,
): Promise<null | 'not-running' | Refusal> {
  const socket = connect({ path })
  const opened = await new Promise<null | 'not-running' | Refusal>(resolve => {
    socket.once('connect', () => resolve(null))
    socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
      if (code === 'EACCES' || code === 'EPERM') {
        resolve(refuse('file-not-permitted', path, 'the user that the server runs as', code))
      } else resolve('not-running')
    })
  })
  if (opened !== null) return opened
  socket.on('error', () => {})
  socket.write(`${JSON.stringify({ to })}\n`)
  for await (const line of lines(socket)) {
    if (line.at === 'copying') onProgress(line.done, line.total)
    else if (line.at === 'copied') return null
    else return asRefusal(line.refusal)
  }
  return refuse('backup-interrupted', path, 'a whole copy of the store', 'an end of the connection')
}

async function* lines(socket: Socket): AsyncGenerator<Line> {
  let rest = ''
  socket.setEncoding('utf8')
  try {
    for await (const part of socket) {
      rest += part
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const line = parsed(rest.slice(0, end))
        rest = rest.slice(end + 1)
        if (line === null) return
        yield line
      }
      if (rest.length > MAX_REQUEST) return
    }
  } catch {
    // It was cut off: whoever reads sees that no end was said.
  } finally {
    socket.destroy()
  }
}

function parsed(text: string): Line | null {
  try {
    return JSON.parse(text) as Line
  } catch {
    return null
  }
}

/** A server of another version may know codes that are not known here. */
function asRefusal(said: Refusal): Refusal {
  if (isRefusalCode(said.code)) return refuse(said.code, said.subject, said.expected, said.actual)
  return refuse('backup-interrupted', 'the server', 'a copy of the store', String(said.code))
}
