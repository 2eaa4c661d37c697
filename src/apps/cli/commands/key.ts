import { Command, Option } from 'commander'
import {
  type FileKeyAlgorithm,
  generateKeyFile,
  loadPublicKey,
  loadRoleKey,
  publicKeyFile,
  writePasskeyFile,
  writePublicKey,
} from '../../../adapters/signer-file.ts'
import { generateTokenKey, listTokenKeys, type TokenKeyAlgorithm } from '../../../adapters/signer-pkcs11/keys.ts'
import { listTokens } from '../../../adapters/signer-pkcs11/token.ts'
import { utf8 } from '../../../core/encoding/bytes.ts'
import type { PublicKey } from '../../../core/encoding/crypto.ts'
import { isPkcs11Uri, parsePkcs11Uri, siblingUri } from '../../../core/encoding/pkcs11-uri.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { isPasskey } from '../../../core/trust/keys.ts'
import { nobodyThere } from '../../process/signers.ts'
import type { Cli, Work } from '../cli.ts'
import { keyIdOf } from '../key-id.ts'
import { COPYABLE_WARNING, DEVELOPMENT_WARNING } from '../signing-key.ts'
import { listing, table } from '../table.ts'

const FILE_KINDS: readonly FileKeyAlgorithm[] = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'ml-dsa-65']
const TOKEN_KINDS: readonly TokenKeyAlgorithm[] = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-pss']
type Kind = FileKeyAlgorithm | TokenKeyAlgorithm
const KINDS: readonly Kind[] = [...new Set<Kind>([...FILE_KINDS, ...TOKEN_KINDS])]

type Options = { public?: string }
type GenerateOptions = Options & { algorithm: Kind }

const PUBLIC = ['--public <file>', 'write the public half there too, as verify and config files take it'] as const

export function addKey(program: Command, cli: Cli): void {
  const key = new Command('key').description('make and look at signing keys').copyInheritedSettings(program)
  key
    .command('generate')
    .description('make a key pair: a file PATH (mode 600) and PATH.pub, or a pair inside a token that never leaves it')
    .argument('<key>', 'a path that is free, or pkcs11:token=…;object=…?module-path=…')
    .addOption(
      new Option('-a, --algorithm <name>', 'the kind of key: ml-dsa-65 in files, rsa-pss in tokens only')
        .choices(KINDS)
        .default('ecdsa-p256'),
    )
    .option(...PUBLIC)
    .action(
      cli.act((reference: string, options: GenerateOptions) =>
        isPkcs11Uri(reference) ? generateInToken(cli, reference, options) : generateFile(cli, reference, options),
      ),
    )
  key
    .command('show')
    .description('print a key’s id and its public half, as config files take it')
    .argument('<key>', 'a .pub file, a private key, or pkcs11:token=…;object=…?module-path=…')
    .option(...PUBLIC)
    .action(cli.act((reference: string, options: Options) => show(cli, reference, options)))
  key
    .command('list')
    .description('the keys of a token; without a token in the reference, the tokens that a module sees')
    .argument('<reference>', 'pkcs11:token=…?module-path=…, or pkcs11:?module-path=…')
    .action(cli.act((reference: string) => list(cli, reference)))
  key
    .command('passkey')
    .description(
      'print the id of a passkey, and the pages that it answers to, from the file that the console hands out',
    )
    .argument('<file>', 'what the console handed out')
    .option('--public <file>', 'write it there too, checked, as ceremony and account take it')
    .action(cli.act((file: string, options: Options) => showPasskey(cli, file, options)))
  program.addCommand(key)
}

/** Whoever lets a passkey into a root compares its id with the one that its holder reads aloud, and sees where it signs. */
function showPasskey(cli: Cli, file: string, options: Options): Work {
  const key = loadRoleKey(file)
  if (isRefusal(key)) return key
  if (!isPasskey(key)) {
    return refuse('key-malformed', file, 'a passkey as the console hands it out', `a public key (${key.alg})`)
  }
  const kid = keyIdOf(key, file, cli.world.crypto)
  if (isRefusal(kid)) return kid
  const written = options.public === undefined ? null : writePasskeyFile(options.public, key)
  if (written !== null) return written
  const { alg, origin, rpId, credentialId } = key
  const json = { kid, alg, origin, rpId, credentialId, spki: key.spki.toBase64() }
  const lines = Object.entries(json).map(([name, value]) => [name === 'kid' ? 'key id' : name, value] as const)
  const more = options.public === undefined ? [] : [['public key', options.public] as const]
  return {
    json: { ...json, ...Object.fromEntries(more.map(([, at]) => ['public', at])) },
    text: listing(cli.output, [...lines, ...more]),
  }
}

