import { Command, CommanderError, type Option } from 'commander'
import { refuse } from '../../core/refusal/refusal.ts'
import { nobodyThere, Signers } from '../process/signers.ts'
import { VERSION } from '../process/version.ts'
import { duration, durationText, size, sizeText } from './arguments.ts'
import { type Cli, perform, type World } from './cli.ts'
import { exitOf, Output } from './output.ts'
import { labelled } from './signing-key.ts'

type AddNoun = (program: Command, cli: Cli) => void
const login = async (): Promise<AddNoun> => (await import('./commands/login.ts')).addLogin

/**
 * The nouns, in the order in which `voltseal --help` shows them. To add one: write `commands/NOUN.ts` with a function
 * `addNoun(program, cli)`, and name it here. Each is loaded when it is called: to load all takes longer than most of them work.
 */
const NOUNS: Readonly<Record<string, () => Promise<AddNoun>>> = {
  key: async () => (await import('./commands/key.ts')).addKey,
  release: async () => (await import('./commands/release.ts')).addRelease,
  delta: async () => (await import('./commands/delta.ts')).addDelta,
  sign: async () => (await import('./commands/sign.ts')).addSign,
  verify: async () => (await import('./commands/verify.ts')).addVerify,
  publish: async () => (await import('./commands/publish.ts')).addPublish,
  repository: async () => (await import('./commands/repository.ts')).addRepository,
  campaign: async () => (await import('./commands/campaign.ts')).addCampaign,
  controller: async () => (await import('./commands/controller.ts')).addController,
  ceremony: async () => (await import('./commands/ceremony.ts')).addCeremony,
  audit: async () => (await import('./commands/audit.ts')).addAudit,
  evidence: async () => (await import('./commands/evidence.ts')).addEvidence,
  fleet: async () => (await import('./commands/fleet.ts')).addFleet,
  account: async () => (await import('./commands/account.ts')).addAccount,
  login,
  logout: login,
  whoami: login,
  webhook: async () => (await import('./commands/webhook.ts')).addWebhook,
  siem: async () => (await import('./commands/siem.ts')).addSiem,
  gateway: async () => (await import('./commands/gateway.ts')).addGateway,
  site: async () => (await import('./commands/site.ts')).addSite,
  witness: async () => (await import('./commands/witness.ts')).addWitness,
  agent: async () => (await import('./commands/agent.ts')).addAgent,
  explain: async () => (await import('./commands/explain.ts')).addExplain,
}

const EXAMPLES = `
Examples:
  voltseal key generate keys/release.key
  voltseal release create --image firmware.bin --vendor voltworks.example --class bms \\
      --hardware r1 --version 1.4.0 --sequence 12 --out bms-1.4.0.release
  voltseal sign bms-1.4.0.release --key keys/release.key
  voltseal verify bms-1.4.0.release --key keys/release.key.pub
  voltseal explain envelope-unsigned

stdout is data, stderr is progress. Exit codes: 0 done; 64 usage; 65 bad data; 66 not there; 69 not reachable;
73 not written; 74 input or output; 75 try later; 77 not permitted; 78 configuration; 20 trust refused;
21 policy refused; 22 campaign halted; 23 controller failed; 70 a fault of Voltseal.`

/** Runs one command line (without the program's own name) and answers its exit code. Touches the process nowhere. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  // Known before the options are parsed, since a wrong option is refused in the form that was asked for.
  const options = { json: argv.includes('--json'), quiet: argv.includes('--quiet') || argv.includes('-q') }
  const output = new Output(world.stdout, world.stderr, world.env, options)
  const signers = new Signers(world.crypto, { askPin: world.askPin ?? nobodyThere })
  let exit = 0
  const cli: Cli = {
    world,
    output,
    openSigner: labelled(signers.open, output),
    act:
      work =>
      async (...args) => {
        exit = await perform(output, () => work(...args))
      },
  }
  const program = new Command('voltseal')
    .description('Secure firmware updates for battery storage and EV charging')
    .option('--json', 'print data (and a refusal) as one JSON document on stdout')
    .option('-q, --quiet', 'no progress on stderr; warnings and refusals stay')
    .version(VERSION, '-V', 'print the version')
    .configureOutput({ writeOut: text => world.stdout.write(text), writeErr: () => {} })
    .configureHelp({ showGlobalOptions: true, optionDescription: described })
    .showSuggestionAfterError()
    .addHelpText('after', EXAMPLES)
    .exitOverride()
  // `release create --version` is the release's: only alone does the word mean the program's.
  const version = argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')
  if (!version) for (const add of await called(argv)) add(program, cli)
  try {
    await program.parseAsync(version ? ['-V'] : [...argv], { from: 'user' })
    return exit
  } catch (error) {
    if (!(error instanceof CommanderError)) return perform(output, () => Promise.reject(error))
    return error.exitCode === 0 ? 0 : usage(output, program, argv, error)
  } finally {
    signers.close()
  }
}

/** The noun that the first word names; all of them for a question about the whole, or a word that is none. */
async function called(argv: readonly string[]): Promise<Iterable<AddNoun>> {
  const word = argv.find(each => !each.startsWith('-')) ?? ''
  const load = Object.hasOwn(NOUNS, word) ? NOUNS[word] : undefined
  return load !== undefined ? [await load()] : new Set(await Promise.all(Object.values(NOUNS).map(each => each())))
}

function usage(output: Output, program: Command, argv: readonly string[], error: CommanderError): number {
  const { command, path } = named(program, argv)
  // A noun alone is a question, and so is nothing at all: the answer is its help.
  const asked = error.code === 'commander.help'
  const actual = asked ? 'no command' : worded(error.message)
  const refusal = refuse('usage-error', path, `${path} ${command.usage()}`, actual)
  if (asked && !output.json) output.help(command.helpInformation())
  else output.refusal(refusal)
  return exitOf(refusal)
}

/** What an option is for, with its default in the form in which it would be written. */
function described({ description, defaultValue: value, parseArg }: Option): string {
  if (value === undefined || (typeof value === 'object' && value !== null)) return description
  const text = parseArg === duration ? durationText(value) : parseArg === size ? sizeText(value) : value
  return `${description} (default: ${text})`
}

/** Commander's sentence as a phrase inside ours. */
const worded = (message: string): string =>
  message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/\?\)$/, ')')
    .replace(/[.?]$/, '')

/** The command that the words name, as far as they do. */
function named(program: Command, argv: readonly string[]): { command: Command; path: string } {
  let command = program
  let path = program.name()
  for (const word of argv) {
    const next = command.commands.find(candidate => candidate.name() === word)
    if (next === undefined) {
      if (word.startsWith('-')) continue
      break
    }
    command = next
    path = `${path} ${word}`
  }
  return { command, path }
}
