import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { readBytes, tryWriting, writeWhole } from '../../../adapters/config-file.ts'
import { PatchApplier } from '../../../core/delta/apply.ts'
import { carryOut, type PatchSlots } from '../../../core/delta/carry-out.ts'
import { containerOf } from '../../../core/delta/container.ts'
import { type Advice, adviceOn, densityOf, type Seen } from '../../../core/delta/density.ts'
import { likely } from '../../../core/delta/detect.ts'
import { blocksOf, memoryOf, type PatchHeader, parseHeader } from '../../../core/delta/patch.ts'
import { ARCHITECTURES, type Architecture } from '../../../core/delta/references.ts'
import { sameBytes, toHex } from '../../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { makePatch } from '../../process/patch-making.ts'
import { address, duration, oneOf, size } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { Progress } from '../progress.ts'
import { listing } from '../table.ts'

/** Larger images are no firmware: both are held in memory, and the new one twice. */
const MOST_BYTES = 512 * 1024 * 1024
const MEMORY = 64 * 1024 * 1024

/** What making a patch may take of the machine's memory beside the images, in bytes, when nobody says. */
const MAKING_MEMORY = 2 * 1024 * 1024 * 1024

type CreateOptions = {
  out: string
  arch: Architecture | 'auto'
  loadAddress?: number
  memory?: number
  timeLimit?: number
  generateMemory: number
}

export function addDelta(program: Command, cli: Cli): void {
  const delta = program.command('delta').description('make, look at and apply patches from one image to another')
  delta
    .command('create')
    .description('make the patch that turns one file into another')
    .argument('<old>', 'the image that is there')
    .argument('<new>', 'the image that is wanted')
    .requiredOption('-o, --out <file>', 'the patch to write')
    .option(
      '--arch <name>',
      `what references are written in: ${ARCHITECTURES.join(', ')}; auto takes what makes it smaller`,
      oneOf(['auto', ...ARCHITECTURES] as const),
      'auto' as const,
    )
    .option(
      '--load-address <hex>',
      'where the image is run from, such as 0x08008000; found in the image when left out',
      address,
    )
    .option(
      '--memory <bytes>',
      'memory that a controller has for applying it, such as 64KiB: the patch is made to fit',
      size,
    )
    .option(
      '--generate-memory <bytes>',
      'memory that making it may take beside the two images: of large ones, the more the smaller the patch',
      size,
      MAKING_MEMORY,
    )
    .option('--time-limit <duration>', 'give up when it takes longer, such as 2min', duration)
    .action(cli.act((old: string, now: string, options: CreateOptions) => create(cli, old, now, options)))
  delta
    .command('apply')
    .description('turn the old image into the new one, and hold both against the digests in the patch')
    .argument('<old>', 'the image that is there')
    .argument('<patch>', 'the patch')
    .requiredOption('-o, --out <file>', 'the new image to write')
    .option('--memory <bytes>', 'refuse a patch that needs more', size, MEMORY)
    .action(
      cli.act((old: string, patch: string, { out, memory }: { out: string; memory: number }) =>
        apply(cli, old, patch, out, memory),
      ),
    )
  delta
    .command('inspect')
    .description('say what a patch is for, and what it needs')
    .argument('<patch>', 'the patch')
    .action(cli.act((patch: string) => inspect(cli, patch)))
}

async function create(cli: Cli, oldFile: string, newFile: string, options: CreateOptions): Promise<Work> {
  const old = readBytes(oldFile, MOST_BYTES)
  if (isRefusal(old)) return old
  const now = readBytes(newFile, MOST_BYTES)
  if (isRefusal(now)) return now
  const taken = refuseOutput(options.out, [oldFile, newFile])
  if (taken !== null) return taken
  tryWriting(options.out)
  const seems = likely(old, now)
  const load = options.loadAddress ?? seems.load
  if (options.arch === 'cortex-m' && options.loadAddress === undefined && !seems.architectures.includes('cortex-m')) {
    const expected = '--load-address: where the image is run from'
    return refuse('usage-error', 'delta create', expected, 'none, and the image does not say')
  }
  const architectures = options.arch === 'auto' ? seems.architectures : [options.arch]
  // The images are the thread's from then on.
  const seen = { density: densityOf(now), containers: { old: containerOf(old), now: containerOf(now) } }
  const progress = new Progress(cli.output, 1)
  const making = {
    ...(options.timeLimit === undefined ? {} : { millis: options.timeLimit }),
    memory: options.generateMemory,
    tell: (share: number, doing: string) => progress.at(share, doing),
    // Ctrl-C ends it at once: nothing was written yet, and nothing will be.
    stop: cli.world.onStop(),
  }
  const fit = options.memory === undefined ? {} : { applierMemory: options.memory }
  const patch = await makePatch({ old, now, architectures, load: load ?? 0, ...fit }, making, options.out)
  if (isRefusal(patch)) return patch
  const header = parseHeader(patch, options.out) as PatchHeader
  const needed = memoryOf(header)
  if (options.memory !== undefined && needed > options.memory) {
    return refuse('patch-memory-refused', options.out, `at most ${options.memory} bytes of memory`, `${needed} bytes`)
  }
  writeWhole(options.out, patch)
  progress.end('written')
  return described(cli, options.out, patch, header, seen)
}

