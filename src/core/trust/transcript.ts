import type { JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { plainText } from '../encoding/plain-text.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { type Ceremony, type Pending, pendingOf, quorums } from './ceremony.ts'

/** Changes that a transcript tells in words, and how long each may be: an audit entry has its bound. */
const MAX_LINES = 60
const MAX_LINE = 240

/**
 * What the audit log keeps of a ceremony: who signed, in which role, what, and what it changed. The digest says exactly
 * which document; the words are for whoever reads the log.
 */
export function transcriptOf(ceremony: Ceremony, crypto: Crypto): JsonObject {
  const { name, repository, deadline, rehearsal } = ceremony.note
  return {
    ceremony: name,
    repository,
    deadline: formatUtc(deadline),
    ...(rehearsal ? { rehearsal } : {}),
    documents: pendingOf(ceremony).map(pending => documentOf(pending, crypto)),
  }
}

function documentOf(pending: Pending, crypto: Crypto): JsonObject {
  const { type, document, digest, differences } = pending
  const lines = differences.map(({ what, before, after, known }) =>
    plainText(`${known ? '' : 'not known here: '}${what}: ${before ?? 'nothing'} -> ${after ?? 'nothing'}`, MAX_LINE),
  )
  const signers = quorums(pending, crypto).map(
    ({ by, threshold, signed }): JsonObject => ({
      by,
      threshold,
      signed: signed.map(({ keyid, owner }): JsonObject => (owner === null ? { key: keyid } : { key: keyid, owner })),
    }),
  )
  const more = lines.length - MAX_LINES
  return {
    document: type,
    version: document.signed.version,
    digest,
    signers,
    changes: lines.slice(0, MAX_LINES),
    ...(more > 0 ? { more } : {}),
  }
}
