import { type Static, Type } from 'typebox'

/** Receivers of the log: what is answered. */

const closed = { additionalProperties: false }

/** GET /v1/siem. Indices are of the first entry that is not yet so far; times are instants. */
export const SiemView = Type.Object(
  {
    receiver: Type.String(),
    host: Type.String(),
    port: Type.Integer(),
    connected: Type.Boolean(),
    /** Entries of the log. */
    size: Type.Integer(),
    /** Handed to the connection; read by the receiver; arrived for good, and never sent again. */
    sent: Type.Integer(),
    confirmed: Type.Integer(),
    settled: Type.Integer(),
    /** Entries that are still to be sent. */
    behind: Type.Integer(),
    /** Messages since the server's start, and how many of them were sent again. */
    messages: Type.Integer(),
    repeated: Type.Integer(),
    /** Failures in a row, since when, when it is tried again, and the last one as a refusal. */
    failures: Type.Integer(),
    troubledSince: Type.Union([Type.Integer(), Type.Null()]),
    due: Type.Integer(),
    fault: Type.Union([
      Type.Object(
        { code: Type.String(), subject: Type.String(), expected: Type.String(), actual: Type.String() },
        closed,
      ),
      Type.Null(),
    ]),
  },
  { ...closed, title: 'SiemView' },
)
export type SiemView = Static<typeof SiemView>

/** POST /v1/siem/ID/tests: the entry that was made, to be looked for at the receiver. */
export const SiemTested = Type.Object(
  { receiver: Type.String(), index: Type.Integer() },
  { ...closed, title: 'SiemTested' },
)
export type SiemTested = Static<typeof SiemTested>
