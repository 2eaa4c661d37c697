import type { News, SiteWorld } from './ports.ts'

/** Whether somebody looks at a site from the fleet, as the fleet said with its news, and when the plant was read for them last. */
export type Look = { wanted: boolean; looked: number | null }

const looks = new WeakMap<SiteWorld, Look>()

/** Takes down what the fleet said with its news. */
export function noteLook(world: SiteWorld, { look }: Pick<News, 'look'>): void {
  lookOf(world).wanted = look === true
}

export function lookOf(world: SiteWorld): Look {
  const known = looks.get(world) ?? { wanted: false, looked: null }
  looks.set(world, known)
  return known
}
