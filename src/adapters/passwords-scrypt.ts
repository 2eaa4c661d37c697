import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { fromBase64, toBase64 } from '../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { PasswordHash } from '../flows/people-ports.ts'

/** How much work a hash is: N = 2^`ln`, block size `r`, parallelism `p` (RFC 7914 §2). */
export type ScryptCost = { readonly ln: number; readonly r: number; readonly p: number }

/** The least that OWASP's Password Storage Cheat Sheet (2025) recommends for scrypt: 128 MiB, a third of a second. */
export const OWASP_COST: ScryptCost = { ln: 17, r: 8, p: 1 }

const SALT = 16
const HASH = 32
/** A stored hash may ask for no more than this: who can write to the store shall not stop the server with one row. */
const MOST: ScryptCost = { ln: 18, r: 8, p: 2 }

/** `$scrypt$ln=17,r=8,p=1$SALT$HASH`, salt and hash in base64: the form of the PHC string format. */
const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/=]{24})\$([A-Za-z0-9+/=]{44})$/

type Hashed = ScryptCost & { readonly salt: Uint8Array; readonly hash: Uint8Array }

/**
 * Passwords by scrypt. At most `atOnce` are worked on, and `waiting` wait: each takes 128 MiB, and strangers may ask.
 */
export function scryptPasswords(cost: ScryptCost = OWASP_COST, atOnce = 2, waiting = 16): PasswordHash {
  const gate = new Gate(atOnce, waiting)
  // Compared with when there is no password: the answer takes as long as for one that is wrong.
  const nobody: Hashed = { ...cost, salt: new Uint8Array(SALT), hash: new Uint8Array(HASH) }
  return {
    hash: async password => {
      const salt = new Uint8Array(randomBytes(SALT))
      const hash = await gate.run(() => derive(password, { ...cost, salt }))
      if (isRefusal(hash)) return hash
      return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${toBase64(salt)}$${toBase64(hash)}`
    },
    matches: async (password, stored) => {
      const read = stored === null ? null : readHash(stored)
      const known = read ?? nobody
      const hash = await gate.run(() => derive(password, known))
      if (isRefusal(hash)) return hash
      return timingSafeEqual(hash, known.hash) && read !== null
    },
  }
}

function readHash(stored: string): Hashed | null {
  const [, ln, r, p, salt64 = '', hash64 = ''] = FORM.exec(stored) ?? []
  const [salt, hash] = [fromBase64(salt64), fromBase64(hash64)]
  const read = { ln: Number(ln), r: Number(r), p: Number(p) }
  const bounded =
    read.ln >= 1 && read.ln <= MOST.ln && read.r >= 1 && read.r <= MOST.r && read.p >= 1 && read.p <= MOST.p
  if (!bounded || salt?.length !== SALT || hash?.length !== HASH) return null
  return { ...read, salt, hash }
}

/** The password in NFC: the same words typed on another keyboard are the same password (RFC 8265 §4.2). */
function derive(password: string, { ln, r, p, salt }: ScryptCost & { salt: Uint8Array }): Promise<Uint8Array> {
  const options = { N: 2 ** ln, r, p, maxmem: 256 * 2 ** ln * r }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, HASH, options, (error, key) =>
      error === null ? resolve(new Uint8Array(key)) : reject(error),
    )
  })
}

/** Lets a few pieces of work run, a few more wait, and turns the others away. */
class Gate {
  readonly #atOnce: number
  readonly #waiting: number
  readonly #queue: (() => void)[] = []
  #running = 0

  constructor(atOnce: number, waiting: number) {
    this.#atOnce = atOnce
    this.#waiting = waiting
  }

  async run<T>(work: () => Promise<T>): Promise<T | Refusal> {
    if (this.#running >= this.#atOnce) {
      if (this.#queue.length >= this.#waiting) {
        return refuse('sign-in-busy', 'a sign-in', `at most ${this.#waiting} who wait`, 'more')
      }
      // Whoever ends hands their place on: it is never free in between.
      await new Promise<void>(resolve => this.#queue.push(resolve))
    } else this.#running += 1
    try {
      return await work()
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}
