import type { Command } from 'commander'
import { nodeCipher } from '../../../adapters/cipher-node.ts'
import { readConfig, writeWhole } from '../../../adapters/config-file.ts'
import { readRelease } from '../../../adapters/release-folder.ts'
import { loadPublicKey, loadWrappingKey } from '../../../adapters/signer-file.ts'
import { fromBase64, toHex } from '../../../core/encoding/bytes.ts'
import { readWrap, recipientId } from '../../../core/encoding/cose-recipient.ts'
import type { Crypto } from '../../../core/encoding/crypto.ts'
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
  const devices = readDeviceKeys(options.for, crypto)
  if (isRefusal(devices)) return devices
  const { controller } = options
  const chosen = controller === undefined ? devices : devices.filter(({ id }) => id === controller)
  const [asked] = chosen
  if (asked === undefined || chosen.length > 1) {
    const expected = controller === undefined ? 'one request, or --controller' : `a request of ${controller}`
    return refuse('config-malformed', options.for, expected, `${chosen.length} requests`)
  }
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

/** What a controller's request says of its decryption key, when its report key has vouched for it. */
export type DeviceKeys = { readonly id: string; readonly key: Uint8Array }

/**
 * The decryption keys of the requests in a file (enrolment.json). Refuses what `readConfig` refuses, `config-malformed`,
 * `controller-without-decryption-key`, and what `refuseDecryptionKey` refuses.
 */
export function readDeviceKeys(path: string, crypto: Crypto): readonly DeviceKeys[] | Refusal {
  const read = readConfig(path)
  if (isRefusal(read)) return read
  const { controllers } = Object(read) as { controllers?: unknown }
  if (!Array.isArray(controllers)) return refuse('config-malformed', path, 'a list of requests', 'none')
  const devices: DeviceKeys[] = []
  for (const one of controllers.map(item => Object(item) as Record<string, unknown>)) {
    const { key, signature } = Object(one.decryption) as Record<string, unknown>
    const [decryptionKey, proof, reportKey] = [key, signature, one.reportKey].map(bytesOf)
    const id = String(one.id)
    if (decryptionKey == null || proof == null || reportKey == null) {
      return refuse('controller-without-decryption-key', `${path}: ${id}`, 'a decryption key', 'none')
    }
    const fault = refuseDecryptionKey(decryptionKey, proof, reportKey, crypto, `${path}: ${id}`)
    if (fault !== null) return fault
    devices.push({ id, key: decryptionKey })
  }
  return devices
}

const bytesOf = (text: unknown): Uint8Array | null => (typeof text === 'string' ? fromBase64(text) : null)