function generateFile(cli: Cli, path: string, options: GenerateOptions): Work {
  const algorithm = FILE_KINDS.find(kind => kind === options.algorithm)
  if (algorithm === undefined) {
    return refuse('key-algorithm-unsupported', path, `in a file: ${FILE_KINDS.join(', ')}`, options.algorithm)
  }
  const signer = generateKeyFile(path, algorithm)
  if (isRefusal(signer)) return signer
  cli.output.warnOnce(DEVELOPMENT_WARNING)
  return described(cli, path, signer.key, options, [
    ['private key', path],
    ['public key', publicKeyFile(path)],
  ])
}

async function generateInToken(cli: Cli, reference: string, options: GenerateOptions): Promise<Work> {
  const uri = parsePkcs11Uri(reference)
  if (isRefusal(uri)) return uri
  const algorithm = TOKEN_KINDS.find(kind => kind === options.algorithm)
  if (algorithm === undefined) {
    const expected = `in a token: ${TOKEN_KINDS.join(', ')}`
    return refuse('key-algorithm-unsupported', reference.split('?')[0] as string, expected, options.algorithm)
  }
  const made = await generateTokenKey(uri, algorithm, { askPin: cli.world.askPin ?? nobodyThere })
  if (isRefusal(made)) return made
  return showInToken(cli, siblingUri(uri, { object: made.label, id: made.id }), options)
}

async function show(cli: Cli, reference: string, options: Options): Promise<Work> {
  if (isPkcs11Uri(reference)) return showInToken(cli, reference, options)
  const key = loadPublicKey(reference)
  if (!isRefusal(key)) return described(cli, reference, key, options, [])
  if (key.code !== 'key-malformed') return key
  const signer = await cli.openSigner(reference)
  return isRefusal(signer) ? signer : described(cli, reference, signer.key, options, [])
}

/** Said by nobody but `key show`: it cannot be taken for metadata or for a part of an envelope. */
const CHALLENGE = utf8('Voltseal asks a token whether its public key belongs to its private key.')

/** The public half that a token shows is only believed when the private half has signed for it. */
async function showInToken(cli: Cli, reference: string, options: Options): Promise<Work> {
  const signer = await cli.openSigner(reference)
  if (isRefusal(signer)) return signer
  const proof = await signer.sign(CHALLENGE, 'der')
  if (isRefusal(proof)) return proof
  const name = reference.split('?')[0] as string
  const stays = signer.development ? 'no: it can be copied out of the token' : 'it never leaves the token'
  return described(cli, name, signer.key, options, [
    ['private key', name],
    ['stays', stays],
  ])
}

async function list(cli: Cli, reference: string): Promise<Work> {
  const uri = parsePkcs11Uri(reference)
  if (isRefusal(uri)) return uri
  if (uri.token === undefined && uri.serial === undefined && uri.slotId === undefined) {
    const tokens = listTokens(uri)
    if (isRefusal(tokens)) return tokens
    const rows = tokens.map(({ label, serial, manufacturer, model }) => [label, serial, manufacturer, model])
    return { json: tokens, text: table(cli.output, ['token', 'serial', 'manufacturer', 'model'], rows) }
  }
  const keys = await listTokenKeys(uri, { askPin: cli.world.askPin ?? nobodyThere })
  if (isRefusal(keys)) return keys
  if (keys.some(({ stays }) => !stays)) cli.output.warn(COPYABLE_WARNING)
  const json = keys.map(({ label, id, key, stays }) => ({
    label,
    id: id.toHex(),
    alg: key?.alg ?? null,
    kid: key === null ? null : shownId(cli, key),
    stays,
  }))
  const rows = json.map(({ label, id, alg, kid, stays }) => [label, id, alg ?? 'not used here', kid ?? '', yes(stays)])
  return { json, text: table(cli.output, ['key', 'id', 'algorithm', 'key id', 'stays in the token'], rows) }
}

const yes = (stays: boolean): string => (stays ? 'yes' : 'no')

function shownId(cli: Cli, key: PublicKey): string | null {
  const kid = keyIdOf(key, '', cli.world.crypto)
  return isRefusal(kid) ? null : kid
}

/** `kid`, `alg` and `spki` are an anchor as the config files hold it. */
function described(
  cli: Cli,
  path: string,
  key: PublicKey,
  options: Options,
  more: readonly (readonly [string, string])[],
): Work {
  const kid = keyIdOf(key, path, cli.world.crypto)
  if (isRefusal(kid)) return kid
  const written: Refusal | null = options.public === undefined ? null : writePublicKey(options.public, key)
  if (written !== null) return written
  const lines = options.public === undefined ? more : [...more, ['public key', options.public] as const]
  const spki = key.spki.toBase64()
  return {
    json: { kid, alg: key.alg, spki, ...Object.fromEntries(lines.map(([name, file]) => [name.split(' ')[0], file])) },
    text: listing(cli.output, [['key id', kid], ['algorithm', key.alg], ['spki', spki], ...lines]),
  }
}
