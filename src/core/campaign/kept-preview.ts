import { exactly, line, list, Misfit, object, text, then, whole } from '../encoding/shape.ts'
import { instant, millis } from '../encoding/units.ts'
import { NAME } from '../fleet/identity.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Draft } from './draft.ts'
import { MAX_STRETCHES, type Stretch, stretchesOf } from './forecast.ts'
import { MAX_WAVES } from './plan.ts'
import { type Outline, outlineOf } from './preview.ts'

/**
 * What the dry run of a plan said when the plan was kept, for those who approve it and for those who watch it: what becomes of what, what
 * is at risk, and what its waves take, from which it is worked out when they would be. It is the server's word, and no part of
 * what is signed: who signs verifies the sheets.
 */
export type KeptPreview = Outline & { readonly stretches: readonly Stretch[] }

export const keptPreviewOf = (draft: Draft): KeptPreview => {
  return { ...outlineOf(draft), stretches: stretchesOf(draft.waves, draft.places, draft.plan.rules) }
}

const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)
const count = whole(0, 10_000_000)
const amount = whole(0, Number.MAX_SAFE_INTEGER)
const moment = then(amount, value => instant(value))
const version = line(64, 0)

const shape = object({
  v: exactly(1),
  waves: list(
    object({ name, controllers: count, sites: count, brought: count, watts: amount, wattsAtOnce: amount }),
    1,
    MAX_WAVES,
  ),
  changes: list(
    object({ class: name, from: version, to: version, via: list(version, 0, 64), controllers: count }),
    0,
    1000,
  ),
  otherChanges: count,
  refused: list(object({ code: line(100), controllers: count, why: line(4000, 0) }), 0, 1000),
  planned: list(object({ opens: moment, through: moment, judged: moment }), 0, MAX_WAVES),
  stretches: list(
    object({ site: name, restart: then(amount, value => millis(value)), rounds: list(count, 1, MAX_WAVES) }),
    0,
    MAX_STRETCHES,
  ),
})

export const writeKeptPreview = (kept: KeptPreview): string => JSON.stringify({ v: 1, ...kept })

/** Reads what `writeKeptPreview` wrote. Refuses `campaign-state-malformed`. */
export function readKeptPreview(stored: string, subject: string): KeptPreview | Refusal {
  let value: unknown
  try {
    value = JSON.parse(stored)
  } catch {
    return refuse('campaign-state-malformed', subject, 'a preview in JSON', 'text that is not JSON')
  }
  const read = shape(value, '')
  if (read instanceof Misfit) {
    return refuse('campaign-state-malformed', subject, read.expected, `${read.actual} at ${read.at || 'the top'}`)
  }
  const { v: _, ...kept } = read
  return kept
}
