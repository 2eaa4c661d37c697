import { Command, Option } from 'commander'
import { toBase64 } from '../../../core/encoding/bytes.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import { checkComplete, checkGiven, checkTime } from '../../../core/trust/ceremony.ts'
import { REPOSITORIES, type Repository } from '../../../core/trust/ceremony-note.ts'
import type { Rotated } from '../../../flows/rotate.ts'
import { duration, several, whole, words } from '../arguments.ts'
import { keepClosed } from '../ceremony/folder.ts'
import { type Opened, openFolder, type TrustOptions } from '../ceremony/open.ts'
import { closeRehearsal, startRehearsal } from '../ceremony/rehearse.ts'
import { rolesAnswer } from '../ceremony/roles.ts'
import { signCeremony } from '../ceremony/sign.ts'
import { fetchBase, type StartOptions, startCeremony } from '../ceremony/start.ts'
import { type CeremonyView, ceremonyText, statusText, viewOf } from '../ceremony/text.ts'
import type { Cli, Work } from '../cli.ts'
import { keyIdOf } from '../key-id.ts'
import { openSession, type Session, withSession } from '../session.ts'
import { PRIVATE_KEY } from '../signing-key.ts'

const ROOT = 'the root of the repository that you trust; kept up to date (default: what your profile has seen)'
const PROFILE = 'who you are: a profile.yaml'
const YEAR = 365 * 86_400_000
const WEEK = 7 * 86_400_000

export function addCeremony(program: Command, cli: Cli): void {
  const ceremony = new Command('ceremony')
    .description('change who holds the keys of a repository: sign its next root or delegations together')
    .copyInheritedSettings(program)
  addStart(ceremony, cli)
  const folder = 'the folder that ceremony start made, or a copy of it'
  ceremony
    .command('show')
    .description('what would change, worked out on this machine, and who has signed')
    .argument('<folder>', folder)
    .option('--root <file>', ROOT)
    .option('--profile <file>', PROFILE)
    .action(cli.act((path: string, options: TrustOptions) => show(cli, path, options)))
  ceremony
    .command('sign')
    .description('add your signature, after showing what it is for')
    .argument('<folder>', folder)
    .requiredOption('--key <key>', `your private key ${PRIVATE_KEY}`)
    .option('--root <file>', ROOT)
    .option('--profile <file>', PROFILE)
    .action(cli.act((path: string, options: TrustOptions & { key: string }) => sign(cli, path, options)))
  ceremony
    .command('status')
    .description('who has signed, who is missing, how much time is left')
    .argument('<folder>', folder)
    .option('--root <file>', ROOT)
    .option('--profile <file>', PROFILE)
    .action(cli.act((path: string, options: TrustOptions) => status(cli, path, options)))
  ceremony
    .command('close')
    .description('hand a complete ceremony to the fleet server, which verifies it again and puts it in force')
    .argument('<folder>', folder)
    .option('--root <file>', ROOT)
    .option('--profile <file>', PROFILE)
    .action(cli.act((path: string, options: TrustOptions) => close(cli, path, options)))
  ceremony
    .command('roles')
    .description('who holds the keys of a repository now')
    .addOption(new Option('--repository <name>', 'which one').choices(REPOSITORIES).makeOptionMandatory())
    .option('--profile <file>', PROFILE)
    .action(
      cli.act((options: { repository: Repository; profile?: string }) =>
        withSession(cli, options.profile, async session => {
          const base = await fetchBase(cli, session, options.repository)
          return isRefusal(base) ? base : rolesAnswer(cli, base.inForce)
        }),
      ),
    )
  program.addCommand(ceremony)
}

function addStart(ceremony: Command, cli: Cli): void {
  ceremony
    .command('start')
    .description('make the folder of a new ceremony from what is in force now; nothing is signed yet')
    .argument('<folder>', 'the folder to make; it is what travels from signer to signer')
    .addOption(new Option('--repository <name>', 'whose keys change').choices(REPOSITORIES).makeOptionMandatory())
    .option('--role <role>', 'whose signers change: root, targets, snapshot, timestamp, or a delegated role', 'root')
    .option('--add-signer <name=file>', 'a holder and their public key; repeatable', several)
    .option('--remove-signer <key>', 'a key id, a holder, or a .pub file; repeatable', several)
    .option('--threshold <n>', 'how many of the role’s signers are needed', whole)
    .option('--replace-key <key>', 'a key that goes, in every role that has it; repeatable', several)
    .option('--with <file>', 'the public key that takes its place, FILE or NAME=FILE; repeatable', several)
    .option('--name-key <name=key>', 'name the holder of a key that stays; repeatable', several)
    .option('--delegate <role>', 'make a delegated role of the targets')
    .option('--path <patterns>', 'the targets that it may speak for', words)
    .option('--terminating', 'nobody behind it is asked for these targets')
    .option('--undelegate <roles>', 'take delegated roles away', words)
    .option('--withdraw <paths>', 'take published targets away', words)
    .option('--renew', 'change nothing but version and expiry')
    .option('--expires <time>', 'for how long the new document is valid', duration, YEAR)
    .option('--deadline <time>', 'for how long signatures are taken', duration, WEEK)
    .option('--name <name>', 'what the ceremony is called (default: the repository and the day)')
    .option('--rehearse', 'rehearse it: a staging copy with throw-away keys, of which nothing counts')
    .option('--profile <file>', PROFILE)
    .action(
      cli.act((folder: string, options: StartOptions & { rehearse?: boolean; profile?: string }) =>
        withSession(cli, options.profile, session => start(cli, session, folder, options)),
      ),
    )
}

