import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** A built file of a web page, in memory: `kept` says that its name holds a digest of its content. */
export type PageFile = {
  readonly type: string
  readonly body: Uint8Array
  readonly gzip: Uint8Array
  readonly kept: boolean
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/**
 * Every file of a built page by the path under which it is served, read once: what is not in this map is not served,
 * however a path is written. Null when nothing was built there.
 */
export function readPageFiles(folder: string): ReadonlyMap<string, PageFile> | null {
  const files = new Map<string, PageFile>()
  let entries: string[]
  try {
    entries = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch {
    return null
  }
  for (const entry of entries) {
    const path = `/${entry.replaceAll('\\', '/')}`
    const type = TYPES[path.slice(path.lastIndexOf('.') + 1)]
    if (type === undefined) continue
    const body = new Uint8Array(readFileSync(join(folder, entry)))
    files.set(path, { type, body, gzip: gzipSync(body, { level: 9 }), kept: path.startsWith('/assets/') })
  }
  const index = files.get('/index.html')
  if (index === undefined) return null
  return files.set('/', index)
}
