import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { pino } from 'pino'
import { readConfig } from '../../src/adapters/config-file.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { startFleet } from '../../src/apps/fleet/serve.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { FleetConfig, parseConfig } from '../../src/wire/config.ts'

/**
 * A server in a process of its own, so that its processor time is its own: `fleet FOLDER HOST PORT` is the fleet server
 * as it serves that folder, `bare FOLDER HOST PORT` a bare `node:https` server with the same certificates that answers
 * the constant of an idle check-in. Every message of the parent is answered with the processor time so far.
 */
const [kind, folder, host, port] = process.argv.slice(2) as [string, string, string, string]

/** What an idle check-in answers: nothing new under this tag. */
const TAG = '"0123456789abcdef0123456789abcdef"'

async function fleet(): Promise<() => Promise<void>> {
  const path = fleetFiles(folder).config
  const config = orThrow(parseConfig<FleetConfig>(FleetConfig, orThrow(readConfig(path)), path))
  const serving = orThrow(await startFleet(folder, config, pino({ level: 'silent' })))
  return () => serving.close()
}

function bare(): Promise<() => Promise<void>> {
  const files = fleetFiles(folder)
  const tls = {
    ca: readFileSync(files.authority('fleet').cert),
    cert: readFileSync(files.server.cert),
    key: readFileSync(files.server.key),
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
    keepAliveTimeout: 75_000,
  } as const
  const server = createServer(tls, (_request, response) => {
    response.writeHead(304, { etag: TAG }).end()
  })
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
  }
  return new Promise(resolve => server.listen(Number(port), host, () => resolve(close)))
}

const close = await (kind === 'fleet' ? fleet() : bare())
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ micros: user + system })
})
process.on('disconnect', () => void close())
process.send?.({ ready: true })
