import type { Command } from 'commander'
import { nodeCipher } from '../../../adapters/cipher-node.ts'
import { loadWrappingKey } from '../../../adapters/signer-file.ts'
import { fromBase64, toBase64, toHex } from '../../../core/encoding/bytes.ts'
import { MAX_ENVELOPE_BYTES } from '../../../core/firmware/suit-envelope.ts'
import { inspectEnvelope } from '../../../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { readImageTarget } from '../../../core/trust/image-target.ts'
import { type EncryptedRelease, rewrap } from '../../../flows/encrypt.ts'
import type { WrappingKey } from '../../../flows/ports.ts'
import type { BringWraps } from '../../../wire/fleet-api.ts'
import type { WrapsView } from '../../../wire/fleet-views.ts'
import { namedFiles } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { type OpenedRepository, openRepository } from '../repository.ts'
import { checkNames, type Session, withSession } from '../session.ts'
import { listing } from '../table.ts'
import { type DeviceKeys, readDeviceKeys } from './release-encryption.ts'

type Options = {
  wrappingKey: string
  site: readonly { name: string; file: string }[]
  again?: boolean
  profile?: string
}

export function addCampaignWrap(campaign: Command, cli: Cli): void {
  campaign
    .command('wrap')
    .description(
      'wrap the content keys of a campaign’s encrypted releases, where the fleet server holds no wrapping key',
    )
    .argument('<id>', 'the campaign')
    .requiredOption('--wrapping-key <file>', 'the private key that the releases were encrypted to')
    .requiredOption(
      '--site <site=file>',
      'the requests of a site’s controllers, as they came from the controllers (enrolment.json); repeatable',
      namedFiles,
    )
    .option('--again', 'wrap for all its controllers, and replace the wraps that are there, when one of them was wrong')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act(
        (id: string, options: Options) =>
          checkNames('campaign', id) ?? withSession(cli, options.profile, session => wrap(cli, session, id, options)),
      ),
    )
}

/**
 * The server says for whom a wrap is missing, and nothing else: the keys come from files that the person trusts, and the
 * releases from the image repository, verified here. A server that was taken over cannot have a content key wrapped for itself.
 */
async function wrap(cli: Cli, session: Session, id: string, options: Options): Promise<Work> {
  const holder = loadWrappingKey(options.wrappingKey)
  if (isRefusal(holder)) return holder
  const devices = readSites(cli, options.site)
  if (isRefusal(devices)) return devices
  const asked = await session.list<WrapsView[number]>(
    `/v1/campaigns/${id}/wraps${options.again === true ? '?again=true' : ''}`,
  )
  if (isRefusal(asked)) return asked
  if (asked.length === 0) return { json: { campaign: id, taken: 0, missing: 0 }, text: 'Nothing is to be wrapped.' }
  const images = await openRepository(cli, session, 'image')
  if (isRefusal(images)) return images
  const releases = new Map<string, EncryptedRelease>()
  const wraps: BringWraps['wraps'] = []
  for (const { site, controller, path, envelope } of asked) {
    const key = `${site}/${controller}`
    const device = devices.get(key)
    if (device === undefined) {
      return refuse('controller-unknown', key, 'a controller of the files that were given', 'one that the server names')
    }
    const release = releases.get(path) ?? (await releaseAt(cli, session, images, path, envelope))
    if (isRefusal(release)) return release
    releases.set(path, release)
    const wrapped = await rewrapped(cli, release, holder, device.key, `${key}: ${path}`)
    if (isRefusal(wrapped)) return wrapped
    wraps.push({ site, controller, envelope, wrap: wrapped })
  }
  cli.output.progress(`Wrapped for ${wraps.length} controllers.`)
  const result = await session.post<{ taken: number; missing: number }>(`/v1/campaigns/${id}/wraps`, { wraps })
  if (isRefusal(result)) return result
  return {
    json: { campaign: id, ...result },
    text: listing(cli.output, [
      ['campaign', id],
      ['wraps', String(result.taken)],
      ['still missing', String(result.missing)],
    ]),
  }
}

async function rewrapped(
  { world: { crypto } }: Cli,
  release: EncryptedRelease,
  holder: WrappingKey,
  decryptionKey: Uint8Array,
  subject: string,
): Promise<string | Refusal> {
  const wrapped = await rewrap(release, holder, decryptionKey, { cipher: nodeCipher, crypto }, subject)
  return isRefusal(wrapped) ? wrapped : toBase64(wrapped)
}

function readSites(cli: Cli, files: Options['site']): ReadonlyMap<string, DeviceKeys> | Refusal {
  const devices = new Map<string, DeviceKeys>()
  for (const { name, file } of files) {
    const read = readDeviceKeys(file, cli.world.crypto)
    if (isRefusal(read)) return read
    for (const device of read) devices.set(`${name}/${device.id}`, device)
  }
  return devices
}

/** A published release by what the maker signed of it, verified on this machine. Refuses `blob-digest-mismatch`. */
async function releaseAt(
  { world: { crypto } }: Cli,
  session: Session,
  images: OpenedRepository,
  path: string,
  envelope: string,
): Promise<EncryptedRelease | Refusal> {
  const target = await images.target(path)
  if (isRefusal(target)) return target
  if (target === null || target.sha256 !== envelope) {
    return refuse('not-found', path, 'a published release', target === null ? 'none of that path' : 'another one')
  }
  const named = readImageTarget(target)
  if (isRefusal(named)) return named
  const bytes = await session.getBytes(`/v1/blobs/${envelope}`, MAX_ENVELOPE_BYTES)
  if (isRefusal(bytes)) return bytes
  const found = toHex(crypto.sha256(bytes))
  if (found !== envelope) return refuse('blob-digest-mismatch', path, `SHA-256 ${envelope}`, `SHA-256 ${found}`)
  const seen = inspectEnvelope(bytes, crypto)
  if (isRefusal(seen)) return seen
  const { encryption } = seen.facts
  const contentKeys = (named.encrypted?.contentKeys ?? []).map(fromBase64).filter(key => key !== null)
  if (encryption === null || contentKeys.length === 0) {
    return refuse('content-keys-missing', path, 'an encrypted release with its content key', 'none')
  }
  return { contentKeys, encryption }
}
