import { fromUtf8, utf8 } from '../core/encoding/bytes.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { boxed } from './audit.ts'
import type { SiteWorld } from './ports.ts'
import { needing } from './relay.ts'
import { downloads, needsOf } from './way.ts'

/** What was said yes to, and who waited for it. Bytes. */
export type SaidYes = {
  readonly sha256: string
  readonly length: number
  readonly controllers: readonly string[]
}

/**
 * Somebody at the site says yes to the full image that a controller waits for; `by`: their pseudonym. It is one for all that wait for the same
 * image. Durable on return. Refuses `full-image-not-waited-for`, `full-images-never`.
 */
export async function sayYes(world: SiteWorld, controller: string, by: string): Promise<SaidYes | Refusal> {
  const subject = `${world.site.site}/${controller}`
  const coming = await downloads(world, await needsOf(world, await needing(world)))
  const found = coming.find(({ waits, controllers }) => waits !== null && controllers.includes(controller))
  if (found === undefined || world.link === undefined) {
    return refuse('full-image-not-waited-for', subject, 'a full image that waits for a yes', 'none')
  }
  if (found.waits?.about === 'never') {
    return refuse(
      'full-images-never',
      subject,
      'a link over which full images may come',
      'one over which they never do',
    )
  }
  const { blob, controllers } = found
  world.link.allow({ sha256: blob.sha256, by })
  return { ...blob, controllers }
}

/** Which of the images that a person said yes to the log was told of. */
const TOLD = 'allowed'

/** A full image that a person at the site said yes to (apps/gateway/full-images.ts): the SHA-256 of the payload, and who. */
export type SaidYesTo = { readonly sha256: string; readonly by: string }

/**
 * Tells the gateway's log of each full image that a person said yes to, once. Before it is fetched: the list allows it from the moment on
 * that it is written, and a gateway that cannot tell does not fetch either. Durable on return.
 */
export async function noteAllowed(world: SiteWorld, images: readonly SaidYesTo[]): Promise<void> {
  const told = await world.store.files(TOLD)
  const news = images.filter(({ sha256, by }) => fromUtf8(told.get(sha256) ?? new Uint8Array(0)) !== by)
  if (news.length === 0) return
  const outbox = news.map(({ sha256, by }) => boxed(world, { kind: 'full-image-allowed', detail: { sha256, by } }))
  // If power fails before this commit, the next look finds the same ones.
  await world.store.commit({
    files: news.map(({ sha256, by }) => ({ repo: TOLD, path: sha256, bytes: utf8(by) })),
    outbox,
  })
}
