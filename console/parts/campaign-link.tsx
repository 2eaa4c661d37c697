import type { ComponentChildren } from 'preact'
import { usePlaces } from './places.ts'

/** A campaign by what it is called: a link to its screen, where there is one. */
export function CampaignLink({ id, children }: { id: string; children: ComponentChildren }) {
  const href = usePlaces().campaign(id)
  return href === null ? <>{children}</> : <a href={href}>{children}</a>
}
