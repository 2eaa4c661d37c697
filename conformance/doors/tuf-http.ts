import { toHex } from '../../src/core/encoding/bytes.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import { hasDigests } from '../../src/core/trust/digests.ts'
import { quoted, type Target } from '../../src/core/trust/metadata.ts'
import type { FileAnswer, FileRequest } from '../../src/core/trust/refresh.ts'

/** How long a file may take, in milliseconds: slow retrieval ends here (TUF 1.0.34 §1.5.2). */
const PATIENCE = 30_000

/** Drives a workflow of core/trust over a repository behind a URL. */
export async function driveOver<Done>(base: string, workflow: Generator<FileRequest, Done, FileAnswer>): Promise<Done> {
  let step = workflow.next()
  while (!step.done) step = workflow.next(await get(`${folderUrl(base)}/${step.value.path}`, step.value.maxBytes))
  return step.value
}

/** A folder's URL without the slashes at its end: with and without them means the same. */
const folderUrl = (url: string): string => url.replace(/\/+$/, '')

/**
 * Fetches a target and verifies its length and digest. Where snapshots are consistent its name begins with its digest
 * (TUF 1.0.34 §6.2). Refuses `file-missing`, `blob-digest-mismatch`, and what `get` refuses.
 */
export async function fetchTarget(
  base: string,
  target: Target,
  consistent: boolean,
  crypto: Crypto,
): Promise<Uint8Array | Refusal> {
  const { path, length, sha256, sha512 } = target
  const digest = sha256 === '' ? sha512 : sha256
  const names = path.split('/').map(quoted)
  const last = names.pop() as string
  const url = [folderUrl(base), ...names, consistent ? `${digest}.${last}` : last].join('/')
  const bytes = await get(url, length)
  if (bytes === null) return refuse('file-missing', url, 'the target', 'none of that name')
  if (isRefusal(bytes)) return bytes
  if (bytes.length === length && hasDigests(target, bytes, crypto)) return bytes
  const actual = `${bytes.length} bytes of SHA-256 ${toHex(crypto.sha256(bytes))}`
  return refuse('blob-digest-mismatch', path, `${length} bytes, ${digest}`, actual)
}

/**
 * Reads a file of at most so many bytes; the connection is closed as soon as there are more. Null: the repository has no
 * such file. Refuses `answer-unexpected`, `not-reachable` and `metadata-too-large`.
 */
async function get(url: string, maxBytes: number): Promise<FileAnswer> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(PATIENCE) })
    if (response.status === 404 || response.status === 403) return null
    if (response.status !== 200) return refuse('answer-unexpected', url, 'status 200', `status ${response.status}`)
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of response.body ?? []) {
      size += part.length
      if (size > maxBytes) return refuse('metadata-too-large', url, `at most ${maxBytes} bytes`, 'more')
      parts.push(part)
    }
    return new Uint8Array(Buffer.concat(parts))
  } catch (error) {
    return refuse('not-reachable', url, 'an answer', (error as Error).message)
  }
}
