/** Longest address within the console that somebody is taken to, in characters. */
export const MAX_OWN_PATH = 512

/** A path with a query, of letters that no browser reads as the beginning of another host, and no fragment. */
const OWN = /^\/(?!\/)[\w./~%-]*(?:\?[\w./~%&=:@,+-]*)?$/

/**
 * An address within the console, to which somebody is taken behind a sign-in; null for whatever else was asked for. A browser takes
 * `//host`, `/\host` and `https:` to other places (URL Standard, §4.4): none of them comes through.
 */
export const ownPath = (asked: string): string | null =>
  asked.length <= MAX_OWN_PATH && OWN.test(asked) ? asked : null
