/**
 * What a caller does about a code: `retry` the same thing later, `refuse` this thing and go on with others, or `halt`
 * and call a person.
 */
export type RefusalAction = 'retry' | 'refuse' | 'halt'

/**
 * One row of the registry.
 * - `exit`: the exit code of a command that ends with it: 64 usage, 65 bad data, 66 input missing, 69 service not
 *   reachable, 73 cannot create, 74 input/output, 75 try again later, 77 not permitted, 78 configuration (the names of
 *   sysexits.h), and of our own 20 trust refused, 21 policy refused, 22 campaign halted, 23 controller failed.
 * - `status`: the HTTP status of an API answer (RFC 9457 problem body).
 * - `title`: a clause without subject or full stop ("the metadata has expired").
 * - `fix`: one or two whole sentences that say what to do.
 */
export type CodeEntry = {
  readonly exit: number
  readonly status: number
  readonly action: RefusalAction
  readonly title: string
  readonly fix: string
}

export type CodeTable = Readonly<Record<string, CodeEntry>>
