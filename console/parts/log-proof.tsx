import { detailOf } from '../../src/core/refusal/refusal.ts'
import type { CheckpointView } from '../../src/wire/fleet-views.ts'
import type { Codes } from '../live/codes.ts'
import type { LogStatus } from '../live/log-reader.ts'
import { Mark } from './mark.tsx'

type Shown = { log: LogStatus; codes: Codes | null }

/** What this browser itself found of the audit log. */
export function LogProof({ log, checkpoint, codes }: Shown & { checkpoint: CheckpointView | null }) {
  return (
    <>
      <Verdict log={log} codes={codes} />
      {log.at === 'sound' && (
        <dl>
          <dt>Log</dt>
          <dd>{log.key.split('+')[0]}</dd>
          <dt>Root</dt>
          <dd class="mono">{log.root.slice(0, 32)}…</dd>
          <dt>Continues</dt>
          <dd>{log.known === 0 ? 'first seen in this browser' : `the ${log.known} entries seen here before`}</dd>
        </dl>
      )}
      {checkpoint !== null && (
        <details>
          <summary>What was verified, and with which key</summary>
          <p>
            Every entry was read, hashed and put into the Merkle tree again, and each tile of the log leads up to its
            root; that is the one of the checkpoint, and the signature of the log holds over it. The key comes from this
            server: compare it with <code>auditKey</code> in your profile.
          </p>
          <pre class="mono">{checkpoint.key}</pre>
          <pre class="mono">{checkpoint.checkpoint}</pre>
        </details>
      )}
    </>
  )
}

function Verdict({ log, codes }: Shown) {
  if (log.at === 'sound') {
    return (
      <p class="verdict">
        <Mark kind="good" />
        <span>
          Verified in your browser: <strong>{log.size} entries</strong>
        </span>
      </p>
    )
  }
  if (log.at === 'unsound') {
    return (
      <div class="verdict level-trust">
        <Mark kind="trust" />
        <div>
          <strong>The audit log does not verify.</strong>
          <ul>
            {log.findings.slice(0, 5).map((finding, at) => (
              <li key={at}>{codes?.sentence(finding) ?? detailOf(finding)}</li>
            ))}
          </ul>
          {log.passedOver > 0 && (
            <p>
              {log.passedOver} entries could not be read: their hashes stand for them. Behind them what sites told is
              judged again; of {log.unjudged} of their sequences something is not. <code>voltseal audit verify</code>{' '}
              names them, and judges all with the archive of the log.
            </p>
          )}
        </div>
      </div>
    )
  }
  return (
    <p class="verdict">
      <Mark kind="busy" />
      <span>
        {log.at === 'unread' ? 'Not read yet' : `Reading: ${log.read} of ${log.size} entries`}
        {log.at === 'reading' && <progress value={log.read} max={log.size} aria-label="Entries read" />}
      </span>
    </p>
  )
}
