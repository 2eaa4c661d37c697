import { toHex, utf8 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'

/** A target's path: names of letters, digits and `. _ + = @ -` between slashes; none begins with a dot. */
export const TARGET_PATH = /^(?=.{1,512}$)[A-Za-z0-9_+=@-][A-Za-z0-9._+=@-]*(?:\/[A-Za-z0-9_+=@-][A-Za-z0-9._+=@-]*)*$/

/**
 * Whether a path fits a pattern of a delegation (TUF 1.0.34 §4.5): `*` stands for any characters and `?` for one, neither
 * for a slash. Runs in the product of the lengths at worst, whatever the pattern.
 */
export function matchesPattern(path: string, pattern: string): boolean {
  const names = path.split('/')
  const globs = pattern.split('/')
  return names.length === globs.length && names.every((name, index) => matchesGlob(name, globs[index] as string))
}

function matchesGlob(name: string, glob: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  let g = 0
  while (at < name.length) {
    if (g < glob.length && glob[g] === '*') {
      star = g
      resume = at
      g += 1
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === name[at])) {
      at += 1
      g += 1
    } else if (star >= 0) {
      // The last star takes one character more; earlier stars need not be tried again.
      resume += 1
      at = resume
      g = star + 1
    } else {
      return false
    }
  }
  while (glob[g] === '*') g += 1
  return g === glob.length
}

/** Whether the SHA-256 of a path begins with one of the prefixes, in hex (TUF 1.0.34 §4.5, `path_hash_prefixes`). */
export function matchesHashPrefix(path: string, prefixes: readonly string[], crypto: Crypto): boolean {
  const digest = toHex(crypto.sha256(utf8(path)))
  return prefixes.some(prefix => digest.startsWith(prefix))
}
