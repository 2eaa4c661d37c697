/** What a store keeps of a receiver of the log (a SIEM). */
export type SiemRow = {
  /** Its name in the config. */
  readonly receiver: string
  /** Where it is and whom it is believed by, as the log was told of it last. */
  readonly target: string
  /** Entries below this index have arrived, as far as anybody can know: what is never sent again. */
  readonly settled: number
  /** Whether the log says that it has taken nothing for too long, and not yet that it takes entries again. */
  readonly lost: boolean
}

/** What a decision changes of receivers. */
export type SiemChange = {
  readonly siem?: readonly SiemRow[]
  /** Receivers that are not in the config any more, by name. */
  readonly siemGone?: readonly string[]
}
