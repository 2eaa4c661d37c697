import type { AttentionView } from '../../src/wire/attention-views.ts'

/** An item as it stands in the list: what it is about, where that leads, and what happened. */
export type AttentionLine = {
  readonly key: string
  readonly name: string
  readonly href: string | null
  readonly text: string
}

/** Verbs of many, as they are of one. */
const ONE: Readonly<Record<string, string>> = {
  'run their': 'runs its',
  'have been': 'has been',
  'wait for': 'waits for',
  'have never': 'has never',
  'went back to what they ran': 'went back to what it ran',
}

/** An item in words: of one controller its name, of several how many, and at which site. */
export function lineOf({ site, controller, controllers, campaign, subject, text, code }: AttentionView): AttentionLine {
  const key = [subject, site, controller, campaign, code, text].join(' ')
  if (site === null) {
    const name = campaign === null ? 'The fleet' : `Campaign ${campaign}`
    return { key, name, href: campaign === null ? null : `/campaigns/${encodeURIComponent(campaign)}`, text }
  }
  const there = encodeURIComponent(site)
  const behind = campaign === null ? '' : ` in campaign ${campaign}`
  if (controllers === 1 && controller !== null) {
    const href = `/controllers/${there}/${encodeURIComponent(controller)}`
    return { key, name: `${site}/${controller}`, href, text: `${singular(text)}${behind}` }
  }
  const name = controllers > 1 ? `${controllers} controllers at ${site}` : site
  return { key, name, href: `/sites/${there}`, text: `${text}${behind}` }
}

function singular(text: string): string {
  const [many, one] = Object.entries(ONE).find(([begin]) => text.startsWith(begin)) ?? ['', '']
  return `${one}${text.slice(many.length)}`
}

/** How much there is of each level, the worst first, in words: what a screen reader is told when it changes. */
export function attentionWords(counts: {
  readonly trust: number
  readonly failed: number
  readonly attention: number
  readonly more: boolean
}): string {
  const words = [
    [counts.trust, 'refused trust'],
    [counts.failed, 'failed'],
    [counts.attention, 'waiting'],
  ] as const
  const said = words.filter(([some]) => some > 0).map(([some, word]) => `${some} ${word}`)
  if (said.length === 0) return 'Nothing needs attention'
  return `${said.join(', ')}${counts.more ? ', and more' : ''}`
}
