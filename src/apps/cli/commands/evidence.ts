import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { readBytes, tryWriting, writeWhole } from '../../../adapters/config-file.ts'
import { PACK_LIMITS } from '../../../core/ledger/pack/layout.ts'
import type { Manifest } from '../../../core/ledger/pack/manifest.ts'
import { parsePeriod, type Query } from '../../../core/ledger/pack/query.ts'
import { LIMITS, verdictLines } from '../../../core/ledger/pack/told.ts'
import type { PackVerdict } from '../../../core/ledger/pack/verify.ts'
import { isRefusal, orThrow, type Refusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import { findRelease, headOf } from '../../../flows/gather.ts'
import type { LogFiles } from '../../../flows/ports.ts'
import type { PackSealed } from '../../../wire/evidence-api.ts'
import {
  type Exported,
  exportPack,
  judge,
  type Making,
  PAUSE,
  type PackSource,
  type Stage,
} from '../../process/pack-export.ts'
import { VERIFIER } from '../../process/pack-parts.ts'
import { VERSION } from '../../process/version.ts'
import type { Cli, Work } from '../cli.ts'
import { DraftFile } from '../draft-file.ts'
import { trustOf, withLog } from '../log-source.ts'
import { exitOf } from '../output.ts'
import { missingFrom } from '../pack-completeness.ts'
import { Progress } from '../progress.ts'
import { type Session, withSession } from '../session.ts'
import { listing } from '../table.ts'

type ExportOptions = {
  readonly site?: readonly string[]
  readonly period?: string
  readonly changeRequest?: string
  readonly release?: string
  readonly out: string
  readonly log?: string
  readonly key?: string
  readonly policy?: string
  readonly ca?: string
  readonly verifier?: string
  readonly profile?: string
}
type VerifyOptions = {
  readonly key?: string
  readonly policy?: string
  readonly eventsOnly?: boolean
  readonly log?: string
  readonly ca?: string
  readonly fleet?: boolean
  readonly profile?: string
}

export function addEvidence(program: Command, cli: Cli): void {
  const evidence = new Command('evidence')
    .description('take events out of the audit log with their proofs, for somebody who has no access to it')
    .copyInheritedSettings(program)
  evidence
    .command('export')
    .description('write an evidence pack: a ZIP file with events, proofs, a report, and a verifier that works offline')
    .requiredOption('-o, --out <file>', 'the ZIP file to write')
    .option('--site <name...>', 'of these sites, with what happened to the server meanwhile')
    .option(
      '--period <from/to>',
      'days, both included (2026-01-01/2026-03-31), or times in UTC; one side may be left out',
    )
    .option('--change-request <text>', 'of the campaigns with this change request')
    .option('--release <name>', 'of this release: CLASS/VERSION, or the SHA-256 of its envelope')
    .option(
      '--log <where>',
      'from a copy of the log: a folder that audit export wrote, or an address; such a pack is not sealed',
    )
    .option('--key <text>', 'the key of the log; without it, the one of the profile')
    .option('--policy <file>', 'the keys of log and witnesses, and how many must have signed (C2SP tlog-policy)')
    .option('--ca <file>', 'the authority that names that address, in PEM')
    .option('--verifier <folder>', 'the verifier to put in', VERIFIER)
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(cli.act((options: ExportOptions) => exportTo(cli, options)))
  evidence
    .command('verify')
    .description('verify an evidence pack, offline; with --log or --fleet also that it leaves nothing out')
    .argument('<file>', 'the ZIP file')
    .option('--key <text>', 'the key of the log; without it, the one of the profile')
    .option('--policy <file>', 'the keys of log and witnesses, and how many must have signed (C2SP tlog-policy)')
    .option('--events-only', 'take a pack that no entry of the log seals: its events are proven, its report is not')
    .option('--log <where>', 'repeat the search in this copy of the log: a folder, or an address')
    .option('--ca <file>', 'the authority that names that address, in PEM')
    .option('--fleet', 'repeat the search in the log of the fleet server')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(cli.act((file: string, options: VerifyOptions) => verify(cli, file, options)))
  program.addCommand(evidence)
}

async function exportTo(cli: Cli, options: ExportOptions): Promise<Work> {
  const asked = queryOf(options)
  if (isRefusal(asked)) return asked
  // Before the log seals a pack that nobody could get. One of before may be the only one: it is not written over.
  if (existsSync(options.out)) return refuse('file-exists', options.out, 'a name that is free', 'a file of that name')
  tryWriting(options.out)
  if (options.log !== undefined) {
    cli.output.warn('A pack from a copy of the log is not sealed: its events are proven, its report is not.')
    return withLog(cli, options.log, options, ({ files, policy }) =>
      write(cli, { files, policy, seal: null }, asked, options),
    )
  }
  const policy = trustOf(cli, options)
  if (isRefusal(policy)) return policy
  return withSession(cli, options.profile, session => {
    const seal: PackSource['seal'] = claim => session.post<PackSealed>('/v1/audit/evidence-packs', claim)
    return write(cli, { files: fleetLog(session), policy, seal }, asked, options)
  })
}

async function write(cli: Cli, source: PackSource, query: Query, options: ExportOptions): Promise<Work> {
  const release = options.release === undefined ? undefined : await digestOf(cli, source, options.release)
  if (isRefusal(release)) return release
  const whole = release === undefined ? query : { ...query, release }
  const drafts = source.seal === null ? null : new DraftFile(cli, options.out)
  try {
    const made = await exportPack(makingFor(cli), source, whole, options.verifier ?? VERIFIER, drafts)
    if (isRefusal(made)) {
      drafts?.refused(made)
      return made
    }
    // If power fails before this the draft is there, and the same command goes on with it; behind it, the pack.
    writeWhole(options.out, made.zip)
    drafts?.done()
    return summary(cli, options.out, made)
  } catch (error) {
    drafts?.told()
    throw error
  }
}

function summary(cli: Cli, out: string, made: Exported): Work {
  const { manifest, seal } = made.verdict
  const { events, log } = manifest as Manifest
  if (events.length === 0) cli.output.warn('Nothing in the log is what was asked for: the pack cites no event.')
  return {
    json: {
      file: out,
      events: events.length,
      searched: log.size,
      sealed: seal?.index ?? null,
      bytes: made.zip.length,
    },
    text: listing(cli.output, [
      ['file', out],
      ['events', events.length],
      ['searched', `${log.size} entries of ${log.origin}`],
      ['sealed by', seal === null ? 'no entry of the log' : `entry ${seal.index}`],
      ['bytes', made.zip.length],
    ]),
  }
}

const SHA256 = /^[0-9a-f]{64}$/

const STAGES: Readonly<Record<Exclude<Stage, 'waiting'>, string>> = {
  reading: 'entries read',
  proving: 'events proven',
  verifying: 'events verified',
}

/** So long the witnesses have for the seal, in milliseconds; the same command goes on behind it. */
const WAITED = 20_000

/** With a bar for each stage that is long. */
function makingFor({ world, output }: Cli): Making {
  const bars = new Map<Stage, Progress>()
  return {
    crypto: world.crypto,
    now: () => world.clock.now(),
    maker: `voltseal ${VERSION}`,
    patience: WAITED / PAUSE,
    warn: text => output.warn(text),
    tell: (stage, done, of) => {
      if (stage === 'waiting') {
        if (done === 1) output.progress('Waiting for the witnesses to sign the checkpoint ...')
        return
      }
      const bar = bars.get(stage) ?? new Progress(output, of)
      bars.set(stage, bar)
      bar.at(done, `${done} of ${of} ${STAGES[stage]}`)
    },
  }
}

/** The digest of a release that is named either way. */
async function digestOf(cli: Cli, { files, policy }: PackSource, name: string): Promise<string | Refusal> {
  if (SHA256.test(name)) return name
  const head = await headOf(files, policy, cli.world.crypto)
  if (isRefusal(head)) return head
  const progress = new Progress(cli.output, head.checkpoint.size)
  return findRelease(files, head, name, cli.world.crypto, (done, of) =>
    progress.at(done, `looking for ${name}: ${done} of ${of}`),
  )
}

function queryOf({ site, period, changeRequest }: ExportOptions): Query | Refusal {
  const span = period === undefined ? {} : parsePeriod(period)
  if (span === null) {
    return refuse(
      'usage-error',
      '--period',
      'FROM/TO, as 2026-01-01/2026-03-31 or 2026-01-01T06:00:00Z/',
      `"${period}"`,
    )
  }
  return {
    ...(site === undefined ? {} : { sites: [...new Set(site)].sort() }),
    ...span,
    ...(changeRequest === undefined ? {} : { changeRequest }),
  }
}

/** The log of the fleet server, file by file. A refusal is thrown, for whoever runs the command to print. */
const fleetLog = (session: Session): LogFiles => ({ file: async path => orThrow(await session.logFile(path)) })

async function verify(cli: Cli, file: string, options: VerifyOptions): Promise<Work> {
  const policy = trustOf(cli, options)
  // Without any key the pack is read by its own word, and that is a finding.
  const trusted = isRefusal(policy) && policy.code === 'profile-missing' ? null : policy
  if (isRefusal(trusted)) return trusted
  const zip = readBytes(file, PACK_LIMITS.bytes)
  if (isRefusal(zip)) return zip.code === 'file-too-large' ? { ...zip, code: 'pack-too-large' } : zip
  const verdict = judge(makingFor(cli), zip, { policy: trusted, eventsOnly: options.eventsOnly === true })
  const { manifest, sound } = verdict
  const again = options.log !== undefined || options.fleet === true
  if (manifest === null || !sound || !again) return told(cli, file, verdict)
  return withLog(cli, options.log, options, async ({ files, policy: known }) => {
    const progress = new Progress(cli.output, manifest.log.size)
    const say = (done: number, of: number): void => progress.at(done, `${done} of ${of} entries searched again`)
    const findings = await missingFrom(files, known, manifest, cli.world.crypto, say)
    return isRefusal(findings)
      ? findings
      : told(cli, file, { ...verdict, sound: findings.length === 0, findings }, true)
  })
}

function told(cli: Cli, file: string, verdict: PackVerdict, searched = false): Work {
  const { findings, dropped, sound, manifest, proven, seal, checkpoint, cosigned } = verdict
  for (const finding of findings) cli.output.warn(`${finding.code}: ${sentence(finding)}`)
  if (dropped > 0) cli.output.warn(`and ${dropped} further findings`)
  const lines = verdictLines(verdict).map(
    ([name, text, tone]) => [name, tone === 'plain' ? text : { text, tone }] as const,
  )
  const complete = searched
    ? [['complete', sound ? 'the log holds no other event that was asked for' : 'NO'] as const]
    : []
  const answer = {
    json: {
      file,
      sound,
      searched,
      origin: manifest?.log.origin ?? null,
      events: manifest?.events.length ?? null,
      proven,
      size: checkpoint?.size ?? null,
      cosigned: Object.fromEntries(cosigned),
      seal,
      findings,
      dropped,
    },
    text: `${listing(cli.output, [['file', file], ...lines, ...complete])}${searched ? '' : `\n\n${LIMITS}`}`,
  }
  const [first] = findings
  return first === undefined ? answer : { ...answer, exit: exitOf(first) }
}
