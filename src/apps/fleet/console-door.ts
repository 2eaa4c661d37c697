import { join } from 'node:path'
import type { Logger } from 'pino'
import type { HttpsServer } from '../../adapters/http-server.ts'
import { readPageFiles } from '../../adapters/page-files.ts'
import { STRANGERS } from '../../wire/access.ts'
import { FLEET_SCREENS } from '../../wire/console-screens.ts'
import type { ConsolePlace } from '../process/console-place.ts'
import { consoleServer, servePage } from '../process/console-server.ts'
import type { FleetDoor } from './api/parts.ts'
import { openApi } from './door.ts'
import { guard } from './gate.ts'

/** Where `npm run build:console` puts the console. */
export const CONSOLE_FILES = join(import.meta.dirname, '../../../console/dist')

/**
 * The console's door: its files for whoever asks, and the API for people with a session in a cookie, behind the gate of the
 * fleet's own door. Nothing is open here that is not there; what is for gateways alone is not here.
 */
export function consoleDoor(place: ConsolePlace, door: FleetDoor, log: Logger, folder = CONSOLE_FILES): HttpsServer {
  const files = readPageFiles(folder)
  if (files === null) log.warn({ folder }, 'the console was not built: npm run build:console')
  const server = consoleServer(place, log)
  guard(server, door.reception, { origins: place.origins, pagesOnly: true, bearers: door.signIn })
  servePage(server, files, FLEET_SCREENS, { access: STRANGERS })
  openApi(server, door)
  return server
}
