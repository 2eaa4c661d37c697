import { type RefusalCode, registry } from './registry.ts'

/** What a sentence is made of: the words of a refusal. */
type Words = {
  readonly code: RefusalCode
  readonly subject: string
  readonly expected: string
  readonly actual: string
}

/** The sentence that people read: subject, what is wrong, expected, actual, what to do. */
export function sentence({ code, subject, expected, actual }: Words): string {
  const { title, fix } = registry[code]
  return `${subject}: ${title} (expected ${expected}; got ${actual}). ${fix}`
}
