import type { SimController } from '../../sim/controller/sim-controller.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import type { HttpsClient } from '../../src/adapters/link-https/client.ts'
import { BackOff } from '../../src/apps/agent/link/back-off.ts'
import type { LinkEvent } from '../../src/apps/agent/link/events.ts'
import { Reporter } from '../../src/apps/agent/link/reporter.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow, refuse } from '../../src/core/refusal/refusal.ts'
import { recite } from '../../src/core/slot/recite.ts'
import { type DeviceHistory, historyBytes, sealHistory } from '../../src/core/trust/device-history.ts'
import type { ReportEvent } from '../../src/core/trust/report.ts'
import { acceptHistory, historyWanted } from '../../src/flows/fold.ts'
import type { Clock, SiteWorld } from '../../src/flows/ports.ts'
import { acceptControllerReport } from '../../src/flows/report.ts'

/**
 * A controller as it speaks to its gateway: the agent's own reporter, with the gateway's flows behind it in place of a line. It
 * answers what the reporter noted.
 */
export async function say(
  site: () => SiteWorld,
  controller: SimController,
  clock: Clock,
  event: ReportEvent = 'boot',
): Promise<LinkEvent[]> {
  const noted: LinkEvent[] = []
  const stop = new AbortController()
  const client = {
    origin: 'the gateway',
    call: async (method: string, path: string, { body }: { body?: Uint8Array } = {}) => {
      const world = site()
      const answer =
        path === '/v1/reports'
          ? await acceptControllerReport(world, controller.id, body as Uint8Array)
          : method === 'GET'
            ? await historyWanted(world, controller.id)
            : await acceptHistory(world, controller.id, body as Uint8Array)
      return isRefusal(answer) ? answer : { status: 200, headers: {}, body: utf8(JSON.stringify(answer)) }
    },
  } as unknown as HttpsClient
  const reporter = new Reporter({
    site: site().site.site,
    controller,
    client,
    clock,
    backOff: new BackOff(() => 0),
    stop: stop.signal,
    note: one => noted.push(one),
  })
  reporter.say({ event })
  await reporter.delivered()
  return noted
}

/** The next stretch of a controller's history as it would be told, with changes, by its own key or by another's. */
export function stretch(
  controller: SimController,
  clock: Clock,
  next: number,
  changes: Partial<DeviceHistory> = {},
  by = controller,
): Uint8Array {
  const told = recite(controller.history(), next, nodeCrypto)
  if (told === null) throw new Error('nothing newer')
  const sequence = orThrow(
    controller.element.nextReport() ?? refuse('element-command-not-done', 'a number', 'one', 'none'),
  )
  const whose = { kind: 'voltseal-history', v: 1, site: 'quay', controller: controller.id } as const
  const history: DeviceHistory = { ...told, ...whose, sequence, at: clock.now(), ...changes }
  return sealHistory(history, by.element.signReport(orThrow(historyBytes(history))))
}
