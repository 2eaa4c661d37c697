import type { HttpsServer } from '../../../adapters/http-server.ts'
import type { Refusal } from '../../../core/refusal/refusal.ts'
import { type Forwarding, testSiem } from '../../../flows/forward.ts'
import * as routes from '../../../wire/routes/siem.ts'
import type { SiemView } from '../../../wire/siem-api.ts'
import { behindIn, byText, pageOf, shown } from './page.ts'
import type { FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Who the log is forwarded to. */
export function siemRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, siem } = door

  shows(server, routes.listReceivers, async ({ query }) => {
    const rows = await Promise.all(siem.forwardings.map(viewOf))
    rows.sort((a, b) => byText(a.receiver, b.receiver))
    const page = await pageOf(query, {
      name: 'siem',
      sorts: ['string'],
      keyOf: ({ receiver }: SiemView) => [receiver] as const,
      behind: behindIn(rows, ({ receiver }, [after]: readonly [string]) => byText(receiver, after) > 0),
    })
    return shown(page, row => row)
  })

  changes(server, door, routes.testReceiver, ({ peer, params: { id = '' } }) => ({
    attempt: 'siem test',
    run: () => testSiem(world, siem.store, peer, id),
    follow: async () => siem.forwarding(id)?.hurry(),
  }))
}

async function viewOf(forwarding: Forwarding): Promise<SiemView> {
  const { standing, ...state } = await forwarding.state()
  const { host = '', port = 0 } = forwarding.receiver.target
  const { failures, troubledSince, due, fault } = standing
  return {
    ...state,
    host: String(host),
    port: Number(port),
    behind: Math.max(0, state.size - state.sent),
    failures,
    troubledSince,
    due,
    fault: fault === null ? null : wordsOf(fault),
  }
}

const wordsOf = ({ code, subject, expected, actual }: Refusal) => ({ code, subject, expected, actual })
