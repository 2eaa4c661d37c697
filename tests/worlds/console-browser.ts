import { pino } from 'pino'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { type HttpsServer, listen } from '../../src/adapters/http-server.ts'
import { consoleDoor } from '../../src/apps/fleet/console-door.ts'
import type { ConsolePlace } from '../../src/apps/process/console-place.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { type Answered, outcome, PageBrowser, setCookie } from './page-browser.ts'
import { PASSWORD, type PeopleDoor } from './people-door.ts'

/** A console's listener of a quiet fleet, and what a browser sends there. */
export class ConsoleBrowser extends PageBrowser {
  readonly #server: HttpsServer

  private constructor(url: string, port: number, server: HttpsServer, ca: string | null) {
    super(url, port, ca)
    this.#server = server
  }

  /** `folder`: the built page. `signIn`: as in fleet.yaml. */
  static async open(
    door: PeopleDoor,
    { tls = false, folder, signIn = false }: { tls?: boolean; folder?: string; signIn?: boolean } = {},
  ): Promise<ConsoleBrowser> {
    const url = tls ? 'https://console.example' : 'http://localhost:8445'
    const now = instant(Date.now())
    const authority = tls ? await createAuthority('An operator', now) : null
    const identity = { kind: 'fleet', id: 'server' } as const
    const certified =
      authority === null ? null : await certifyNewKey(authority, { identity, hosts: ['console.example'] }, now)
    const { host } = new URL(url)
    const place: ConsolePlace = {
      host: '127.0.0.1',
      port: 0,
      url,
      names: new Set([host]),
      origins: new Set([url]),
      tls: certified,
    }
    const server = consoleDoor(place, { ...door.parts, signIn }, pino({ level: 'silent' }), folder)
    const port = orThrow(await listen(server, '127.0.0.1', 0))
    return new ConsoleBrowser(url, port, server, authority?.cert ?? null)
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  override signIn(
    account: string,
    password = PASSWORD,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answered> {
    return super.signIn(account, password, headers)
  }

  /** The same; answers the cookie, as a browser sends it back. */
  async cookie(account: string): Promise<string> {
    const answer = await this.signIn(account)
    if (answer.status !== 200) throw new Error(`${account} cannot sign in: ${outcome(answer)}`)
    return setCookie(answer)
  }
}
