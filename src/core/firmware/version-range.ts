import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { compareVersions, parseVersion, type Version } from './version.ts'

/** Versions between two ends. Both ends missing: every version that is known. */
export type VersionRange = {
  readonly from?: { readonly version: Version; readonly inclusive: boolean }
  readonly to?: { readonly version: Version; readonly inclusive: boolean }
}

const EXPECTED = 'a range such as <4.2, <=4.2.1, >=4.1, =4.2.0 or 4.1.0..4.2.0'

/**
 * Reads a range of versions: `<V`, `<=V`, `>V`, `>=V`, `=V`, or `A..B` (from A, below B). `<4.2` and `>=4` fill what is missing
 * with zeros: `4.2.0-rc.1` is older than 4.2, as SemVer has it. The other signs want a whole version, since `=4.2` could mean
 * two things. Refuses `query-malformed` (an empty range too), and `version-malformed`.
 */
export function parseVersionRange(text: string, subject: string): VersionRange | Refusal {
  if (text.length > 140) return refuse('query-malformed', subject, EXPECTED, `${text.length} characters`)
  const [, low, high] = /^([^<>=]+?)\.\.([^<>=]+)$/.exec(text) ?? []
  if (low !== undefined && high !== undefined) {
    const [from, to] = [filled(low, subject), filled(high, subject)]
    if (isRefusal(from)) return from
    if (isRefusal(to)) return to
    if (compareVersions(from, to) >= 0) return refuse('query-malformed', subject, 'a range with something in it', text)
    return { from: { version: from, inclusive: true }, to: { version: to, inclusive: false } }
  }
  const [, sign, rest] = /^(<=|>=|<|>|=)([^<>=]+)$/.exec(text) ?? []
  if (sign === undefined || rest === undefined) {
    return refuse('query-malformed', subject, EXPECTED, JSON.stringify(text.slice(0, 48)))
  }
  const version = sign === '<' || sign === '>=' ? filled(rest, subject) : parseVersion(rest, subject)
  if (isRefusal(version)) return version
  const end = { version, inclusive: sign.includes('=') }
  if (sign === '=') return { from: end, to: end }
  return sign.startsWith('<') ? { to: end } : { from: end }
}

/** `4` and `4.2` with zeros behind them. */
function filled(text: string, subject: string): Version | Refusal {
  const whole = /^\d+$/.test(text) ? `${text}.0.0` : /^\d+\.\d+$/.test(text) ? `${text}.0` : text
  return parseVersion(whole, subject)
}

/** The range in the words that `parseVersionRange` reads. */
export function rangeText({ from, to }: VersionRange): string {
  if (from !== undefined && to !== undefined) {
    return from.version === to.version && from.inclusive && to.inclusive
      ? `=${from.version}`
      : `${from.version}..${to.version}`
  }
  if (to !== undefined) return `<${to.inclusive ? '=' : ''}${to.version}`
  return from === undefined ? '' : `>${from.inclusive ? '=' : ''}${from.version}`
}

/** Whether a version is in the range. */
export function inRange(version: Version, { from, to }: VersionRange): boolean {
  const below = from === undefined ? 1 : compareVersions(version, from.version)
  const above = to === undefined ? -1 : compareVersions(version, to.version)
  if (below < 0 || (below === 0 && from?.inclusive !== true)) return false
  return above < 0 || (above === 0 && to?.inclusive === true)
}
