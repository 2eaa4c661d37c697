import assert from 'node:assert/strict'
import { isRefusal, type Refusal, sentence } from '../../src/core/refusal/refusal.ts'
import { type RefusalCode, registry } from '../../src/core/refusal/registry.ts'
import type { Ended } from '../worlds/people.ts'

/** One bad input: where it is put in, and what must be said of it, word for word where a person needs the word. */
export type Row<Place> = {
  readonly name: string
  readonly code: RefusalCode
  readonly exit: number
  readonly subject: RegExp
  readonly expected: RegExp
  readonly actual: RegExp
  /** Entries that the fleet's log gains: 0 when the server was never asked, 1 when it recorded the refused attempt. */
  readonly logged?: number
  readonly meet: (place: Place) => Promise<Ended | Refusal>
}

/** Checks what was said: the code, the exit code, and a sentence with subject, expected, actual and what to do. */
export function judge<Place>(row: Row<Place>, met: Ended | Refusal): void {
  const refusal = isRefusal(met) ? met : met.refusal
  assert.ok(refusal !== null, `refused, not: ${JSON.stringify(met)}`)
  assert.equal(refusal.code, row.code, sentence(refusal))
  assert.equal(registry[row.code].exit, row.exit, 'the exit code of the registry')
  assert.match(refusal.subject, row.subject, 'the subject')
  assert.match(refusal.expected, row.expected, 'what was expected')
  assert.match(refusal.actual, row.actual, 'what came instead')
  if (isRefusal(met)) return
  assert.equal(met.exit, row.exit, 'the exit code of the command')
  const whole = sentence(refusal)
  assert.ok(whole.includes(`(expected ${refusal.expected}; got ${refusal.actual})`))
  assert.ok(whole.endsWith(registry[row.code].fix), 'the sentence ends with what to do')
  // A long path may be broken by nobody: the sentence stands on stderr as it is.
  assert.ok(met.said.includes(whole), `the whole sentence on stderr: ${met.said}`)
  assert.ok(met.said.includes(`voltseal explain ${row.code}`), 'where to read more')
}
