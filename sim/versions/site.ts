import type { PathController } from '../../src/core/campaign/path-cohorts.ts'
import type { SignedRelease } from '../../src/core/campaign/path-places.ts'
import type { Versions } from '../../src/core/campaign/versions-beside.ts'
import { bytes, instant } from '../../src/core/encoding/units.ts'
import type { Dependency, Transition } from '../../src/core/firmware/release-facts.ts'
import type { Version } from '../../src/core/firmware/version.ts'
import type { FleetController } from '../../src/core/fleet/inventory.ts'

/** Boards and releases with rules between their versions, in a few words: version `N.0.0` of a class has sequence number N. */

export const kid = (letter: string): string => letter.repeat(64)
export const version = (number: number): Version => `${number}.0.0` as Version
const digestOf = (name: string, number: number): string =>
  [...`${name}${number}`]
    .map(letter => letter.charCodeAt(0).toString(16))
    .join('')
    .padEnd(64, '0')
    .slice(0, 64)

/** A rule in short: the class, the lowest version, and the first one that is too new. */
export type Needs = readonly [of: string, min: number, below?: number]

export type ReleaseWish = {
  readonly needs?: readonly Needs[]
  readonly by?: string
  readonly transition?: Transition | null
  readonly counter?: number
}

export function release(name: string, number: number, wish: ReleaseWish = {}): SignedRelease {
  const { needs = [], by = 'a', transition = null, counter = 1 } = wish
  const dependencies = needs.map(([of, min, below]): Dependency => {
    return { class: of, min: version(min), ...(below === undefined ? {} : { below: version(below) }) }
  })
  const facts = {
    vendor: 'voltworks.example',
    class: name,
    hardware: ['r1'],
    version: version(number),
    sequence: number,
    counter,
    components: [{ name: 'app', size: 10 }],
    imageSize: 10,
    imageDigest: digestOf(name, number),
    chunks: { bytes: 4096, digests: ['00'.repeat(16)] },
    bootloader: { min: 0, max: 9 },
    dependencies,
    health: { windowMillis: 1, probes: [] },
    transition,
    encryption: null,
  }
  return { path: `${name}/${number}.0.0/envelope.suit`, facts, signers: [...by].map(kid) }
}

export type BoardWish = {
  readonly circle?: string | null
  readonly keys?: string
  readonly goal?: SignedRelease | null
}

/** A controller that runs version N of its class; null: it has attested nothing. */
export function board(
  id: string,
  name: string,
  runs: number | null,
  wish: BoardWish = {},
): PathController<SignedRelease> {
  const { circle = null, keys = 'a', goal = null } = wish
  const of: FleetController = {
    site: 'harbour',
    id,
    region: 'nl',
    vendor: 'voltworks.example',
    class: name,
    hardware: 'r1',
    slot: bytes(1 << 20),
    bootloader: 1,
    decrypts: false,
    attested:
      runs === null
        ? null
        : {
            sequence: 1,
            at: instant(1),
            state: 'stable',
            running: { version: version(runs), sequence: runs, digest: digestOf(name, runs) },
            counter: 1,
            anchors: [...keys].map(kid),
          },
  }
  return { of, circle, goal }
}

/** A site with its releases. */
export type VersionedSite = {
  readonly boards: readonly PathController<SignedRelease>[]
  readonly published: readonly SignedRelease[]
}

/**
 * A site of so many controllers in so many classes (at least two), which is to come from versions 1 and 2 to version 4. The
 * controllers of the first class talk to all, the others stand in circles with two of each class. Newest releases of two
 * neighbouring classes each need the other one newer than version 1, so that in each circle one of them passes a stone; and
 * each needs what the class before them had. `random` gives whole numbers below its argument.
 */
export function crowdedSite(controllers: number, classes: number, random: (below: number) => number): VersionedSite {
  const published: SignedRelease[] = []
  for (let of = 0; of < classes; of += 1) {
    for (let number = 1; number <= 4; number += 1) {
      const needs: Needs[] = []
      if (number === 4 && of % 2 === 0 && of + 1 < classes) needs.push([`class-${of + 1}`, 2])
      if (number === 4 && of % 2 === 1) needs.push([`class-${of - 1}`, 3])
      if (number === 4 && of >= 2) needs.push([`class-${of - 2}`, 2])
      published.push(release(`class-${of}`, number, { needs }))
    }
  }
  const boards = Array.from({ length: controllers }, (_, at) => {
    const of = at % classes
    const circle = of === 0 ? null : `circle-${Math.floor(at / (2 * classes))}`
    const goal = published[of * 4 + 3]!
    return board(`board-${at}`, `class-${of}`, random(5) === 0 ? 2 : 1, { circle, goal })
  })
  return { boards, published }
}

/** Nobody's release states anything of others. */
export const unstated = (ids: Iterable<string>): Versions => {
  const nothing = { class: '', version: null, facts: null }
  return { runs: new Map(), becomes: new Map([...ids].map(id => [id, nothing])) }
}
