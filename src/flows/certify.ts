import type { Instant } from '../core/encoding/units.ts'
import { type Identity, identityName } from '../core/fleet/identity.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { type Personal, personal, type Telling } from '../core/ledger/telling.ts'
import { appendEntries, type Event } from './audit.ts'
import type { FleetWorld } from './ports.ts'

/** A certificate that an authority of the fleet has issued. `sha256`: of the certificate (hex). */
export type Issued = {
  readonly identity: Identity | null
  readonly serial: string
  readonly sha256: string
  readonly notAfter: Instant
}

/** What the log says of a certificate: for whom it is, which one, and until when. `of`: what it is for, where it is for nobody. */
export function certificateEvent(actor: Actor, { identity, serial, sha256, notAfter }: Issued, of?: string): Event {
  const site = identity !== null && 'site' in identity ? { site: identity.site } : {}
  const controller = identity?.kind === 'controller' ? { controller: identity.id } : {}
  const about: { readonly [name: string]: Telling } = {
    event: 'issued',
    for: holder(identity, of),
    serial,
    sha256,
    notAfter,
  }
  return { kind: 'certificate-event', actor, ...site, ...controller, detail: about }
}

function holder(identity: Identity | null, of: string | undefined): string | Personal {
  if (of !== undefined || identity === null) return of ?? 'nobody'
  return identity.kind === 'person' ? personal(identity.id) : identityName(identity)
}

/**
 * Records that a certificate was issued, before it is handed out. Durable on return. If power fails before it, nobody has the
 * certificate; behind it, there is an entry of one that nobody has, and the next request gets another.
 */
export const noteCertificate = (world: FleetWorld, actor: Actor, issued: Issued): Promise<void> =>
  appendEntries(world, [certificateEvent(actor, issued)])
