import type { AskPin } from '../../adapters/signer-pkcs11/pin.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { isRefusal, type Refusal, RefusalError } from '../../core/refusal/refusal.ts'
import type { Clock } from '../../flows/ports.ts'
import { refusalOf } from '../process/disk.ts'
import type { OpenSigner } from '../process/signers.ts'
import { type Answer, exitOf, type Output, type Sink } from './output.ts'

/** What a run of the command line needs of the process around it; a test gives its own. */
export type World = {
  readonly stdout: Sink
  readonly stderr: Sink
  readonly env: Readonly<Record<string, string | undefined>>
  readonly crypto: Crypto
  readonly clock: Clock
  /** For commands that serve or watch: a signal that is aborted when somebody asks to stop (Ctrl-C, SIGTERM). */
  readonly onStop: () => AbortSignal
  /** Asks whoever sits there for a PIN. Absent: nobody does. */
  readonly askPin?: AskPin
}

/** Work of a command: an answer to print, a refusal to explain, or nothing (the command has printed as it went). */
export type Work = Answer | Refusal | null

/**
 * One run of the command line, given to every noun. A command is a function that returns its answer or a refusal:
 *
 *     noun.command('show').argument('<id>').action(cli.act(async id => ...))
 *
 * `act` prints the answer in the form that was asked for and keeps the exit code of the registry. Commands never call
 * `process.exit` and never write to stdout themselves; those that stream use `cli.output`.
 */
export type Cli = {
  readonly world: World
  /** Made when the options are known: use it inside commands only. */
  readonly output: Output
  /**
   * Opens a private key by what its owner calls it: a file's path, or a `pkcs11:` reference. It is closed when the run
   * ends. What a token signs is verified before anybody sees it, and all is labelled when the key can be copied.
   */
  readonly openSigner: OpenSigner
  // biome-ignore lint/suspicious/noExplicitAny: commander passes arguments, then options, of any type
  act(work: (...args: any[]) => Promise<Work> | Work): (...args: any[]) => Promise<void>
}

/** How a run ended. `EXIT_FAULT` is a bug (EX_SOFTWARE of sysexits.h). */
export const EXIT_FAULT = 70

/** Runs one command's work and prints what came of it; answers the exit code. */
export async function perform(output: Output, work: () => Promise<Work> | Work): Promise<number> {
  try {
    const result = await work()
    if (isRefusal(result)) return refused(output, result)
    if (result !== null) output.answer(result)
    return result?.exit ?? 0
  } catch (error) {
    const refusal = error instanceof RefusalError ? error.refusal : refusalOf(error)
    if (refusal !== null) return refused(output, refusal)
    output.fault(error)
    return EXIT_FAULT
  }
}

function refused(output: Output, refusal: Refusal): number {
  output.refusal(refusal)
  return exitOf(refusal)
}
