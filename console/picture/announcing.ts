/** What is waiting to be told to who listens, and when something was told last, in milliseconds of any clock. */
export type Announcing = { readonly waiting: readonly string[]; readonly toldAt: number | null }

/** Between two announcements, at least: who listens to a plant at work would hear nothing else. */
export const QUIET = 10_000
/** Of what gathered meanwhile, the newest are told, and how many more there were. */
const TOLD = 3

export const nothingToTell: Announcing = { waiting: [], toldAt: null }

/** Something more to tell. The same again is told once. */
export const withMore = (before: Announcing, text: string): Announcing => ({
  ...before,
  waiting: [...before.waiting.filter(one => one !== text), text],
})

/** How long until something may be told, in milliseconds; null: there is nothing to tell. */
export function dueIn({ waiting, toldAt }: Announcing, now: number): number | null {
  if (waiting.length === 0) return null
  return toldAt === null ? 0 : Math.max(0, toldAt + QUIET - now)
}

/** What is told now, and what is left to tell: nothing. */
export function told({ waiting }: Announcing, now: number): { readonly text: string; readonly next: Announcing } {
  const left = waiting.length - TOLD
  const newest = waiting.slice(-TOLD).join('. ')
  return { text: left > 0 ? `${newest}. And ${left} more.` : newest, next: { waiting: [], toldAt: now } }
}