function apply(cli: Cli, oldFile: string, patchFile: string, out: string, memory: number): Work {
  const old = readBytes(oldFile, MOST_BYTES)
  if (isRefusal(old)) return old
  const patch = readBytes(patchFile, MOST_BYTES)
  if (isRefusal(patch)) return patch
  const header = parseHeader(patch, patchFile)
  if (isRefusal(header)) return header
  const { crypto } = cli.world
  if (old.length !== header.base.length || !sameBytes(crypto.sha256(old), header.base.digest)) {
    const expected = `${header.base.length} bytes with the digest ${toHex(header.base.digest)}`
    return refuse(
      'patch-base-differs',
      oldFile,
      expected,
      `${old.length} bytes with the digest ${toHex(crypto.sha256(old))}`,
    )
  }
  const applier = PatchApplier.of(header, crypto, { memory, room: MOST_BYTES })
  if (isRefusal(applier)) return applier
  const taken = refuseOutput(out, [oldFile, patchFile])
  if (taken !== null) return taken
  // A full disk says so before the work, not behind it.
  tryWriting(out, header.target.length)
  const now = new Uint8Array(header.target.length)
  const progress = new Progress(cli.output, Math.max(1, now.length))
  const fault = applied(applier, patch, { old, now }, written => progress.at(written, 'written'))
  if (fault !== null) return fault
  if (!applier.isWhole || !sameBytes(crypto.sha256(now), header.target.digest)) {
    return refuse('patch-target-differs', out, `an image with the digest ${toHex(header.target.digest)}`, 'another one')
  }
  writeWhole(out, now)
  progress.end('written, and its digest is right')
  const digest = toHex(header.target.digest)
  return {
    json: { file: out, bytes: now.length, sha256: digest },
    text: listing(cli.output, [
      ['image', `${out}, ${now.length} bytes`],
      ['SHA-256', digest],
    ]),
  }
}

/** What is written takes the place of what is there: not that of an input, by whatever name, and not that of a device. */
function refuseOutput(out: string, inputs: readonly string[]): Refusal | null {
  const there = statSync(out, { throwIfNoEntry: false })
  if (there === undefined || there.isDirectory()) return null
  if (!there.isFile()) return refuse('file-exists', out, 'a file, or nothing yet', 'a device or a pipe')
  const same = inputs.find(input => {
    const { dev, ino } = statSync(input)
    return dev === there.dev && ino === there.ino
  })
  return same === undefined ? null : refuse('file-exists', out, `another file than ${same}`, 'the same one')
}

type Images = { readonly old: Uint8Array; readonly now: Uint8Array }

/** Block after block into memory. */
function applied(
  applier: PatchApplier,
  patch: Uint8Array,
  { old, now }: Images,
  tell: (written: number) => void,
): Refusal | null {
  const slots: PatchSlots = {
    readOld: (at, length) => old.subarray(at, at + length),
    readNew: (at, length) => now.subarray(at, at + length),
    write: (at, bytes) => {
      now.set(bytes, at)
      return null
    },
  }
  for (const block of blocksOf(patch)) {
    const fault = carryOut(applier.take(block), slots)
    if (fault !== null) return fault
    tell(applier.progress.written)
  }
  return null
}

function inspect(cli: Cli, file: string): Work {
  const patch = readBytes(file, MOST_BYTES)
  if (isRefusal(patch)) return patch
  const header = parseHeader(patch, file)
  return isRefusal(header) ? header : described(cli, file, patch, header, null)
}

/** `seen`: of the images, where they are at hand. */
function described(cli: Cli, file: string, patch: Uint8Array, header: PatchHeader, seen: Seen | null): Work {
  const { architecture, load, base, target, covers } = header
  const share = target.length === 0 ? 0 : patch.length / target.length
  const memory = memoryOf(header)
  const advice = adviceOn(header, patch.length, seen)
  const side = ({ length, digest }: PatchHeader['base']) => `${length} bytes, SHA-256 ${toHex(digest)}`
  return {
    json: {
      file,
      bytes: patch.length,
      architecture,
      loadAddress: load,
      base: { bytes: base.length, sha256: toHex(base.digest) },
      target: { bytes: target.length, sha256: toHex(target.digest) },
      covers,
      memory,
      advice,
    },
    text: listing(cli.output, [
      ['patch', `${file}, ${patch.length} bytes: ${(100 * share).toFixed(1)} % of the new image`],
      ['from', side(base)],
      ['to', side(target)],
      [
        'architecture',
        architecture === 'none' || base.length === 0
          ? architecture
          : `${architecture}, run from 0x${load.toString(16).padStart(8, '0')}`,
      ],
      ['covers', String(covers)],
      ['memory to apply it', `${memory} bytes`],
      ...(advice === null ? [] : [[adviceName(advice), { text: advice.text, tone: 'warn' }] as const]),
    ]),
  }
}

const adviceName = ({ container }: Advice): string => (container === null ? 'not small' : 'not as flashed')