async function start(
  cli: Cli,
  session: Session,
  folder: string,
  options: StartOptions & { rehearse?: boolean; profile?: string },
): Promise<Work> {
  const begin = options.rehearse === true ? startRehearsal : startCeremony
  const fault = await begin(cli, session, folder, options)
  if (isRefusal(fault)) return fault
  cli.output.progress(`Next: each signer runs voltseal ceremony sign ${folder} --key KEY`)
  const shown = await show(cli, folder, options.profile === undefined ? {} : { profile: options.profile })
  if (shown === null || isRefusal(shown) || options.delegate === undefined) return shown
  const warning = delegationWarning(options.delegate)
  cli.output.warn(warning)
  return { ...shown, json: { ...(shown.json as CeremonyView), warnings: [warning] } }
}

/** What a named delegation does not bring yet, and what it takes. */
const delegationWarning = (role: string): string =>
  `This version cannot publish the metadata of ${role} itself: its holders can put nothing into the repository yet. ` +
  'Whoever signs the targets publishes as before. A repository with named delegations gets no hash bins; --undelegate ends that.'

async function show(cli: Cli, folder: string, options: TrustOptions): Promise<Work> {
  const opened = await openFolder(cli, folder, options)
  if (isRefusal(opened)) return opened
  warnOfGiven(cli, opened)
  const view = viewed(cli, opened)
  return { json: view, text: ceremonyText(cli.output, view) }
}

async function status(cli: Cli, folder: string, options: TrustOptions): Promise<Work> {
  const opened = await openFolder(cli, folder, options)
  if (isRefusal(opened)) return opened
  warnOfGiven(cli, opened)
  const view = viewed(cli, opened)
  return { json: view, text: statusText(cli.output, view) }
}

const viewed = (cli: Cli, { ceremony, closed }: Opened) =>
  viewOf(ceremony, closed, cli.world.clock.now(), cli.world.crypto)

/** A signature that does not hold is said aloud, and no reason to hide the rest. */
function warnOfGiven(cli: Cli, { ceremony }: Opened): void {
  const fault = checkGiven(ceremony, cli.world.crypto)
  if (fault !== null) cli.output.warn(`DO NOT SIGN. ${fault.subject}: it does not hold over this document.`)
}

async function sign(cli: Cli, folder: string, options: TrustOptions & { key: string }): Promise<Work> {
  const opened = await openFolder(cli, folder, options)
  if (isRefusal(opened)) return opened
  const signer = await cli.openSigner(options.key)
  if (isRefusal(signer)) return signer
  const keyid = keyIdOf(signer.key, options.key, cli.world.crypto)
  if (isRefusal(keyid)) return keyid
  cli.output.progress(ceremonyText(cli.output, viewed(cli, opened)))
  const signed = await signCeremony(cli, folder, opened, signer, keyid)
  if (isRefusal(signed)) return signed
  const after = await openFolder(cli, folder, options)
  if (isRefusal(after)) return after
  const view = viewed(cli, after)
  if (view.state === 'complete') cli.output.progress(`Next: voltseal ceremony close ${folder}`)
  const documents = signed.map(({ type, document, digest }) => ({ type, version: document.signed.version, digest }))
  return { json: { keyid, signed: documents, ...view }, text: statusText(cli.output, view) }
}

/** Complete it is at the threshold of every document; the server looks again at all of it. */
async function close(cli: Cli, folder: string, options: TrustOptions): Promise<Work> {
  const opened = await openFolder(cli, folder, options)
  if (isRefusal(opened)) return opened
  const { ceremony, files } = opened
  const { crypto, clock } = cli.world
  const fault =
    checkGiven(ceremony, crypto) ??
    checkComplete(ceremony, crypto) ??
    (opened.closed ? null : checkTime(ceremony, clock.now()))
  if (fault !== null) return fault
  const closed = ceremony.note.rehearsal
    ? await closeRehearsal(cli, folder, opened)
    : await closeAtFleet(cli, opened, options)
  if (isRefusal(closed)) return closed
  // If power fails here, it is in force and not yet told of in the folder: the same command again tells.
  keepClosed(folder, files.next)
  const after = await openFolder(cli, folder, options)
  if (isRefusal(after)) return after
  const view = viewed(cli, after)
  return { json: { ...closed, ...view }, text: statusText(cli.output, view) }
}

async function closeAtFleet(cli: Cli, { ceremony, files }: Opened, options: TrustOptions): Promise<Rotated | Refusal> {
  const { root, targets, bins } = files.next
  const body = {
    ...(root === null ? {} : { root: toBase64(root) }),
    ...(targets === null ? {} : { targets: toBase64(targets) }),
    ...(bins.size === 0 ? {} : { bins: Object.fromEntries([...bins].map(([name, bytes]) => [name, toBase64(bytes)])) }),
  }
  const session = openSession(cli, options.profile)
  if (isRefusal(session)) return session
  try {
    return await session.post<Rotated>(`/v1/ceremonies/${ceremony.note.repository}`, body)
  } finally {
    session.close()
  }
}
