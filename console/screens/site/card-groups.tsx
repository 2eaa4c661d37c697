import { useState } from 'preact/hooks'
import { CampaignLink } from '../../parts/campaign-link.tsx'
import { Mark } from '../../parts/mark.tsx'
import { SlotStrip } from '../../parts/slot-strip.tsx'
import { ageText, agoText } from '../../picture/age.ts'
import { type Card, type CardGroup, isLoud, worstFirst } from '../../picture/site-cards.ts'
import { untilText, whenText } from '../../picture/when.ts'
import { Counts } from './counts.tsx'

/** A site of more controllers than this has its groups folded, but for those that somebody should see. */
const UNFOLDED = 24
/** Cards of a large group before somebody asks for all of them. */
const FIRST = 12

type Shared = { readonly site: string; readonly zone: string; readonly now: number }
type Props = Shared & { readonly groups: readonly CardGroup[]; readonly total: number; readonly open: boolean }

/** Every controller as a card, in groups that fold: what is not open is not drawn. */
export function CardGroups({ groups, total, open, ...shared }: Props) {
  if (groups.length === 0) return <p class="empty">None fits.</p>
  return (
    <>
      {groups.map(group => (
        <Group key={group.name} group={group} first={open || total <= UNFOLDED || isLoud(group)} {...shared} />
      ))}
    </>
  )
}

function Group({ group, first, ...shared }: Shared & { readonly group: CardGroup; readonly first: boolean }) {
  const [chosen, setChosen] = useState<boolean | null>(null)
  const open = chosen ?? first
  const [all, setAll] = useState(false)
  const { cards } = group
  const large = cards.length > UNFOLDED && !all
  const shown = large ? worstFirst(cards).slice(0, FIRST) : cards
  return (
    <section class="card-group">
      <h3>
        <button type="button" class="fold" data-row aria-expanded={open} onClick={() => setChosen(!open)}>
          <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
            <path d={open ? 'M1 3h8L5 8z' : 'M3 1v8l5-4z'} class="fold-sign" />
          </svg>
          {group.name}
        </button>
        <Counts counts={group.counts} total={group.cards.length} />
      </h3>
      {open && (
        <ul class="cards">
          {shown.map(card => (
            <ControllerCard key={card.id} card={card} {...shared} />
          ))}
        </ul>
      )}
      {open && large && (
        <p class="more">
          <button type="button" onClick={() => setAll(true)}>
            Show all {cards.length} of {group.name}
          </button>
        </p>
      )}
    </section>
  )
}

function ControllerCard({ card, site, zone, now }: Shared & { readonly card: Card }) {
  const { id, placed, kind, word, slots, counter, seenAt, turn, waiting } = card
  const place = [placed.cabinet && `cabinet ${placed.cabinet}`, placed.rack && `rack ${placed.rack}`].filter(Boolean)
  return (
    <li class={`card card-${kind}`} data-row>
      <header>
        <a href={`/controllers/${encodeURIComponent(site)}/${encodeURIComponent(id)}`}>{id}</a>
        <span class="card-state">
          <Mark kind={kind} /> {word}
        </span>
      </header>
      <p class="quiet">{[placed.class, placed.hardware, ...place].join(' · ')}</p>
      <SlotStrip slots={slots} />
      <p class="card-line">
        <span>
          <span class="quiet">Counter</span> {counter ?? 'unknown'}
        </span>
        <span>
          <span class="quiet">Heard</span> {seenAt === null ? 'never' : agoText(now - seenAt)}
        </span>
      </p>
      {turn !== null && (
        <p>
          <CampaignLink id={turn.campaign}>{turn.campaign}</CampaignLink>: {turn.version}, {turn.stage ?? turn.state}
          {turn.detail !== null && turn.detail !== turn.stage && ` (${turn.detail})`}
        </p>
      )}
      {waiting !== null && (
        <p class="card-wait">
          {waiting.sentence}
          {waiting.nextPossible !== null &&
            ` Next possible ${whenText(waiting.nextPossible, zone)}, ${untilText(waiting.nextPossible, now, ageText)}.`}
        </p>
      )}
    </li>
  )
}
