/**
 * Who is at the other end of a connection, as its certificate says (a URI in the subject alternative name):
 * `voltseal:person:NAME`, `voltseal:gateway:SITE`, `voltseal:controller:SITE/ID`, `voltseal:fleet:NAME`.
 */
export type Identity =
  | { readonly kind: 'person'; readonly id: string }
  | { readonly kind: 'fleet'; readonly id: string }
  | { readonly kind: 'gateway'; readonly site: string }
  | { readonly kind: 'controller'; readonly site: string; readonly id: string }

/** Names of sites, controllers, people and campaigns: what is safe in a path, a certificate and a log line. */
export const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/

/** The URI of an identity. */
export function identityUri(identity: Identity): string {
  if (identity.kind === 'gateway') return `voltseal:gateway:${identity.site}`
  if (identity.kind === 'controller') return `voltseal:controller:${identity.site}/${identity.id}`
  return `voltseal:${identity.kind}:${identity.id}`
}

/** The identity of a URI, or null when it is not exactly one of the four. */
export function parseIdentity(uri: string): Identity | null {
  const [scheme, kind, rest, more] = uri.split(':')
  if (scheme !== 'voltseal' || rest === undefined || more !== undefined) return null
  if (kind === 'controller') {
    const [site, id, extra] = rest.split('/')
    if (site === undefined || id === undefined || extra !== undefined) return null
    return NAME.test(site) && NAME.test(id) ? { kind, site, id } : null
  }
  if (!NAME.test(rest)) return null
  if (kind === 'gateway') return { kind, site: rest }
  return kind === 'person' || kind === 'fleet' ? { kind, id: rest } : null
}

/** A short name for logs and audit entries. */
export function identityName(identity: Identity): string {
  return identityUri(identity).slice('voltseal:'.length)
}
