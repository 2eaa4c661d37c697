import { emptyWave, type TakeKind, type WaveForm } from '../../picture/plan-form.ts'
import { Field, type FormProps } from './field.tsx'

const TAKES: readonly { readonly kind: TakeKind; readonly word: string; readonly amount: string }[] = [
  { kind: 'perClass', word: 'so many of each class', amount: 'How many' },
  { kind: 'count', word: 'so many', amount: 'How many' },
  { kind: 'percent', word: 'so many percent', amount: 'Percent' },
  { kind: 'racks', word: 'so many racks of each site', amount: 'How many' },
  { kind: 'nextSites', word: 'the next so many sites', amount: 'How many' },
  { kind: 'sites', word: 'these sites', amount: 'Names' },
  { kind: 'labels', word: 'those with these labels', amount: 'Labels' },
  { kind: 'rest', word: 'the rest', amount: '' },
]

/** The waves, one after the other. The last one takes the rest: else the server says who is left. */
export function Waves({ form, onForm }: FormProps) {
  const put = (at: number, change: Partial<WaveForm>): void => {
    onForm({ ...form, waves: form.waves.map((wave, index) => (index === at ? { ...wave, ...change } : wave)) })
  }
  return (
    <fieldset class="plan-group plan-waves">
      <legend>Waves</legend>
      {form.waves.map((wave, at) => (
        <Wave
          key={at}
          number={at + 1}
          wave={wave}
          onWave={change => put(at, change)}
          onRemove={
            form.waves.length === 1
              ? null
              : () => onForm({ ...form, waves: form.waves.filter((_, index) => index !== at) })
          }
        />
      ))}
      <button type="button" onClick={() => onForm({ ...form, waves: [...form.waves, { ...emptyWave, soak: '1h' }] })}>
        Another wave
      </button>
    </fieldset>
  )
}

type WaveProps = {
  readonly number: number
  readonly wave: WaveForm
  readonly onWave: (change: Partial<WaveForm>) => void
  readonly onRemove: (() => void) | null
}

function Wave({ number, wave, onWave, onRemove }: WaveProps) {
  const chosen = TAKES.find(({ kind }) => kind === wave.take)
  return (
    <fieldset class="plan-wave">
      <legend>Wave {number}</legend>
      <Field label="Name" value={wave.name} onValue={name => onWave({ name })} />
      <label class="field">
        <span>Takes</span>
        <select value={wave.take} onChange={event => onWave({ take: event.currentTarget.value as TakeKind })}>
          {TAKES.map(({ kind, word }) => (
            <option key={kind} value={kind}>
              {word}
            </option>
          ))}
        </select>
      </label>
      {chosen !== undefined && chosen.amount !== '' && (
        <Field label={chosen.amount} value={wave.amount} onValue={amount => onWave({ amount })} />
      )}
      <Field label="Soak" hint="10min" value={wave.soak} onValue={soak => onWave({ soak })} />
      <Field label="Gate: confirmed, %" hint="100" value={wave.success} onValue={success => onWave({ success })} />
      <Field label="Gate: failed, at most" hint="0" value={wave.failures} onValue={failures => onWave({ failures })} />
      {onRemove !== null && (
        <button type="button" onClick={onRemove}>
          Remove<span class="unseen"> wave {number}</span>
        </button>
      )}
    </fieldset>
  )
}
