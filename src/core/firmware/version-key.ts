import type { Version } from './version.ts'

/** What ends the core of a release without a pre-release: above every identifier, since a pre-release is older. */
const RELEASE = 0xff
const NUMERIC = 0x01
const WORD = 0x02
/** Ends a word and a list of identifiers: below everything that could follow. */
const END = 0x00

/**
 * A version as bytes that sort as the versions do (SemVer 2.0.0 §11): for indexes, which compare bytes and nothing else.
 * Three numbers of four bytes, big-endian; then 0xff for a release, or each identifier of the pre-release with its kind
 * before it (01 and four bytes for a number, 02 and the letters and 00 for a word) and a closing 00. Never empty: an empty
 * key is free to stand for a version that nobody knows, below all of them.
 */
export function versionKey(version: Version): Uint8Array {
  const dash = version.indexOf('-')
  const core = dash < 0 ? version : version.slice(0, dash)
  const bytes: number[] = []
  for (const number of core.split('.')) pushNumber(bytes, Number(number))
  if (dash < 0) bytes.push(RELEASE)
  else {
    for (const identifier of version.slice(dash + 1).split('.')) {
      if (/^[0-9]+$/.test(identifier)) {
        bytes.push(NUMERIC)
        pushNumber(bytes, Number(identifier))
      } else {
        bytes.push(WORD)
        for (let at = 0; at < identifier.length; at += 1) bytes.push(identifier.charCodeAt(at))
        bytes.push(END)
      }
    }
    bytes.push(END)
  }
  return Uint8Array.from(bytes)
}

/** Numbers of a version are below 10^9 (`parseVersion`): they fit into four bytes. */
function pushNumber(bytes: number[], value: number): void {
  bytes.push((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}
