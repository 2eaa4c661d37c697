/**
 * A text for people as one line that every reader can hold: well-formed, without control characters (they become a
 * space), cut to `max` characters. For words that come from outside and must be kept, such as a reason or an error text.
 */
export function plainText(text: string, max: number): string {
  if (text.length <= max && PRINTABLE.test(text)) return text
  const clean = text
    .toWellFormed()
    .replaceAll(/\p{Cc}+|[\u2028\u2029]+/gu, ' ')
    .trim()
  return clean.length <= max ? clean : `${clean.slice(0, max - 1).toWellFormed()}…`
}

/** ASCII without control characters and without a space at an end, as most are: nothing is to be done to it. */
const PRINTABLE = /^(?:[!-~](?:[ -~]*[!-~])?)?$/
