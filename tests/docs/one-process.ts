import { createServer, type Socket } from 'node:net'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { commandLine } from '../worlds/command-line.ts'

/**
 * The command line as one process that serves many calls, for pages with dozens of commands: each is run by the program's
 * own `run`, in the caller's folder, with the caller's arguments and profile. What `voltseal` is for these pages asks here
 * (see runbook.ts). A call is its texts, each ended by NUL: how many arguments there are, the folder, the profile, the
 * arguments. The answer is a line with the exit code and the number of bytes of stderr, then stderr, then stdout.
 */

async function answer(socket: Socket, fields: readonly string[]): Promise<void> {
  const [, folder, profile, ...argv] = fields as [string, string, string, ...string[]]
  process.chdir(folder)
  const env = { NO_COLOR: '1', ...(profile === '' ? {} : { VOLTSEAL_PROFILE: profile }) }
  const { exit, out, err } = await commandLine(argv, { env, clock: systemClock })
  const error = Buffer.from(err)
  socket.end(Buffer.concat([Buffer.from(`${exit} ${error.length}\n`), error, Buffer.from(out)]))
}

// One after another: they share the current folder of the process.
let turn: Promise<void> = Promise.resolve()

const server = createServer(socket => {
  let text = ''
  socket.setEncoding('utf8').on('data', part => {
    text += part
    const fields = text.split('\0').slice(0, -1)
    if (fields.length > 2 && fields.length === Number(fields[0]) + 3) turn = turn.then(() => answer(socket, fields))
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
})
