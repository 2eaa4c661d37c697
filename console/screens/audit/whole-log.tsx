import { useEffect, useRef, useState } from 'preact/hooks'
import type { Refusal } from '../../../src/core/refusal/refusal.ts'
import type { CheckpointView, StatusView } from '../../../src/wire/fleet-views.ts'
import { browserCrypto } from '../../crypto-browser.ts'
import { askFile } from '../../live/ask.ts'
import { type Codes, loadCodes, told } from '../../live/codes.ts'
import { LogReader, type LogStatus } from '../../live/log-reader.ts'
import { browserMemory } from '../../live/memory.ts'
import { useView } from '../../live/views.ts'
import { LogProof } from '../../parts/log-proof.tsx'
import { Mark } from '../../parts/mark.tsx'
import { announce } from '../../shell/announce.ts'

/** Up to so many entries are read without being asked: a few seconds, and a few megabytes. */
const UNASKED = 5000

/** One for as long as the page lives: what was read is not read again when somebody comes back to this screen. */
const reader = new LogReader(browserCrypto, browserMemory)
let last: LogStatus = { at: 'unread' }

/** All of the log, read and verified by this browser, and what is known to be wrong with it and with what sites told. */
export function WholeLog() {
  const { value: checkpoint } = useView<CheckpointView>('/v1/audit/checkpoint')
  const status = useView<StatusView>('/v1/status').value
  const [log, setLog] = useState<LogStatus>(last)
  const [fault, setFault] = useState<string | null>(null)
  const [codes, setCodes] = useState<Codes | null>(null)
  const run = useRef(0)
  const [reading, setReading] = useState(false)
  const small = checkpoint !== null && checkpoint.size - sizeRead(log) <= UNASKED

  useEffect(() => void loadCodes().then(setCodes, () => {}), [])
  useEffect(() => () => void stop(run), [])
  useEffect(() => {
    if (!small || reading || isRead(log, checkpoint)) return
    void read(checkpoint)
  }, [small, checkpoint, reading])

  const read = async (to: CheckpointView): Promise<void> => {
    run.current += 1
    const mine = run.current
    setReading(true)
    setFault(null)
    try {
      await reader.read(
        to,
        path => (mine === run.current ? askFile(`/log/${path}`) : Promise.reject(new Error('Stopped.'))),
        next => {
          last = next
          setLog(next)
        },
      )
      if (last.at === 'unsound') announce('The audit log does not verify.')
    } catch (error) {
      // It goes on from there when it is asked for again.
      setFault((error as Error).message)
    } finally {
      setReading(false)
    }
  }
  return (
    <section class="panel audit-log" aria-labelledby="log-title">
      <h2 id="log-title">The whole log</h2>
      <LogProof log={log} checkpoint={checkpoint} codes={codes} />
      {fault !== null && <p class="form-fault">{fault}</p>}
      <p class="audit-buttons">
        {reading ? (
          <button type="button" onClick={() => stop(run)}>
            Stop
          </button>
        ) : (
          <button
            type="button"
            onClick={() => checkpoint !== null && void read(checkpoint)}
            aria-disabled={checkpoint === null}
          >
            {log.at === 'unread' || log.at === 'reading' ? 'Read and verify every entry' : 'Verify what is new'}
          </button>
        )}
        {checkpoint !== null && log.at === 'unread' && !small && (
          <span class="note">{checkpoint.size} entries: they are fetched once, and verified here.</span>
        )}
      </p>
      <Witnessed status={status} />
      <Alarms alarms={status?.alarms ?? []} codes={codes} />
    </section>
  )
}

const sizeRead = (log: LogStatus): number => (log.at === 'sound' || log.at === 'unsound' ? log.size : 0)

/** Nothing was added since it was verified; what does not verify is read again only when somebody asks for it. */
const isRead = (log: LogStatus, { size }: CheckpointView): boolean =>
  log.at === 'unsound' || (log.at === 'sound' && log.size >= size)

function stop(run: { current: number }): void {
  run.current += 1
}

function Witnessed({ status }: { status: StatusView | null }) {
  if (status === null || status.log.witnesses.length === 0) return null
  const { entries, witnessed, witnesses } = status.log
  return (
    <dl>
      <dt>Witnesses</dt>
      <dd>
        {witnessed === null ? 'none has to sign' : `enough have signed ${witnessed} of ${entries} entries`}
        {': '}
        {witnesses.map(({ name, entries: signed }) => `${name} ${signed}`).join(', ')}
      </dd>
    </dl>
  )
}

/** Of what a person has to see to, that which is about the log, its witnesses and what sites tell. */
const OF_LOG = /^(?:log|witness|cosignature|checkpoint|history|upstream)-|^cosignatures-too-few$/

function Alarms({ alarms, codes }: { alarms: StatusView['alarms']; codes: Codes | null }) {
  const shown = alarms.filter(({ code }) => OF_LOG.test(code))
  if (shown.length === 0) return null
  return (
    <div class="attention">
      <ul>
        {shown.map((alarm, at) => (
          <li key={at} class="level-attention">
            <Mark kind="attention" />
            <span>{told({ ...alarm, refused: true } as Refusal, codes)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
