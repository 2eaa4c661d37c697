import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BaseFetcher, Updater } from 'tuf-js'
import { DownloadHTTPError } from 'tuf-js/dist/error.js'
import { nodeCrypto } from '../../../../src/adapters/crypto-node.ts'
import { isRefusal, orThrow } from '../../../../src/core/refusal/refusal.ts'
import { findTarget } from '../../../../src/core/trust/find-target.ts'
import { type FileAnswer, type FileRequest, refresh } from '../../../../src/core/trust/refresh.ts'
import { resume, storedFiles } from '../../../../src/core/trust/stored-set.ts'
import type { TrustedSet } from '../../../../src/core/trust/trusted-set.ts'
import { NOW } from '../simulated-repository.ts'

/**
 * What a client makes of a repository: `refused` for its metadata, or what each path is to it: a SHA-256 in hex, `none`,
 * or `refused`.
 */
export type View = 'refused' | Readonly<Record<string, string>>

type Files = ReadonlyMap<string, Uint8Array>

/** A client that keeps what it trusts between its looks, in a place of its own. */
export interface Client {
  look(files: Files, paths: readonly string[]): Promise<View>
}

/** The verifier of src/core/trust; each look begins from the stored files, as a process does that starts anew. */
export class OurClient implements Client {
  readonly #stored: Map<string, Uint8Array>

  constructor(root: Uint8Array) {
    this.#stored = new Map([['root.json', root]])
  }

  async look(files: Files, paths: readonly string[]): Promise<View> {
    const { set } = orThrow(resume('image', this.#stored, nodeCrypto, { dialect: 'tuf' }))
    const refreshed = drive(files, refresh(set, NOW, nodeCrypto))
    this.#keep(refreshed.set)
    if (refreshed.at === 'stopped') return 'refused'
    let trusted = refreshed.set
    const view: Record<string, string> = {}
    for (const path of paths) {
      const found = drive(files, findTarget(trusted, path, NOW, nodeCrypto))
      view[path] = isRefusal(found) ? 'refused' : (found.target?.sha256 ?? 'none')
      if (isRefusal(found)) continue
      trusted = found.set
      this.#keep(trusted)
    }
    return view
  }

  #keep(set: TrustedSet): void {
    this.#stored.clear()
    for (const [name, bytes] of storedFiles(set)) this.#stored.set(name, bytes)
  }
}

function drive<T>(files: Files, workflow: Generator<FileRequest, T, FileAnswer>): T {
  let step = workflow.next()
  while (!step.done) step = workflow.next(files.get(step.value.path) ?? null)
  return step.value
}

/** tuf-js, with its folder on the disk. */
export class TheirClient implements Client {
  readonly #folder: string

  constructor(folder: string, root: Uint8Array) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'root.json'), root)
  }

  async look(files: Files, paths: readonly string[]): Promise<View> {
    const fetcher = new Memory(files)
    try {
      const updater = new Updater({
        metadataDir: this.#folder,
        metadataBaseUrl: 'http://repository.test',
        fetcher,
        config: { fetchRetries: 0 },
      })
      await updater.refresh()
      const view: Record<string, string> = {}
      for (const path of paths) view[path] = await digestOf(updater, path)
      return view
    } catch {
      return 'refused'
    }
  }
}

async function digestOf(updater: Updater, path: string): Promise<string> {
  try {
    const target = await updater.getTargetInfo(path)
    return target === undefined ? 'none' : (target.hashes?.sha256 ?? 'something else')
  } catch {
    return 'refused'
  }
}

class Memory extends BaseFetcher {
  readonly #files: Files

  constructor(files: Files) {
    super()
    this.#files = files
  }

  override async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const bytes = this.#files.get(decodeURIComponent(new URL(url).pathname.slice(1)))
    if (bytes === undefined) throw new DownloadHTTPError('none', 404)
    return new Blob([Uint8Array.from(bytes)]).stream()
  }

  // In memory too: the base class goes through a temporary file for each.
  override async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const stream = await this.fetch(url)
    const bytes = Buffer.from(await new Response(stream).arrayBuffer())
    if (bytes.length > maxLength) throw new Error('longer than it may be')
    return bytes
  }
}
