import { suitDoor } from './suit/command-line.ts'

/**
 * The door for SUIT envelopes of other authors: `verify FILE --key K`, `show FILE`, `process FILE --slots DIR`. Exit code 0,
 * or 1 with the refusal on stderr; `--json` puts one object on stdout in either case. conformance/README.md describes it.
 */

const { exit, out, err } = suitDoor(process.argv.slice(2))
process.stdout.write(out)
process.stderr.write(err)
process.exitCode = exit
