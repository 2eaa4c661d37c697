import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { notRead } from '../core/refusal/not-read.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'

/** A text file that is read piece by piece, in memory that does not grow with it. `at`: bytes that were read. */
export type TextPieces = {
  readonly bytes: number
  readonly at: () => number
  /** The next piece, null at the end. Refuses `text-not-utf8`: what was read before is as it was. */
  readonly next: () => string | null | Refusal
  readonly close: () => void
}

const PIECE = 64 * 1024

/** Opens a text file in UTF-8. Refuses `file-missing`, `file-not-permitted`, `file-unreadable`. */
export function openTextPieces(path: string): TextPieces | Refusal {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? refuse('file-missing', path, 'a file', 'none of that name') : notRead(path, code)
  }
  const status = fstatSync(file)
  if (!status.isFile()) {
    closeSync(file)
    return refuse('file-unreadable', path, 'a regular file', 'something else')
  }
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const buffer = new Uint8Array(PIECE)
  let at = 0
  let ended = false
  return {
    bytes: status.size,
    at: () => at,
    next: () => {
      if (ended) return null
      const length = readSync(file, buffer, 0, PIECE, null)
      ended = length === 0
      try {
        const text = decoder.decode(buffer.subarray(0, length), { stream: !ended })
        at += length
        return ended && text === '' ? null : text
      } catch {
        return refuse('text-not-utf8', path, 'text in UTF-8', `other bytes behind byte ${at}`)
      }
    },
    close: () => closeSync(file),
  }
}
