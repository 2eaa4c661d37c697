import { type Static, Type } from 'typebox'
import { DEFAULT_MAX_BYTES, LEAST_MAX_BYTES } from '../core/ledger/syslog.ts'
import { Name } from './fleet-api.ts'

const closed = { additionalProperties: false }
const Host = Type.String({ pattern: '^[0-9A-Za-z](?:[0-9A-Za-z.:-]{0,252})$' })

/** Long enough for every entry that there can be, with what stands before it. */
const MOST_MAX_BYTES = DEFAULT_MAX_BYTES * 16

/** `siem` in `fleet.yaml`: who the log is forwarded to, as syslog over TLS. Files are relative to the fleet's folder. */
export const SiemConfig = Type.Array(
  Type.Object(
    {
      /** Where it stands in the log is kept under this name: one of another name begins anew. */
      name: Name,
      host: Host,
      /** Absent: 6514. */
      port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
      /** The name that its certificate has to have; absent: `host`. */
      serverName: Type.Optional(Host),
      /** The authority of its certificate, in PEM: no other is believed; absent: the system's authorities. */
      ca: Type.Optional(Type.String({ minLength: 1 })),
      /** How this server shows who it is, in PEM: both or neither. */
      cert: Type.Optional(Type.String({ minLength: 1 })),
      key: Type.Optional(Type.String({ minLength: 1 })),
      /** Whether a new receiver hears the whole log or what happens from now on; absent: the whole log. */
      from: Type.Optional(Type.Union([Type.Literal('beginning'), Type.Literal('now')])),
      /** The longest message that it takes, in bytes; absent: 8192. */
      maxMessageBytes: Type.Optional(Type.Integer({ minimum: LEAST_MAX_BYTES, maximum: MOST_MAX_BYTES })),
      /** The private enterprise number behind the name of the structured data; absent: 32473. */
      enterprise: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_294_967_295 })),
    },
    closed,
  ),
  { minItems: 1, maxItems: 8 },
)
export type SiemConfig = Static<typeof SiemConfig>
