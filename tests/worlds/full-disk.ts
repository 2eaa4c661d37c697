import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { SiteWorld } from '../../src/flows/ports.ts'

/** A folder for a cache on a disk that has no room for a payload. */
export type FullDisk = {
  readonly how: string
  readonly cache: string
  /** The world as it meets the full disk: blobs of this length do not fit. */
  filling(site: SiteWorld): SiteWorld
  makeRoom(): void
  remove(): void
}

/**
 * A file system of its own, of `kib` KiB, where this user may mount one: writes stop in the middle, as on a disk that
 * fills up. Elsewhere the unfinished file is /dev/full, which has room for nothing: the kernel's own ENOSPC too.
 */
export function fullDisk(folder: string, kib: number, length: number): FullDisk {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'none', folder], { stdio: 'ignore' })
  } catch {
    return deviceFull(folder, length)
  }
  return {
    how: `tmpfs of ${kib} KiB`,
    cache: join(folder, 'cache'),
    filling: site => site,
    makeRoom: () => execFileSync('mount', ['-o', 'remount,size=4m', folder]),
    remove: () => execFileSync('umount', [folder]),
  }
}

function deviceFull(folder: string, length: number): FullDisk {
  const cache = join(folder, 'cache')
  let link = ''
  return {
    how: '/dev/full, because this user may not mount',
    cache,
    filling: site => {
      const { blobs } = site
      const append: typeof blobs.append = (id, from, body) => {
        if (id.length === length) {
          link = join(cache, 'part', id.sha256)
          mkdirSync(join(cache, 'part'), { recursive: true })
          rmSync(link, { force: true })
          symlinkSync('/dev/full', link)
        }
        return blobs.append(id, from, body)
      }
      const full: typeof blobs = {
        has: id => blobs.has(id),
        size: sha256 => blobs.size(sha256),
        partial: id => blobs.partial(id),
        unfinished: (id, start, end) => blobs.unfinished(id, start, end),
        append,
        verify: id => blobs.verify(id),
        quarantine: id => blobs.quarantine(id),
        read: id => blobs.read(id),
        stream: (id, start, end) => blobs.stream(id, start, end),
      }
      return { ...site, blobs: full }
    },
    makeRoom: () => rmSync(link),
    remove: () => undefined,
  }
}
