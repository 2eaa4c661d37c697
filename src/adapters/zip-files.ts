import { type Zippable, zipSync } from 'fflate'
import type { Instant } from '../core/encoding/units.ts'

/** Packs files into a ZIP file, in their order, all of them dated `at`. */
export function packZip(files: ReadonlyMap<string, Uint8Array>, at: Instant): Uint8Array {
  const packable: Zippable = {}
  // The date of a ZIP file knows no zone: the fields of UTC are written, whatever zone this machine is in.
  const utc = new Date(at)
  const mtime = new Date(utc.getTime() + utc.getTimezoneOffset() * 60_000)
  for (const [name, bytes] of files) packable[name] = [bytes, { mtime, level: 6 }]
  return zipSync(packable)
}
