import { Command, Option } from 'commander'
import {
  type FileKeyAlgorithm,
  generateKeyFile,
  loadPublicKey,
  loadSigner,
  publicKeyFile,
} from '../../../adapters/signer-file.ts'
import type { PublicKey } from '../../../core/encoding/crypto.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { Cli, Work } from '../cli.ts'
import { keyIdOf } from '../key-id.ts'
import { listing } from '../table.ts'

const ALGORITHMS: readonly FileKeyAlgorithm[] = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'ml-dsa-65']

/** The words that everything made with a key in a plain file is labelled with. */
export const DEVELOPMENT_WARNING =
  'DEVELOPMENT KEY: it lives in a plain file, and whoever copies the file can sign as you. Use an HSM in production.'

export function addKey(program: Command, cli: Cli): void {
  const key = new Command('key').description('make and look at signing keys').copyInheritedSettings(program)
  key
    .command('generate')
    .description('make a key pair: PATH (private, mode 600) and PATH.pub')
    .argument('<path>', 'the private key’s file; it must not exist')
    .addOption(new Option('-a, --algorithm <name>', 'the kind of key').choices(ALGORITHMS).default('ecdsa-p256'))
    .action(cli.act((path: string, options: { algorithm: FileKeyAlgorithm }) => generate(cli, path, options.algorithm)))
  key
    .command('show')
    .description('print a key’s id and its public half, as config files take it')
    .argument('<path>', 'a .pub file, or a private key')
    .action(cli.act((path: string) => show(cli, path)))
  program.addCommand(key)
}

function generate(cli: Cli, path: string, algorithm: FileKeyAlgorithm): Work {
  const signer = generateKeyFile(path, algorithm)
  if (isRefusal(signer)) return signer
  cli.output.warn(DEVELOPMENT_WARNING)
  return described(cli, path, signer.key, [
    ['private key', path],
    ['public key', publicKeyFile(path)],
  ])
}

function show(cli: Cli, path: string): Work {
  const key = loadPublicKey(path)
  if (!isRefusal(key)) return described(cli, path, key, [])
  if (key.code !== 'key-malformed') return key
  const signer = loadSigner(path)
  return isRefusal(signer) ? signer : described(cli, path, signer.key, [])
}

/** `kid`, `alg` and `spki` are an anchor as the config files hold it. */
function described(cli: Cli, path: string, key: PublicKey, files: readonly (readonly [string, string])[]): Work {
  const kid = keyIdOf(key, path, cli.world.crypto)
  if (isRefusal(kid)) return kid
  const spki = key.spki.toBase64()
  return {
    json: { kid, alg: key.alg, spki, ...Object.fromEntries(files.map(([name, file]) => [name.split(' ')[0], file])) },
    text: listing(cli.output, [['key id', kid], ['algorithm', key.alg], ['spki', spki], ...files]),
  }
}
