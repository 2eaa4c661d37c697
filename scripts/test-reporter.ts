import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

type Failure = Error & { readonly failureType?: string }

/** What a reader asks after: how many ran, how many failed, and whether any did not run to its end. */
const COUNT = /^(tests|fail) |^(cancelled|skipped|todo) [1-9]/

/**
 * One screen: each failure with its place and reason, then the counts as `# tests N`. What passes says nothing, since a
 * thousand green lines hide the red one.
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    // A suite fails because a test in it did: only the test is told.
    if (type === 'test:fail' && (data.details.error as Failure).failureType !== 'subtestsFailed') {
      const place = data.file === undefined ? '' : ` (${relative(process.cwd(), data.file)}:${data.line})`
      yield `\n✖ ${data.name}${place}\n${indented(reason(data.details.error))}\n`
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      yield data.message
    } else if (type === 'test:diagnostic' && data.nesting === 0 && COUNT.test(data.message)) {
      yield `# ${data.message}\n`
    }
  }
}

function reason(error: Error): string {
  const cause = error.cause
  if (!(cause instanceof Error)) return String(cause ?? error.message)
  // An assertion's message carries its difference; the stack behind it is the runner's own.
  const frames = (cause.stack ?? '').split('\n').filter(line => /^\s+at /.test(line) && !line.includes('node:'))
  return [`${cause.name}: ${cause.message}`, ...frames.slice(0, 5)].join('\n')
}

const indented = (text: string): string => text.replaceAll(/^/gm, '    ')
