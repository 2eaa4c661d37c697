import type { Command } from 'commander'
import { writeWhole } from '../../../adapters/config-file.ts'
import { readRelease } from '../../../adapters/release-folder.ts'
import { loadPublicKey } from '../../../adapters/signer-file.ts'
import { toHex } from '../../../core/encoding/bytes.ts'
import { isMcuboot } from '../../../core/firmware/mcuboot/agree.ts'
import { TLV } from '../../../core/firmware/mcuboot/layout.ts'
import { type McubootImage, readMcuboot, verifyMcuboot } from '../../../core/firmware/mcuboot/read.ts'
import { mcubootSlot, USUAL_BUILD } from '../../../core/firmware/mcuboot/trailer.ts'
import { inspectEnvelope } from '../../../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { size, whole } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { type Cell, listing } from '../table.ts'

type SlotOptions = {
  key: string
  slot: number
  writeUnit: number
  sectors: number
  overwrite?: boolean
  confirmed?: boolean
}

export function addFlashImage(release: Command, cli: Cli): void {
  const { writeBytes, sectors } = USUAL_BUILD
  release
    .command('flash-image')
    .description('write the MCUboot image of a release as a whole slot, for a programmer; verifies it first')
    .argument('<release>', 'a release folder')
    .argument('<file>', 'the file to write')
    .requiredOption('--key <file>', 'the public key that the boot loaders were built with (.pub)')
    .requiredOption('--slot <bytes>', 'bytes of the slot, such as 512KiB', size)
    .option('--write-unit <bytes>', 'the write unit of the flash: 1 to 32', whole, writeBytes)
    .option(
      '--sectors <n>',
      'sectors of a slot that the boot loader swaps at most (BOOT_MAX_IMG_SECTORS)',
      whole,
      sectors,
    )
    .option('--overwrite', 'the boot loader overwrites, and keeps no place for a swap')
    .option('--confirmed', 'it stays without being confirmed: for the factory')
    .action(cli.act((folder: string, file: string, options: SlotOptions) => flashImage(cli, folder, file, options)))
}

function flashImage(cli: Cli, folder: string, file: string, options: SlotOptions): Work {
  const { slot, writeUnit: writeBytes, sectors, overwrite = false, confirmed = false } = options
  if (overwrite && confirmed) {
    return refuse('usage-error', 'flash-image', '--confirmed or --overwrite', 'both: there is nothing to confirm')
  }
  const key = loadPublicKey(options.key)
  if (isRefusal(key)) return key
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const seen = inspectEnvelope(files.envelope, cli.world.crypto)
  if (isRefusal(seen)) return seen
  if (seen.facts.encryption !== null) {
    return refuse('release-encrypted', folder, 'an image in the clear', 'a ciphertext')
  }
  const read = readMcuboot(files.payload, folder)
  const fault = isRefusal(read) ? read : verifyMcuboot(read, key, folder, cli.world.crypto)
  if (isRefusal(read) || fault !== null) return (fault ?? read) as Refusal
  // What is behind the image are the further images of the release: each has a slot of its own.
  const image = files.payload.subarray(0, files.payload.length - read.trailing)
  const build = { slotBytes: slot, writeBytes, sectors: overwrite ? null : sectors }
  const bytes = mcubootSlot(image, build, confirmed)
  if (isRefusal(bytes)) return bytes
  writeWhole(file, bytes)
  const stays = confirmed ? 'stays' : 'is tried, and stays when it is confirmed'
  const { major, minor, revision } = read.facts.version
  return {
    json: { file, bytes: bytes.length, image: image.length, confirmed },
    text: listing(cli.output, [
      ['slot', `${file}, ${bytes.length} bytes`],
      ['image', `${major}.${minor}.${revision}, ${image.length} bytes`],
      ['next start', stays],
    ]),
  }
}

/** The MCUboot image in a payload, when it is one. */
export function mcubootIn(payload: Uint8Array, subject: string): McubootImage | null | Refusal {
  return isMcuboot(payload) ? readMcuboot(payload, subject) : null
}

/** What an image for MCUboot says, one fact to a line. */
export function mcubootLines({ facts, hashed, open }: McubootImage): (readonly [name: string, value: Cell])[] {
  const { major, minor, revision, build } = facts.version
  const needs = facts.dependencies.map(
    ({ image, atLeast: { major, minor, revision } }) => `image ${image} from ${major}.${minor}.${revision}`,
  )
  const keyHash = open.find(({ type }) => type === TLV.keyHash)
  const known: readonly number[] = Object.values(TLV)
  const others = [...hashed, ...open].filter(({ type }) => !known.includes(type))
  return [
    [
      'MCUboot',
      `${major}.${minor}.${revision}+${build}, header of ${facts.headerBytes} bytes, counter ${facts.counter ?? 'none'}`,
    ],
    ...(needs.length === 0 ? [] : [['MCUboot needs', needs.join('; ')] as const]),
    ['MCUboot key', keyHash === undefined ? 'none' : toHex(keyHash.value)],
    ...others.map(({ type, value }) => ['MCUboot TLV', `0x${type.toString(16)}, ${value.length} bytes`] as const),
  ]
}
