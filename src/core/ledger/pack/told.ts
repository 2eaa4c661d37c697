import { instant } from '../../encoding/units.ts'
import { formatUtc } from '../../encoding/utc-time.ts'
import type { Tone } from './report.ts'
import type { PackVerdict } from './verify.ts'

/** What a verification found, as words for people: the command line, the script and the page say the same. */

export type Line = readonly [name: string, value: string, tone: Tone]

/** In one sentence. */
function verdictLine({ sound, manifest, proven, findings, dropped, seal }: PackVerdict): Line {
  if (sound && seal !== null) return ['verdict', 'VERIFIED', 'good']
  if (sound) return ['verdict', 'EVENTS VERIFIED, and nothing but its own word vouches for the report', 'warn']
  const all = manifest?.events.length
  const by = findings.some(({ code }) => code === 'pack-key-unconfirmed') ? ', by the pack’s own key' : ''
  const events = all === undefined ? '' : `; ${proven} of ${all} events are proven${by}`
  const count = findings.length + dropped
  return ['verdict', `NOT VERIFIED: ${count === 1 ? '1 finding' : `${count} findings`}${events}`, 'bad']
}

export function verdictLines(verdict: PackVerdict): Line[] {
  const { manifest, checkpoint, cosigned, seal, proven } = verdict
  const lines: Line[] = [verdictLine(verdict)]
  if (manifest === null) return lines
  const { log, made, maker, events } = manifest
  lines.push(['log', log.origin, 'plain'])
  lines.push(['made', `${formatUtc(made)} by ${maker}`, 'plain'])
  lines.push(['searched', `${log.size} entries, all of the log at that time`, 'plain'])
  lines.push([
    'events',
    `${proven} of ${events.length} proven`,
    proven < events.length ? 'bad' : verdict.sound ? 'good' : 'plain',
  ])
  if (checkpoint === null) return lines
  lines.push(['checkpoint', `${checkpoint.size} entries, root ${checkpoint.root.toHex()}`, 'plain'])
  const witnesses = cosigned.map(([name, seconds]) => `${name} at ${formatUtc(instant(seconds * 1000))}`).join(', ')
  lines.push(['witnesses', witnesses || 'none that you named', witnesses === '' ? 'faint' : 'good'])
  lines.push(
    seal === null
      ? ['seal', 'none: nothing but its own word vouches for report.pdf and clauses.json', 'warn']
      : ['seal', `entry ${seal.index}, ${formatUtc(seal.at)} by ${whoOf(seal.by)}`, 'good'],
  )
  return lines
}

/** A pseudonym says by itself that it is a person’s. */
const whoOf = ({ kind, id }: { readonly kind: string; readonly id: string }): string =>
  id.startsWith(`${kind}:`) ? id : `${kind} ${id}`

/** What was left out is not in a pack; what it says of it stands beside the verdict, always. */
export const LIMITS =
  'A proof shows that an event is in the log, not that nothing else is. The pack states how many events of each kind the whole log has; whoever can read the log can repeat the search (voltseal evidence verify FILE --log FOLDER-OR-URL).'
