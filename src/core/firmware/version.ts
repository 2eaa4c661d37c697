import { type Refusal, refuse } from '../refusal/refusal.ts'

declare const brand: unique symbol

/** A semantic version in its one spelling, as text: `2.3.0`, `2.3.0-rc.1`. Build metadata is not part of a version. */
export type Version = string & { readonly [brand]: 'Version' }

/** Characters in a version: as long as any real one, short enough for a display and a boot record. */
export const MAX_VERSION_LENGTH = 64

const NUMBER = '(?:0|[1-9][0-9]{0,8})'
const IDENTIFIER = `(?:0|[1-9][0-9]{0,8}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`
const VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${IDENTIFIER}(?:\\.${IDENTIFIER})*)?$`)

/**
 * Reads a semantic version (SemVer 2.0.0 §2, §9): three numbers below 1,000,000,000 without leading zeros, and an
 * optional pre-release. Build metadata (`+…`) is refused: two releases that differ only there would be equal, and one
 * of them would be offered for ever. Refuses `version-malformed`.
 */
export function parseVersion(text: unknown, subject: string): Version | Refusal {
  if (typeof text === 'string' && text.length <= MAX_VERSION_LENGTH && VERSION.test(text)) return text as Version
  const actual = typeof text === 'string' ? JSON.stringify(text.slice(0, MAX_VERSION_LENGTH + 8)) : typeof text
  return refuse(
    'version-malformed',
    subject,
    'MAJOR.MINOR.PATCH or MAJOR.MINOR.PATCH-PRERELEASE',
    actual,
    'SemVer 2.0.0 §2',
  )
}

/**
 * Order of precedence (SemVer 2.0.0 §11): negative when `a` is older, 0 when equal, positive when newer. A pre-release
 * is older than its release; numeric identifiers compare as numbers and are older than words.
 */
export function compareVersions(a: Version, b: Version): number {
  const left = split(a)
  const right = split(b)
  for (let index = 0; index < 3; index += 1) {
    const difference = Number(left.core[index]) - Number(right.core[index])
    if (difference !== 0) return difference
  }
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length
  for (let index = 0; index < left.pre.length && index < right.pre.length; index += 1) {
    const difference = compareIdentifiers(left.pre[index] as string, right.pre[index] as string)
    if (difference !== 0) return difference
  }
  return left.pre.length - right.pre.length
}

function split(version: Version): { core: string[]; pre: string[] } {
  const dash = version.indexOf('-')
  if (dash < 0) return { core: version.split('.'), pre: [] }
  return { core: version.slice(0, dash).split('.'), pre: version.slice(dash + 1).split('.') }
}

const NUMERIC = /^[0-9]+$/

function compareIdentifiers(a: string, b: string): number {
  const aIsNumber = NUMERIC.test(a)
  const bIsNumber = NUMERIC.test(b)
  if (aIsNumber && bIsNumber) return Number(a) - Number(b)
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1
  return a === b ? 0 : a < b ? -1 : 1
}
