import { text } from '../encoding/shape.ts'

/** Names of sites, controllers and campaigns; the same names as core/fleet/identity.ts allows. */
export const idName = text('a name of 1 to 64 of a-z 0-9 . _ -', /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/)

/** Names of classes and hardware revisions. */
export const className = text('a name of letters, digits and . _ -', /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
