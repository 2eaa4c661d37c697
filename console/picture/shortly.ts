/** What of a refusal says more than its title, beside a button. */
const SAYS: Readonly<Record<string, 'expected' | 'actual'>> = {
  'role-missing': 'expected',
  'token-too-narrow': 'expected',
  'campaign-gate-closed': 'actual',
  'campaign-nothing-to-retry': 'actual',
}

/**
 * The sentence of a refusal as it stands beside a button: its title, and what of the rest matters there. The whole of it is at the
 * command line, and in the answer to whoever tries. A sentence of another form stays as it is.
 */
export function shortly(code: string | null, sentence: string): string {
  const [, title, expected, actual] = /^.*: ([^:]+) \(expected (.*); got (.*?)\)\. /.exec(sentence) ?? []
  if (code === null || title === undefined) return sentence
  const says = Object.hasOwn(SAYS, code) ? SAYS[code] : undefined
  const more = says === 'expected' ? ` (it takes ${expected})` : says === 'actual' ? `: ${actual}` : ''
  return `${title.charAt(0).toUpperCase()}${title.slice(1)}${more}.`
}
