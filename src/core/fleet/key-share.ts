import type { Transition } from '../firmware/release-facts.ts'
import type { Report } from '../trust/report.ts'

/** A controller by its name, and its last report; null before the first. */
export type Heard = { readonly name: string; readonly report: Report | null }

/** A key, and who of those that reported accepts it. `only`: those that accept no other. */
export type KeyShare = {
  readonly kid: string
  readonly acceptedBy: number
  readonly only: readonly string[]
  readonly lacking: readonly string[]
}

/** A controller that runs a release whose change of keys it has not made. */
export type UndoneChange = { readonly controller: string; readonly kind: Transition['kind']; readonly kid: string }

/**
 * The share of a fleet that accepts each key, as the controllers attested it: of the keys that are asked for, and of every
 * other that some controller accepts. `changes`: the changes of keys of published releases, by the digest of the image.
 * A change is due once its image is confirmed; on trial it is not.
 */
export function keyShares(
  heard: readonly Heard[],
  asked: readonly string[],
  changes: ReadonlyMap<string, Pick<Transition, 'kind' | 'kid'>>,
): {
  readonly shares: readonly KeyShare[]
  readonly unknown: readonly string[]
  readonly undone: readonly UndoneChange[]
} {
  const said: { name: string; report: Report }[] = []
  const unknown: string[] = []
  for (const { name, report } of heard) {
    if (report === null) unknown.push(name)
    else said.push({ name, report })
  }
  const kids = new Set([...asked, ...said.flatMap(({ report }) => report.anchors)])
  const shares = [...kids].map((kid): KeyShare => {
    const [having, lacking] = [true, false].map(has => said.filter(one => one.report.anchors.includes(kid) === has))
    const only = having?.filter(({ report }) => report.anchors.length === 1)
    return { kid, acceptedBy: having?.length ?? 0, only: namesOf(only), lacking: namesOf(lacking) }
  })
  const undone = said.flatMap(({ name, report }): UndoneChange[] => {
    const change = changes.get(report.running.digest)
    if (change === undefined || report.state !== 'stable') return []
    const done = report.anchors.includes(change.kid) === (change.kind === 'add')
    return done ? [] : [{ controller: name, kind: change.kind, kid: change.kid }]
  })
  return { shares, unknown, undone }
}

const namesOf = (some: readonly { readonly name: string }[] = []): string[] => some.map(({ name }) => name)
