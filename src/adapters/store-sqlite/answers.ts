import { AsyncLocalStorage } from 'node:async_hooks'
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { sameBytes } from '../../core/encoding/bytes.ts'
import type { AnswerRow, Once, Repeatable } from '../../core/fleet/answer-rows.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { FleetChange } from '../../flows/ports.ts'

export const ANSWER_TABLE = `CREATE TABLE answer (person TEXT NOT NULL, key TEXT NOT NULL, fingerprint BLOB NOT NULL,
     expires INTEGER NOT NULL, answer BLOB NOT NULL, PRIMARY KEY (person, key)) STRICT, WITHOUT ROWID;
   CREATE INDEX answer_expires ON answer (expires);`

/**
 * A request under way: what it decided last is held until its answer is known, and both are written together. `decided`:
 * whether it decided anything. `last`: the turn that it took last. `over`: what it began and did not wait for goes on, and is
 * no part of it any more: nobody would write what it decides.
 */
type UnderWay = { held: FleetChange | null; decided: boolean; last: Promise<unknown>; over: boolean }

/** The answers that requests got which their senders may repeat. */
export class Answers {
  readonly #underWay = new AsyncLocalStorage<UnderWay>()
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      find: database.prepare('SELECT fingerprint, answer FROM answer WHERE person = ? AND key = ? AND expires > ?'),
      drop: database.prepare('DELETE FROM answer WHERE expires <= ?'),
      put: database.prepare('INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)'),
    }
  }

  /** Whether the caller is a part of a request that is under way: it has its turn already. */
  get inTurn(): boolean {
    return this.#request() !== undefined
  }

  #request(): UnderWay | undefined {
    const request = this.#underWay.getStore()
    return request?.over === true ? undefined : request
  }

  /**
   * A turn of a request under way, which has the store's own already. Its turns come one after the other, and each finds in
   * the store what those before it decided: one that read what stood before would decide against them.
   */
  turn<T>(work: () => Promise<T>, commit: Commit): Promise<T> {
    const request = this.#request()
    if (request === undefined) throw new Error('a turn of no request')
    const turn = request.last.then(async () => {
      if (request.over) throw new Error('a turn of a request that is over')
      await settle(request, commit)
      return work()
    })
    request.last = turn.catch(() => undefined)
    return turn
  }

  /**
   * Holds what a request under way has decided; false when the caller is a part of none. One that decides several things
   * is answered with the last of them: what it decided before is written as it goes, and whoever asks again after a crash
   * in between has it carried out from where it stands.
   */
  async hold(change: FleetChange, commit: Commit): Promise<boolean> {
    const request = this.#request()
    if (request === undefined) return false
    await settle(request, commit)
    request.held = change
    request.decided = true
    return true
  }

  /** To be called in a turn of the store's `exclusive`. */
  async once<T>(
    request: Repeatable,
    work: () => Promise<T | Refusal>,
    write: (result: T) => Uint8Array,
    commit: Commit,
  ): Promise<Once | Refusal> {
    const { person, key, fingerprint, now } = request
    const before = this.#sql.find.get(person, nameOf(key), now) as Pick<AnswerRow, 'fingerprint' | 'answer'> | undefined
    if (before !== undefined) {
      if (sameBytes(before.fingerprint, fingerprint)) return { at: 'repeated', answer: opened(before.answer, request) }
      return refuse(
        'idempotency-key-reused',
        'the Idempotency-Key',
        'the request that it came with first',
        'another one',
      )
    }
    const underWay: UnderWay = { held: null, decided: false, last: Promise.resolve(), over: false }
    const result = await this.#underWay.run(underWay, work).finally(() => {
      underWay.over = true
    })
    if (isRefusal(result)) {
      await settle(underWay, commit)
      return result
    }
    const answer = write(result)
    // If power fails before this commit, nothing was decided and nobody was answered; after it, whoever asks again gets
    // this answer. Where nothing was decided there is nothing to keep.
    if (underWay.decided) await commit({ ...underWay.held, answers: [{ ...request, answer }] })
    return { at: 'done', answer }
  }

  /** In the transaction of the decision. Answers that nobody asks for any more go with it. */
  put({ answer, ...request }: AnswerRow): void {
    const { person, key, fingerprint, now, expires } = request
    this.#sql.drop.run(now)
    this.#sql.put.run(person, nameOf(key), fingerprint, expires, sealed(answer, request))
  }
}

type Commit = (change: FleetChange) => Promise<void>

/** Writes what is held. */
async function settle(request: UnderWay, commit: Commit): Promise<void> {
  const { held } = request
  request.held = null
  if (held !== null) await commit(held)
}

// An answer may hold what is shown once and never again. It is kept for whoever holds the key of the request, and the key
// itself is not kept: who reads the database reads neither.

const nameOf = (key: string): string => createHash('sha256').update(`voltseal idempotency key\0${key}`).digest('hex')

const secretOf = ({ person, key, fingerprint }: Repeatable): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, fingerprint, `voltseal idempotent answer\0${person}`, 32))

function sealed(answer: Uint8Array, request: Repeatable): Uint8Array {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', secretOf(request), iv)
  return Buffer.concat([iv, cipher.update(answer), cipher.final(), cipher.getAuthTag()])
}

function opened(kept: Uint8Array, request: Repeatable): Uint8Array {
  const cipher = createDecipheriv('aes-256-gcm', secretOf(request), kept.subarray(0, 12))
  cipher.setAuthTag(kept.subarray(kept.length - 16))
  return Buffer.concat([cipher.update(kept.subarray(12, kept.length - 16)), cipher.final()])
}
