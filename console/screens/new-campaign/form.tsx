import type { ReleaseView } from '../../../src/wire/fleet-views.ts'
import { usePages } from '../../live/pages.ts'
import { More } from '../../parts/more.tsx'
import { DAYS, type PlanForm } from '../../picture/plan-form.ts'
import { Field, type FormProps, Group } from './field.tsx'
import { Waves } from './waves.tsx'

const CRITICALITIES = ['security', 'safety', 'feature', 'content'] as const

/** The form of a plan. It judges nothing: what is wrong with it, the server says, by the line of the file that it writes. */
export function Form({ form, onForm }: FormProps) {
  const set = (change: Partial<PlanForm>): void => onForm({ ...form, ...change })
  const field = (name: keyof PlanForm, label: string, hint = '') => (
    <Field label={label} hint={hint} value={String(form[name])} onValue={value => set({ [name]: value })} />
  )
  return (
    <form class="panel plan-form" aria-label="The plan" onSubmit={event => event.preventDefault()}>
      <Group title="What">
        {field('id', 'Name', 'a-z 0-9 . _ -, such as bms-7-28')}
        {field('title', 'Title')}
        {field('changeRequest', 'Change request')}
        <label class="field">
          <span>Criticality</span>
          <select
            value={form.criticality}
            onChange={event => set({ criticality: event.currentTarget.value as PlanForm['criticality'] })}
          >
            {CRITICALITIES.map(one => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <Releases form={form} onForm={onForm} />
      </Group>
      <Group title="Whom: nothing selects the whole fleet">
        {field('regions', 'Regions', 'names with a blank between')}
        {field('sites', 'Sites')}
        {field('classes', 'Classes', 'bms pcs')}
        {field('labels', 'Labels')}
        {field('versions', 'Versions', 'bms <7.28, pcs 4.1.0..4.2.0')}
      </Group>
      <Waves form={form} onForm={onForm} />
      <Group title="When">
        <fieldset class="plan-days">
          <legend>Window, by the clock of each site</legend>
          {DAYS.map(day => (
            <label key={day}>
              <input
                type="checkbox"
                checked={form.days.includes(day)}
                onChange={({ currentTarget: { checked } }) =>
                  set({ days: DAYS.filter(one => (one === day ? checked : form.days.includes(one))) })
                }
              />
              {day}
            </label>
          ))}
        </fieldset>
        {field('from', 'From', '22:00')}
        {field('to', 'To', '04:00')}
        {field('notBefore', 'Not before', '2027-03-01T00:00:00Z')}
        {field('validFor', 'Time of the plan', '7d')}
        {field('deadline', 'Deadline', '2027-03-06T00:00:00Z')}
        {field('timeout', 'Given up after', '1h')}
      </Group>
      <Group title="At once, at most">
        {field('budgetSite', 'Power of each site', '1.5MW')}
        {field('budgetRegion', 'Power of each region', '20MW')}
        {field('budgetFleet', 'Power of the fleet', '100MW')}
        {field('restarting', 'Restarting at a site', '2')}
        {field('stop', 'Halts behind so many failures in all')}
      </Group>
      <Group title="Way back: a release and what undoes it, a line each">
        <label class="field field-wide">
          <span class="unseen">Ways back</span>
          <textarea
            class="mono"
            rows={2}
            spellcheck={false}
            value={form.wayBack}
            placeholder="pcs/4.2.0/envelope.suit pcs/4.2.1/envelope.suit"
            onInput={event => set({ wayBack: event.currentTarget.value })}
          />
        </label>
      </Group>
    </form>
  )
}

function Releases({ form, onForm }: FormProps) {
  const list = usePages<ReleaseView>('/v1/releases?limit=200')
  return (
    <fieldset class="plan-releases">
      <legend>Releases</legend>
      {list.items.length === 0 && <p class="empty">{list.heard ? 'Nothing is published.' : 'Asking the server …'}</p>}
      {list.items.map(({ path, class: of, version }) => (
        <label key={path}>
          <input
            type="checkbox"
            checked={form.releases.includes(path)}
            onChange={({ currentTarget: { checked } }) => {
              const others = form.releases.filter(one => one !== path)
              onForm({ ...form, releases: checked ? [...others, path] : others })
            }}
          />
          <span>
            {of} {version} <span class="mono quiet">{path}</span>
          </span>
        </label>
      ))}
      <More more={list.more} />
    </fieldset>
  )
}
