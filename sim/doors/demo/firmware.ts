import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unzipSync } from 'fflate'

/** A firmware image of the demo: which class it is for, which version it is, and where it lies. */
export type DemoImage = {
  readonly class: string
  readonly hardware: string
  readonly version: string
  /** Rises with the version: 7.28.0 is 72800. */
  readonly sequence: number
  readonly counter: number
  /** Relative to the demo's folder. */
  readonly file: string
  readonly release: string
  readonly sha256: string
}

/** Real firmware, two versions of it: what a battery rack's controller is of the size of (Pybricks, MIT licence). */
const SOURCES = [
  { class: 'bms', hub: 'primehub', hardware: 'primehub' },
  { class: 'pcs', hub: 'essentialhub', hardware: 'essentialhub' },
  { class: 'ems', hub: 'technichub', hardware: 'edge-r2' },
  { class: 'ups', hub: 'cityhub', hardware: 'cityhub' },
] as const
const ENTRY = 'firmware-base.bin'
const MAX_IMAGE = 16 * 1024 * 1024

/** 7.27.0 is what the controllers leave the factory with; 7.28.0 is the update. */
export const FACTORY = '7.27.0'
export const UPDATE = '7.28.0'

/**
 * Takes the images out of the packages that they were published in, into `folder/firmware`: of each of these classes the
 * factory's, and the update for those that get one.
 */
export function unpackFirmware(
  folder: string,
  sha256: (bytes: Uint8Array) => string,
  { classes, updated }: { readonly classes: readonly string[]; readonly updated: readonly string[] },
): DemoImage[] {
  mkdirSync(join(folder, 'firmware'), { recursive: true })
  const images: DemoImage[] = []
  for (const [version, counter, sequence] of [
    [FACTORY, 1, 72_700],
    [UPDATE, 2, 72_800],
  ] as const) {
    for (const source of SOURCES) {
      if (!(version === UPDATE ? updated : classes).includes(source.class)) continue
      const bytes = imageIn(join(packageOf(version), 'build', `${source.hub}.zip`))
      const name = `${source.class}-${version}`
      const file = join('firmware', `${name}.bin`)
      writeFileSync(join(folder, file), bytes)
      const { class: className, hardware } = source
      const release = `${name}.release`
      images.push({ class: className, hardware, version, sequence, counter, file, release, sha256: sha256(bytes) })
    }
  }
  return images
}

function packageOf(version: string): string {
  const name = version === FACTORY ? 'pybricks-7-27' : 'pybricks-7-28'
  return join(import.meta.dirname, '../../../node_modules', name)
}

function imageIn(path: string): Uint8Array {
  const filter = (file: { name: string; originalSize: number }): boolean =>
    file.name === ENTRY && file.originalSize <= MAX_IMAGE
  const image = unzipSync(new Uint8Array(readFileSync(path)), { filter })[ENTRY]
  if (image === undefined) throw new Error(`${path} holds no ${ENTRY}`)
  return image
}
