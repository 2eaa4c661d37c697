import { World, type WorldOptions } from '../../sim/doors/world.ts'
import type { CampaignView } from '../../src/wire/fleet-views.ts'
import type { PatchView } from '../../src/wire/patch-api.ts'
import { askCampaign } from './people.ts'

/** Starts a world and prepares it; when that fails nothing of it is left running, which would hold the process. */
export async function started<T>(options: WorldOptions, prepare: (world: World) => Promise<T>): Promise<T> {
  const world = await World.start(options)
  try {
    return await prepare(world)
  } catch (error) {
    await world.stop()
    throw error
  }
}

/** Waits until a campaign has ended, whatever it came to. */
export async function ended(world: World, id: string): Promise<CampaignView> {
  let view = await askCampaign(world, id)
  await world.until(`${id} ended`, async () => {
    view = await askCampaign(world, id)
    return view.state === 'done' || view.state === 'halted' || view.state === 'paused'
  })
  return view
}

/** Waits until the fleet has tried every patch that it wants: from then on it writes nothing of them by itself. Answers all that it knows. */
export async function settled(world: World): Promise<readonly PatchView[]> {
  let all: readonly PatchView[] = []
  await world.until('every patch was tried', async () => {
    all = ((await world.must('fleet', 'patches')) as { patches: readonly PatchView[] }).patches
    return all.every(({ state }) => state !== 'wanted')
  })
  return all
}

/** Stops the site and the gateway: the fleet server stands as it is, and changes only when it is asked to. */
export async function rest(world: World): Promise<void> {
  await world.stopSite()
  await world.gateway?.close()
  world.gateway = null
}
