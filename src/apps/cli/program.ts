import { Command, CommanderError, type Option } from 'commander'
import { refuse } from '../../core/refusal/refusal.ts'
import { nobodyThere, Signers } from '../process/signers.ts'
import { duration, durationText, size, sizeText } from './arguments.ts'
import { type Cli, perform, type World } from './cli.ts'
import { addAccount } from './commands/account.ts'
import { addAgent } from './commands/agent.ts'
import { addAudit } from './commands/audit.ts'
import { addCampaign } from './commands/campaign.ts'
import { addCeremony } from './commands/ceremony.ts'
import { addController } from './commands/controller.ts'
import { addEvidence } from './commands/evidence.ts'
import { addExplain } from './commands/explain.ts'
import { addFleet } from './commands/fleet.ts'
import { addGateway } from './commands/gateway.ts'
import { addKey } from './commands/key.ts'
import { addLogin } from './commands/login.ts'
import { addPublish } from './commands/publish.ts'
import { addRelease } from './commands/release.ts'
import { addRepository } from './commands/repository.ts'
import { addSiem } from './commands/siem.ts'
import { addSign } from './commands/sign.ts'
import { addSite } from './commands/site.ts'
import { addVerify } from './commands/verify.ts'
import { addWebhook } from './commands/webhook.ts'
import { addWitness } from './commands/witness.ts'
import { exitOf, Output } from './output.ts'
import { labelled } from './signing-key.ts'
import { VERSION } from './version.ts'

/**
 * The nouns, in the order in which `voltseal --help` shows them. To add one: write `commands/NOUN.ts` with a function
 * `addNoun(program, cli)`, and name it here.
 */
const NOUNS: readonly ((program: Command, cli: Cli) => void)[] = [
  addKey,
  addRelease,
  addSign,
  addVerify,
  addPublish,
  addRepository,
  addCampaign,
  addController,
  addCeremony,
  addAudit,
  addEvidence,
  addFleet,
  addAccount,
  addLogin,
  addWebhook,
  addSiem,
  addGateway,
  addSite,
  addWitness,
  addAgent,
  addExplain,
]

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
  for (const add of NOUNS) add(program, cli)
  try {
    // `release create --version` is the release's: only alone does the word mean the program's.
    await program.parseAsync(argv.length === 1 && argv[0] === '--version' ? ['-V'] : [...argv], { from: 'user' })
    return exit
  } catch (error) {
    if (!(error instanceof CommanderError)) return perform(output, () => Promise.reject(error))
    return error.exitCode === 0 ? 0 : usage(output, program, argv, error)
  } finally {
    signers.close()
  }
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
