import type { SlotPicture, SlotRole } from '../picture/slots.ts'
import './slot-strip.css'

/** What a slot is, by its shape: filled runs, half filled is on trial, outlined stands by, hatched is not said. */
const SHAPES: Readonly<Record<SlotRole, string>> = {
  running: 'full',
  trial: 'half',
  rescue: 'alarm',
  previous: 'line',
  staged: 'dashed',
  armed: 'dashed',
  ready: 'line',
  unknown: 'hatched',
}

/** The slots of a controller beside each other: name, version, and what each is. */
export function SlotStrip({ slots }: { slots: readonly SlotPicture[] }) {
  return (
    <ul class="slots" aria-label="Slots">
      {slots.map(({ slot, name, role, word, version }) => (
        <li key={slot} class={`slot slot-${SHAPES[role]}`}>
          <svg class="slot-sign" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
            <rect x="1" y="1" width="10" height="10" class="slot-box" />
            {role === 'trial' && <path d="M1 1h5v10H1z" class="slot-fill" />}
            {role === 'armed' && <path d="M4 3l4 3-4 3z" class="slot-fill" />}
          </svg>
          <span class="slot-name">{name}</span>
          <span class="mono slot-version">{version ?? 'unknown'}</span>
          <span class="slot-word">{word}</span>
        </li>
      ))}
    </ul>
  )
}
