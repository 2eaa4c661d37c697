import type { Command } from 'commander'
import { readBytes, readText, writeWhole } from '../../../adapters/config-file.ts'
import { fromHex, toHex } from '../../../core/encoding/bytes.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { MAX_ENTRY_BYTES } from '../../../core/ledger/entry.ts'
import { HASH_BYTES } from '../../../core/ledger/merkle.ts'
import { MAX_PROOF_CHARACTERS, writeProof } from '../../../core/ledger/tlog-proof.ts'
import { openProof, type ProvenEntry } from '../../../core/ledger/trusted-head.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { type EntryWanted, proveEntry } from '../../../flows/prove.ts'
import type { Cli, Work } from '../cli.ts'
import { type LogSource, type TrustOptions, trustOf, withLog } from '../log-source.ts'
import { listing } from '../table.ts'
import { cosignedJson, cosignedText, progressOf, trusting } from './audit-verify.ts'

type ProveOptions = TrustOptions & { readonly out: string }
type CheckOptions = TrustOptions & { readonly entry?: string }

/** `audit prove` and `audit verify-proof`: one entry, and everything that bears it out, in one file. */
export function addProve(audit: Command, cli: Cli): void {
  const prove = audit
    .command('prove')
    .description('write the proof of an entry into a file that verifies without the log (C2SP tlog-proof)')
    .argument('<entry>', 'its index, or its hash: the SHA-256 of a zero byte and the entry, in hex')
    .argument('[where]', 'a folder or an address with the files of a log; without one, the fleet server’s log')
    .requiredOption('-o, --out <file>', 'the file to write, such as 4711.tlog-proof')
  trusting(prove).action(
    cli.act((entry: string, where: string | undefined, options: ProveOptions) => {
      const wanted = wantedOf(entry)
      return isRefusal(wanted) ? wanted : withLog(cli, where, options, log => write(cli, log, wanted, options.out))
    }),
  )
  const check = audit
    .command('verify-proof')
    .description('verify the proof of an entry, with nothing but the file and the keys that you trust')
    .argument('<file>', 'the proof')
    .option('--entry <file>', 'the bytes of the entry, when the proof does not hold them')
    .option('--key <text>', 'the key of the log')
    .option('--policy <file>', 'which witnesses have to have signed, and which logs to trust (C2SP tlog-policy)')
    .option('--profile <file>', 'who you are: a profile.yaml')
  check.action(cli.act((file: string, options: CheckOptions) => verifyProof(cli, file, options)))
}

/** Reads what a person calls an entry. Refuses `usage-error`. */
function wantedOf(text: string): EntryWanted | Refusal {
  const hash = fromHex(text)
  if (hash?.length === HASH_BYTES) return { hash }
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return { index: Number(text) }
  return refuse('usage-error', 'the entry', 'an index such as 4711, or 64 hex digits', `"${text.slice(0, 70)}"`)
}

async function write(cli: Cli, { files, policy }: LogSource, wanted: EntryWanted, out: string): Promise<Work> {
  const proven = await proveEntry(files, policy, cli.world.crypto, wanted, progressOf(cli))
  if (isRefusal(proven)) return proven
  const text = writeProof(proven.proof)
  // What is handed out verifies: it is read as the one who gets it reads it.
  const read = openProof(text, policy, cli.world.crypto)
  if (isRefusal(read)) return read
  writeWhole(out, text)
  cli.output.progress(
    `Written: ${out}, ${Buffer.byteLength(text)} bytes. To verify it anywhere: voltseal audit verify-proof ${out}`,
  )
  return answer(cli, read, out)
}

function verifyProof(cli: Cli, file: string, options: CheckOptions): Work {
  const policy = trustOf(cli, options)
  if (isRefusal(policy)) return policy
  const text = readText(file, MAX_PROOF_CHARACTERS)
  if (isRefusal(text)) return text
  const given = options.entry === undefined ? null : readBytes(options.entry, MAX_ENTRY_BYTES)
  if (isRefusal(given)) return given
  const proven = openProof(text, policy, cli.world.crypto, given)
  return isRefusal(proven) ? proven : answer(cli, proven, file)
}

function answer(cli: Cli, { index, entry, head }: ProvenEntry, file: string): Work {
  const { checkpoint, cosigned } = head
  const { origin, size, root } = checkpoint
  const json = { proven: true, file, origin, index, size, root: toHex(root), cosigned: cosignedJson(cosigned), entry }
  const known = (name: string, value: string | undefined) => (value === undefined ? [] : [[name, value] as const])
  const text = listing(cli.output, [
    ['proof', file],
    ['log', origin],
    ['entry', `${index} of ${size}`],
    ['witnesses', cosignedText(cosigned)],
    ['kind', entry.kind],
    ['at', `${formatUtc(entry.at)}, clock ${entry.clock}`],
    ['by', `${entry.actor.kind} ${entry.actor.id}`],
    ...known('site', entry.site),
    ...known('controller', entry.controller),
    ...known('campaign', entry.campaign),
    ...known('change request', entry.changeRequest),
    ...known('release', entry.release),
    ...known('code', entry.code),
    ['detail', JSON.stringify(entry.detail)],
    ['verdict', { text: 'proven', tone: 'good' }],
  ])
  return { json, text }
}
