/**
 * A line that stops an attack. `npm run test:guards` takes each out of a copy of the project, and expects that a test of
 * `tests` then fails. `text` must stand in `file` exactly once.
 */
export type Guard = {
  readonly stops: string
  readonly file: string
  readonly text: string
  readonly without: string
  readonly tests: string
}
