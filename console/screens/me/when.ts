/** A moment as this machine writes it, to the minute. */
export const moment = (at: number): string =>
  new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })

export const used = (at: number | null): string => (at === null ? 'never' : moment(at))
