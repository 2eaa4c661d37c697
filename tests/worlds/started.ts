import { World, type WorldOptions } from '../../sim/doors/world.ts'
import type { CampaignView } from '../../src/wire/fleet-views.ts'
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

/** Stops the site and the gateway: the fleet server stands as it is, and changes only when it is asked to. */
export async function rest(world: World): Promise<void> {
  await world.stopSite()
  await world.gateway?.close()
  world.gateway = null
}
