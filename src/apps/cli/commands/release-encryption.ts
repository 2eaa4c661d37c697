import type { Command } from 'commander'
import { nodeCipher } from '../../../adapters/cipher-node.ts'
import { readConfig, writeWhole } from '../../../adapters/config-file.ts'
import { readRelease } from '../../../adapters/release-folder.ts'
import { loadPublicKey } from '../../../adapters/signer-file.ts'
import { loadWrappingKey } from '../../../adapters/wrapping-key-file.ts'
import { fromBase64, toHex } from '../../../core/encoding/bytes.ts'
import { readWrap, recipientId } from '../../../core/encoding/cose-recipient.ts'
import { areImagesOf } from '../../../core/firmware/acceptance.ts'
import { carriedBy } from '../../../core/firmware/encryption.ts'
import type { ReleaseFacts } from '../../../core/firmware/release-facts.ts'
import { inspectEnvelope } from '../../../core/firmware/suit-open.ts'
import { refuseDecryptionKey } from '../../../core/fleet/decryption-key.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { decryptPayload } from '../../../flows/decrypt.ts'
import { contentKeyWith, type EncryptTo, rewrap } from '../../../flows/encrypt.ts'
import type { Cli, Work } from '../cli.ts'
import { type Cell, listing } from '../table.ts'

/** The options of `release create` by which a release is encrypted. */
export type EncryptOptions = { encryptTo: readonly string[]; segment?: number }

/** Whom a release is encrypted to; undefined when nobody was named. Refuses what `loadPublicKey` refuses, `usage-error`. */
export function encryptTo({ encryptTo: files, segment }: EncryptOptions): EncryptTo | undefined | Refusal {
  if (files.length === 0) {
    return segment === undefined ? undefined : refuse('usage-error', 'release create --segment', '--encrypt-to', 'none')
  }
  const keys: Uint8Array[] = []
  for (const file of files) {
    const key = loadPublicKey(file)
    if (isRefusal(key)) return key
    keys.push(key.spki)
  }
  return { keys, cipher: nodeCipher, ...(segment === undefined ? {} : { segmentBytes: segment }) }
}

/** How a release travels encrypted, one to a line; nothing for one that travels in the clear. */
export function encryptionLines(facts: ReleaseFacts): (readonly [name: string, value: Cell])[] {
  const { encryption } = facts
  if (encryption === null) return []
  const { sha256, length } = carriedBy(facts)
  return [
    ['encrypted', `AES-256-GCM, segments of ${encryption.segmentBytes} bytes`],
    ['ciphertext', `${length} bytes, SHA-256 ${sha256}`],
  ]
}

/** The ids of the keys that the content key beside a release is wrapped for. */
export function recipientsOf(contentKeys: readonly Uint8Array[], subject: string): string[] | Refusal {
  const ids: string[] = []
  for (const bytes of contentKeys) {
    const wrap = readWrap(bytes, subject)
    if (isRefusal(wrap)) return wrap
    ids.push(toHex(wrap.recipient))
  }
  return ids
}

/**
 * Decrypts a verified release with a wrapping key, and compares the images with what the manifest says of them. Refuses what
 * `loadWrappingKey`, `contentKeyWith`, `decryptPayload` and `areImagesOf` refuse.
 */
export async function verifyPlaintext(
  { world: { crypto } }: Cli,
  facts: ReleaseFacts,
  { payload, contentKeys }: { readonly payload: Uint8Array; readonly contentKeys: readonly Uint8Array[] },
  keyFile: string,
): Promise<Refusal | null> {
  const { encryption } = facts
  if (encryption === null)
    return refuse('usage-error', 'verify --wrapping-key', 'an encrypted release', 'one in the clear')
  const holder = loadWrappingKey(keyFile)
  if (isRefusal(holder)) return holder
  const key = await contentKeyWith(contentKeys, encryption, holder, { cipher: nodeCipher, crypto }, 'the release')
  if (isRefusal(key)) return key
  const images = decryptPayload({ ...facts, encryption }, payload, key, nodeCipher)
  key.fill(0)
  return isRefusal(images) ? images : areImagesOf(facts, images, crypto)
}

type WrapOptions = { wrappingKey: string; for: string; controller?: string }

export function addWrap(release: Command, cli: Cli): void {
  release
    .command('wrap')
    .description('wrap the content key of an encrypted release for one controller, for an update on the spot')
    .argument('<release>', 'a release folder')
    .argument('<file>', 'the file to write')
    .requiredOption('--wrapping-key <file>', 'the private key that the release was encrypted to')
    .requiredOption('--for <file>', 'the controller’s request (enrolment.json)')
    .option('--controller <id>', 'which of the controllers in it')
    .action(cli.act((folder: string, file: string, options: WrapOptions) => wrap(cli, folder, file, options)))
}

async function wrap(cli: Cli, folder: string, file: string, options: WrapOptions): Promise<Work> {
  const { crypto } = cli.world
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const seen = inspectEnvelope(files.envelope, crypto)
  if (isRefusal(seen)) return seen
  const { encryption } = seen.facts
  if (encryption === null) return refuse('usage-error', folder, 'an encrypted release', 'one in the clear')
  const holder = loadWrappingKey(options.wrappingKey)
  if (isRefusal(holder)) return holder
  const asked = readRequest(options)
  if (isRefusal(asked)) return asked
  const fault = refuseDecryptionKey(asked.key, asked.signature, asked.reportKey, crypto, asked.id)
  if (fault !== null) return fault
  const tools = { cipher: nodeCipher, crypto }
  const wrapped = await rewrap({ contentKeys: files.contentKeys, encryption }, holder, asked.key, tools, folder)
  if (isRefusal(wrapped)) return wrapped
  writeWhole(file, wrapped)
  const recipient = toHex(recipientId(asked.key, crypto))
  return {
    json: { file, controller: asked.id, key: recipient },
    text: listing(cli.output, [
      ['wrap', file],
      ['for', asked.id],
      ['decryption key', recipient],
    ]),
  }
}

type Request = { id: string; key: Uint8Array; signature: Uint8Array; reportKey: Uint8Array }

function readRequest({ for: path, controller }: WrapOptions): Request | Refusal {
  const read = readConfig(path)
  if (isRefusal(read)) return read
  const { controllers } = Object(read) as { controllers?: unknown }
  const all = (Array.isArray(controllers) ? controllers : []).map(one => Object(one) as Record<string, unknown>)
  const chosen = controller === undefined ? all : all.filter(({ id }) => id === controller)
  const [one] = chosen
  if (one === undefined || chosen.length > 1) {
    const named = controller === undefined ? 'one request, or --controller' : `a request of ${controller}`
    return refuse('config-malformed', path, named, `${chosen.length} requests`)
  }
  const { key, signature } = Object(one.decryption) as Record<string, unknown>
  const [id, ...texts] = [one.id, key, signature, one.reportKey]
  const bytes = texts.map(text => (typeof text === 'string' ? fromBase64(text) : null))
  if (typeof id !== 'string' || bytes.some(part => part === null)) {
    return refuse('controller-without-decryption-key', path, 'a request with a decryption key', 'none')
  }
  const [decryptionKey, proof, reportKey] = bytes as Uint8Array[]
  return { id, key: decryptionKey!, signature: proof!, reportKey: reportKey! }
}
