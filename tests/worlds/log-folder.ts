import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Writes the files of a log into a folder, some of them in another form: null leaves one out. */
export function writeLog(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
  changes: Readonly<Record<string, Uint8Array | null>> = {},
): void {
  for (const [path, bytes] of new Map<string, Uint8Array | null>([...files, ...Object.entries(changes)])) {
    if (bytes === null) continue
    const at = join(folder, path)
    mkdirSync(dirname(at), { recursive: true })
    writeFileSync(at, bytes)
  }
}
