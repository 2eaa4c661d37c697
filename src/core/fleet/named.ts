/** Words that are looked for inside the names of sites and regions: how many of them, and what one is made of. */

/** Each is looked for in all names. */
export const MAX_NAMED = 8

/** A part of a name: what no name is made of need not be looked for. */
export const NAMED = /^[a-z0-9._-]{1,64}$/
