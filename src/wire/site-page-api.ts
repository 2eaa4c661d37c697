import { type Static, Type } from 'typebox'
import { List } from './fleet-views.ts'

/**
 * What a gateway's own page asks of it, beside what the fleet's API answers of a site in the same words and at the same addresses
 * (GET /v1/sites/SITE and below, GET /v1/controllers/SITE/ID/history and /versions).
 */

const closed = { additionalProperties: false }
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])
const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength })

/** POST /v1/sign-in: as the fleet's API takes a password; the session goes in a cookie. */
export const SiteSignIn = Type.Object(
  {
    provider: Type.Optional(Type.Literal('local')),
    cookie: Type.Literal(true),
    proof: Type.Object({ at: Type.Literal('password'), account: Text(64), password: Text(1024) }, closed),
  },
  closed,
)
export type SiteSignIn = Static<typeof SiteSignIn>

/** GET /v1/whoami. `may`: each action with the scopes in which they may do it (core/fleet/roles.ts). */
export const SiteWhoView = Type.Object(
  {
    account: Type.String(),
    name: Type.String(),
    site: Type.String(),
    role: Type.String(),
    may: Type.Record(Type.String(), List(Type.String())),
  },
  { ...closed, title: 'SiteWhoView' },
)
export type SiteWhoView = Static<typeof SiteWhoView>

/** GET /v1/link: how the link to the fleet stands, and what the site has to go on with. Times are by the gateway's clock. */
export const SiteLinkView = Type.Object(
  {
    /** Where the fleet server is. */
    fleet: Type.String(),
    /** `heard`: it answered the last question. `silent`: it did not. `asking`: nothing has come back since this gateway started. */
    at: Type.Union([Type.Literal('heard'), Type.Literal('silent'), Type.Literal('asking')]),
    /** When it answered last; null: not since this gateway started. */
    heardAt: orNull(Type.Integer()),
    startedAt: Type.Integer(),
    /** Why it was not heard: a refusal's code. */
    fault: orNull(Type.String()),
    /** Since when the log has the link as lost, across starts of the gateway. */
    lostAt: orNull(Type.Integer()),
    /** The gateway's own log: what the fleet does not have of it yet. */
    own: Type.Object(
      {
        items: Type.Integer(),
        acknowledged: Type.Integer(),
        unsentBytes: Type.Integer(),
        lostFrom: orNull(Type.Integer()),
      },
      closed,
    ),
    /** Orders that were verified and are kept; `until`: when the first of them ends without news; `payloads`: files of them, and how many of these are here. */
    orders: Type.Object(
      {
        count: Type.Integer(),
        until: orNull(Type.Integer()),
        payloads: Type.Integer(),
        here: Type.Integer(),
      },
      closed,
    ),
    /** Files that are on their way over the link or wait to be let over it, in their order. Bytes; `because`: why one waits. */
    downloads: List(
      Type.Object(
        {
          what: Type.Union([Type.Literal('patch'), Type.Literal('image')]),
          length: Type.Integer(),
          here: Type.Integer(),
          controllers: List(Type.String()),
          because: orNull(Type.String()),
          /** True: somebody who says yes lets it come. */
          asks: Type.Boolean(),
          /** How long it takes by the rate that the gateway was told, and when it is done; null: nobody told it one. */
          takesMillis: orNull(Type.Integer()),
          doneAt: orNull(Type.Integer()),
        },
        closed,
      ),
    ),
    /** True: the store was restored from a backup, and has not caught up: nobody gets a turn. */
    restored: Type.Boolean(),
    /** Other times that count beside the clock's, by how much it is off each (milliseconds), and until when. */
    doubts: List(Type.Object({ by: Type.String(), jumped: Type.Integer(), until: Type.Integer() }, closed)),
    version: Type.String(),
  },
  { ...closed, title: 'SiteLinkView' },
)
export type SiteLinkView = Static<typeof SiteLinkView>

/** POST /v1/full-images: yes to the full image that a controller waits for, over a link on which it needs one. Answers 204. */
export const SiteFullImage = Type.Object({ controller: Text(64) }, closed)
export type SiteFullImage = Static<typeof SiteFullImage>

/** GET /v1/items/NUMBER: an item of the gateway's own log (core/ledger/own-log-rows.ts). */
export const SiteItemView = Type.Object(
  {
    number: Type.Integer(),
    /** entry, report or history. */
    kind: Type.String(),
    /** The item's bytes: JSON. */
    text: Type.String(),
    /** SHA-256 of the item, and the head of the log in front of it and behind it, in hex. */
    digest: Type.String(),
    before: Type.String(),
    head: Type.String(),
    /** Whether the fleet has acknowledged it. */
    atFleet: Type.Boolean(),
    /** Whether what a controller signed in it holds under the key that it was enrolled with; null: the gateway wrote it itself. */
    signed: orNull(Type.Boolean()),
  },
  { ...closed, title: 'SiteItemView' },
)
export type SiteItemView = Static<typeof SiteItemView>
