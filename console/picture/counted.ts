/** A count as people read it: thousands apart. */
export const counted = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, '\u202f')
