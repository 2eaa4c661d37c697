import { sameBytes } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { verifyCosignature } from './cosignature.ts'
import { type Note, type NoteKey, parseVerifierKey, verifierKey } from './signed-note.ts'

/** Which logs and witnesses a reader trusts (C2SP tlog-policy): a text file, and the rule when enough witnesses have signed. */

export type Listed = { readonly key: NoteKey; readonly url: string | null }
export type Group = { readonly needed: number; readonly members: readonly string[] }
/** `quorum`: the name of the witness or group that decides; null: no witness is needed. */
export type LogPolicy = {
  readonly logs: readonly Listed[]
  readonly witnesses: ReadonlyMap<string, Listed>
  readonly groups: ReadonlyMap<string, Group>
  readonly quorum: string | null
}

/** The policy of who trusts a log by its key alone. */
export const noWitness = (log: NoteKey): LogPolicy => ({
  logs: [{ key: log, url: null }],
  witnesses: new Map(),
  groups: new Map(),
  quorum: null,
})

export const MAX_POLICY_CHARACTERS = 256 * 1024
const MAX_LINES = 2000
const NONE = 'none'

/** Reads a policy. Refuses `log-policy-malformed`, with the number of the line. */
export function readPolicy(text: string, crypto: Crypto): LogPolicy | Refusal {
  const lines = text.split('\n')
  if (text.length > MAX_POLICY_CHARACTERS || lines.length > MAX_LINES) {
    return refuse('log-policy-malformed', 'the policy', `at most ${MAX_LINES} lines`, `${lines.length}`)
  }
  const draft = new Draft(crypto)
  for (const [at, line] of lines.entries()) {
    const words = line.split(/[ \t]+/).filter(word => word !== '')
    const fault = words.length === 0 || words[0]?.startsWith('#') ? null : draft.take(words)
    if (fault !== null || hasControl(line)) {
      const actual = fault ?? 'a control character'
      return refuse('log-policy-malformed', `line ${at + 1} of the policy`, 'C2SP tlog-policy', actual)
    }
  }
  if (draft.quorum === undefined) return refuse('log-policy-malformed', 'the policy', 'a line of quorum', 'none')
  const { logs, witnesses, groups, quorum } = draft
  return { logs, witnesses, groups, quorum }
}

/** Writes a policy as `readPolicy` reads it: groups behind their members, as they were named. */
export function writePolicy({ logs, witnesses, groups, quorum }: LogPolicy, crypto: Crypto): string {
  const at = (url: string | null): string => (url === null ? '' : ` ${url}`)
  const lines = [
    ...logs.map(({ key, url }) => `log ${verifierKey(crypto, key)}${at(url)}`),
    ...[...witnesses].map(
      ([name, { key, url }]) => `witness ${name} ${verifierKey(crypto, key, 'cosignature')}${at(url)}`,
    ),
    ...[...groups].map(([name, { needed, members }]) => `group ${name} ${needed} ${members.join(' ')}`),
    `quorum ${quorum ?? NONE}`,
  ]
  return `${lines.join('\n')}\n`
}

const hasControl = (line: string): boolean => /[^\t\x20-\x7e\x80-\u{10ffff}]/u.test(line)

/** A policy as far as it has been read. */
class Draft {
  readonly logs: Listed[] = []
  readonly witnesses = new Map<string, Listed>()
  readonly groups = new Map<string, Group>()
  quorum: string | null | undefined
  readonly #crypto: Crypto
  readonly #members = new Set<string>()

  constructor(crypto: Crypto) {
    this.#crypto = crypto
  }

  /** Takes a line in; what is wrong with it, as a phrase, or null. */
  take([what, ...rest]: readonly string[]): string | null {
    if (what === 'log') return this.#log(rest)
    if (what === 'witness') return this.#witness(rest)
    if (what === 'group') return this.#group(rest)
    return what === 'quorum' ? this.#quorum(rest) : `a line of ${JSON.stringify((what ?? '').slice(0, 40))}`
  }

  #log([word = '', url, ...more]: readonly string[]): string | null {
    const key = parseVerifierKey(this.#crypto, word)
    if (key === null || more.length > 0) return 'a log without its key'
    if (isListed(this.logs, key)) return 'the same log twice'
    this.logs.push({ key, url: url ?? null })
    return null
  }

  #witness([name = '', word = '', url, ...more]: readonly string[]): string | null {
    const key = parseVerifierKey(this.#crypto, word, 'cosignature')
    if (key === null || more.length > 0) return 'a witness without its key'
    if (!this.#isFree(name)) return `the name ${name} twice`
    if (isListed(this.witnesses.values(), key)) return 'the same witness twice'
    this.witnesses.set(name, { key, url: url ?? null })
    return null
  }

  #group([name = '', many = '', ...members]: readonly string[]): string | null {
    if (!this.#isFree(name)) return `the name ${name} twice`
    const needed =
      many === 'any' ? 1 : many === 'all' ? members.length : /^[1-9][0-9]{0,4}$/.test(many) ? Number(many) : 0
    if (needed < 1 || needed > members.length) return 'a group without any, all or how many of its members'
    for (const member of members) {
      if (!this.#isKnown(member)) return `${member}, which no line before names`
      // A witness counts once, whatever groups there are.
      if (this.#members.has(member)) return `${member} in two places`
      this.#members.add(member)
    }
    this.groups.set(name, { needed, members })
    return null
  }

  #quorum([name = '', ...more]: readonly string[]): string | null {
    if (this.quorum !== undefined || more.length > 0) return 'a second quorum'
    if (name !== NONE && !this.#isKnown(name)) return `${name}, which no line before names`
    this.quorum = name === NONE ? null : name
    return null
  }

  #isKnown = (name: string): boolean => this.witnesses.has(name) || this.groups.has(name)
  #isFree = (name: string): boolean => name !== '' && name !== NONE && !this.#isKnown(name)
}

/** Two lines are of one witness when their keys are one, whatever they are called. */
function isListed(some: Iterable<Listed>, { key }: NoteKey): boolean {
  for (const one of some) if (sameBytes(one.key.key.spki, key.spki)) return true
  return false
}

/** Who has cosigned, by name in the policy, and when (seconds since 1970). */
export type Cosigned = ReadonlyMap<string, number>

/**
 * Whether enough witnesses have cosigned a checkpoint. Answers who has. Refuses `cosignature-invalid` and, with who is there and what
 * is needed, `cosignatures-too-few`.
 */
export function checkQuorum(crypto: Crypto, policy: LogPolicy, note: Note): Cosigned | Refusal {
  const cosigned = new Map<string, number>()
  for (const [name, { key }] of policy.witnesses) {
    const verdict = verifyCosignature(crypto, note, key)
    if (verdict === 'invalid') {
      return refuse('cosignature-invalid', `cosignature of ${name}`, 'a signature that verifies', 'one that does not')
    }
    if (verdict !== 'unknown') cosigned.set(name, verdict)
  }
  const { quorum } = policy
  if (quorum === null || counts(policy, cosigned, quorum)) return cosigned
  const group = policy.groups.get(quorum)
  const expected = group === undefined ? quorum : `${group.needed} of ${group.members.join(', ')}`
  return refuse('cosignatures-too-few', 'the checkpoint', expected, [...cosigned.keys()].join(', ') || 'none')
}

function counts(policy: LogPolicy, cosigned: Cosigned, name: string): boolean {
  const group = policy.groups.get(name)
  if (group === undefined) return cosigned.has(name)
  return group.members.filter(member => counts(policy, cosigned, member)).length >= group.needed
}
