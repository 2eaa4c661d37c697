import type { ComponentChildren } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import type { PlantSeen } from '../../src/wire/plant-api.ts'
import type { SiteControllerView, SiteView } from '../../src/wire/site-views.ts'
import { askAgain, useView } from '../live/views.ts'
import { usePlaces } from '../parts/places.ts'
import { useNow } from '../parts/use-now.ts'
import { gatewayHeard } from '../picture/age.ts'
import { permissivesOf } from '../picture/permissives.ts'
import { cardsOf, countsOf, groupsOf, matches, waitRows, workOf } from '../picture/site-cards.ts'
import { whenText } from '../picture/when.ts'
import { useKey } from '../shell/keys.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { CardGroups } from './site/card-groups.tsx'
import { Counts } from './site/counts.tsx'
import { PermissiveStrip } from './site/permissive-strip.tsx'
import { SchematicFigure } from './site/schematic-figure.tsx'
import { Waits } from './site/waits.tsx'
import { Work } from './site/work.tsx'
import './site.css'

/** How often the plant is asked for while somebody looks, in milliseconds; its gateway answers every ten seconds at most. */
const PLANT = 5000

/** One site: where its controllers stand, what they run, what its plant allows, and why anything waits. `below`: what stands first. */
export default function Site({ params, query, setQuery, below }: ScreenProps & { readonly below?: ComponentChildren }) {
  const { site: id = '' } = params
  const path = `/v1/sites/${encodeURIComponent(id)}`
  const plantPath = `${path}/plant`
  const site = useView<SiteView>(path)
  const controllers = useView<SiteControllerView[]>(`${path}/controllers?limit=1000`)
  const plant = useView<PlantSeen>(plantPath)
  useEffect(() => {
    const timer = setInterval(() => askAgain(asked => asked === plantPath), PLANT)
    return () => clearInterval(timer)
  }, [plantPath])
  const now = useNow(controllers)
  const places = usePlaces()
  const filter = query.get('q') ?? ''
  useKey('/', 'to the filter', () => document.querySelector<HTMLInputElement>('.site-filter')?.focus())
  // Ages move each second and are worked out where they are shown; who stands where changes with the answers alone.
  const second = Math.floor(now / 1000) * 1000
  const cards = useMemo(
    () => (site.value === null ? [] : cardsOf(site.value, controllers.value ?? [], plant.value, second)),
    [site.value, controllers.value, plant.value, second],
  )
  const value = site.value
  const fault = site.fault ?? controllers.fault
  return (
    <div class="site-screen">
      <header class="site-head">
        <p class="crumb">
          {places.of === 'fleet' ? <a href="/">Fleet</a> : 'This site'}
          {value !== null && ` · ${value.region}`}
        </p>
        <h1>{value?.name ?? id}</h1>
        {value !== null && <Facts site={value} now={now} />}
      </header>
      {below}
      {fault !== null && value === null && (
        <p class="panel" role="alert">
          {fault.detail}
        </p>
      )}
      {value !== null && controllers.value !== null && (
        <>
          <Waits rows={waitRows(cards)} zone={value.zone} now={now} site={id} />
          <PermissiveStrip
            rows={permissivesOf(value, plant.value, second)}
            heardAt={plant.value?.heardAt ?? null}
            fault={plant.value?.plant?.fault ?? null}
            now={now}
          />
          <SchematicFigure site={value} cards={cards} />
          <section class="panel" aria-labelledby="controllers-title">
            <header>
              <h2 id="controllers-title">Controllers</h2>
              <label class="filter">
                <span>
                  Filter <kbd>/</kbd>
                </span>
                <input
                  class="site-filter"
                  type="search"
                  value={filter}
                  placeholder="bms 1.2"
                  autocomplete="off"
                  spellcheck={false}
                  onInput={event => setQuery({ q: event.currentTarget.value || null })}
                />
              </label>
            </header>
            <Counts counts={countsOf(cards)} total={cards.length} />
            <CardGroups
              groups={groupsOf(cards.filter(card => matches(card, filter)))}
              total={cards.length}
              site={id}
              zone={value.zone}
              now={now}
              open={filter !== ''}
            />
            {controllers.next !== null && (
              <p class="empty">The first 1,000 controllers are asked for; of the others nothing is known here.</p>
            )}
          </section>
          <Work rows={workOf(controllers.value)} />
          <Rules site={value} />
        </>
      )}
      {value === null && fault === null && <p class="empty">Asking the server …</p>}
    </div>
  )
}

function Facts({ site, now }: { site: SiteView; now: number }) {
  const { id } = site.gateway
  const { silent, text: heard } = gatewayHeard(site.gateway, now)
  const own = usePlaces().of === 'gateway'
  return (
    <dl class="site-facts">
      <div>
        <dt>Site</dt>
        <dd class="mono">{site.site}</dd>
      </div>
      <div>
        <dt>Time at the site</dt>
        <dd>{whenText(now, site.zone)}</dd>
      </div>
      <div class={silent ? 'is-silent' : ''}>
        <dt>Gateway</dt>
        <dd>{own ? `${id}, whose page this is` : `${id}, ${heard}`}</dd>
      </div>
      <div>
        <dt>Controllers</dt>
        <dd>
          {site.controllers.length} of {site.classes.length} {site.classes.length === 1 ? 'class' : 'classes'}
        </dd>
      </div>
    </dl>
  )
}

/** The site's own windows, blackouts and groups, in words. */
function Rules({ site }: { site: SiteView }) {
  const { windows, blackouts, restarting } = site.limits
  const lines = [
    ...windows.map(({ days, from, to }) => `Window: ${days.join(', ')} from ${from} to ${to}, ${site.zone}`),
    ...blackouts.map(({ why, days, from, to }) =>
      days === undefined
        ? `Blackout (${why}): ${whenText(Number(from), site.zone)} to ${whenText(Number(to), site.zone)}`
        : `Blackout (${why}): ${days.join(', ')} from ${from} to ${to}, ${site.zone}`,
    ),
    ...(restarting === null ? [] : [`At most ${restarting} restarting at once`]),
    ...site.groups.map(({ id, members, needed }) => `Group ${id}: ${needed} of ${members.length} stay in service`),
  ]
  if (lines.length === 0) return null
  return (
    <section class="panel" aria-labelledby="rules-title">
      <h2 id="rules-title">The site’s own rules</h2>
      <ul class="site-rules">
        {lines.map(line => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  )
}
