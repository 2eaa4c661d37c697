import { readText } from '../../adapters/config-file.ts'
import { folderLog } from '../../adapters/log-folder.ts'
import { HttpsLog } from '../../adapters/log-https.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { type LogPolicy, noWitness, readPolicy } from '../../core/ledger/log-policy.ts'
import { parseVerifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { type LogFiles, withArchive } from '../../flows/log-files.ts'
import type { Cli, Work } from './cli.ts'
import { openSession } from './session.ts'

/** Whom a command believes about a log, and where it reads one. */
export type TrustOptions = {
  readonly key?: string
  readonly policy?: string
  readonly profile?: string
  readonly ca?: string
  /** An archive of the log: a folder or an address, for entries that the log has not got any more. */
  readonly archive?: string
}

/** A log that is to be read: its files, whom to believe, and what to call it. */
export type LogSource = { readonly files: LogFiles; readonly policy: LogPolicy; readonly from: string }

const MAX_POLICY = 1 << 20

/**
 * Whom to believe: a policy (C2SP tlog-policy) in a file, one key, or the key of the profile. A key beside a policy says which log it
 * is about; of a policy that names none, as that of a fleet's own witnesses, it is the profile's. Refuses `key-malformed`, what
 * `readPolicy` refuses, and where the profile is needed what `openSession` refuses.
 */
export function trustOf(cli: Cli, { key, policy: file, profile }: TrustOptions): LogPolicy | Refusal {
  const { crypto } = cli.world
  const policy = file === undefined ? null : policyIn(file, crypto)
  if (isRefusal(policy)) return policy
  if (policy !== null && policy.logs.length > 0 && key === undefined) return policy
  const alone = key === undefined ? keyOfProfile(cli, profile) : keyAlone(key, crypto)
  return isRefusal(alone) || policy === null ? alone : { ...policy, logs: alone.logs }
}

function policyIn(file: string, crypto: Crypto): LogPolicy | Refusal {
  const text = readText(file, MAX_POLICY)
  return isRefusal(text) ? text : readPolicy(text, crypto)
}

function keyOfProfile(cli: Cli, profile: string | undefined): LogPolicy | Refusal {
  const session = openSession(cli, profile)
  if (isRefusal(session)) {
    const { code, subject, actual } = session
    if (code !== 'profile-missing') return session
    return refuse(code, subject, 'the key of the log (--key KEY), or a profile that has it', actual)
  }
  session.close()
  return keyAlone(session.profile.auditKey, cli.world.crypto)
}

function keyAlone(word: string, crypto: Crypto): LogPolicy | Refusal {
  const key = parseVerifierKey(crypto, word)
  if (key === null)
    return refuse('key-malformed', 'the key of the log', 'a C2SP verifier key: NAME+ID+BASE64', word.slice(0, 40))
  return noWitness(key)
}

const IS_URL = /^https?:\/\//i

/**
 * Opens a log, does the work, closes it. `where`: a folder or an address; without one, the log of the profile's fleet server. With an archive, entries
 * that the log has not got are read from there.
 */
export async function withLog(
  cli: Cli,
  where: string | undefined,
  options: TrustOptions,
  work: (log: LogSource) => Promise<Work>,
): Promise<Work> {
  const policy = trustOf(cli, options)
  if (isRefusal(policy)) return policy
  const { archive } = options
  if (archive === undefined) return withOne(cli, where, policy, options, work)
  return withOne(cli, where, policy, options, log =>
    withOne(cli, archive, policy, options, other =>
      work({ ...log, files: withArchive(log.files, other.files), from: `${log.from}, and its archive ${archive}` }),
    ),
  )
}

async function withOne(
  cli: Cli,
  where: string | undefined,
  policy: LogPolicy,
  options: TrustOptions,
  work: (log: LogSource) => Promise<Work>,
): Promise<Work> {
  if (where === undefined) return withFleetLog(cli, policy, options, work)
  if (!IS_URL.test(where)) return work({ files: folderLog(where), policy, from: where })
  const ca = options.ca === undefined ? undefined : readText(options.ca, 1 << 20)
  if (isRefusal(ca)) return ca
  const files = new HttpsLog({ url: where, ...(ca === undefined ? {} : { ca }) })
  try {
    return await work({ files, policy, from: where })
  } finally {
    files.close()
  }
}

async function withFleetLog(
  cli: Cli,
  policy: LogPolicy,
  { profile }: TrustOptions,
  work: (log: LogSource) => Promise<Work>,
): Promise<Work> {
  const session = openSession(cli, profile)
  if (isRefusal(session)) return session
  const files: LogFiles = { file: async path => orThrow(await session.logFile(path)) }
  try {
    return await work({ files, policy, from: session.profile.url })
  } finally {
    session.close()
  }
}
