import { type LinkPolicy, monthOf, OPEN_LINK } from '../../core/campaign/link.ts'
import type { SiteWorld } from '../../flows/ports.ts'
import { needing } from '../../flows/relay.ts'
import { downloads, needsOf } from '../../flows/way.ts'

/** What comes over the link to the fleet, or waits to. Bytes; times by the gateway's clock. */
export type LinkStatus = LinkPolicy & {
  /** The month of the site's calendar, and what it brought; null: nobody counts. */
  readonly month: string
  readonly spent: number | null
  readonly downloads: readonly {
    readonly what: 'patch' | 'image'
    readonly sha256: string
    readonly length: number
    readonly here: number
    readonly controllers: readonly string[]
    /** Why it does not come: ask, budget or never, and in words. */
    readonly waits: string | null
    readonly because: string | null
    /** How long it takes by the link's rate, behind what comes before it, and until when; null: nobody said how fast the link is. */
    readonly takesMillis: number | null
    readonly doneAt: number | null
  }[]
}

export async function linkStatus(world: SiteWorld): Promise<LinkStatus> {
  const coming = await downloads(world, await needsOf(world, await needing(world)))
  return {
    ...(world.link?.policy ?? OPEN_LINK),
    month: monthOf(world.clock.now(), world.site.zone),
    spent: world.link?.spent ?? null,
    downloads: coming.map(({ what, blob: { sha256, length }, here, controllers, waits, forecast }) => ({
      what,
      sha256,
      length,
      here,
      controllers,
      waits: waits?.about ?? null,
      because: waits?.because ?? null,
      takesMillis: forecast?.millis ?? null,
      doneAt: forecast?.at ?? null,
    })),
  }
}
