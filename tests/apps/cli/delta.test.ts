import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { intelHex } from '../../core/delta/containers.ts'
import { drawn } from '../../core/delta/images.ts'
import { realImage } from '../../core/delta/real-firmware.ts'
import { commandLine } from '../../worlds/command-line.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-delta-'))
after(() => rmSync(root, { recursive: true, force: true }))
const file = (name: string, bytes?: Uint8Array): string => {
  const path = join(root, name)
  if (bytes !== undefined) writeFileSync(path, bytes)
  return path
}
const OLD = file('old.bin', realImage('essentialhub', '7-27'))
const NEW = file('new.bin', realImage('essentialhub', '7-28'))
const OTHER = file('other.bin', drawn(3, 5000))

describe('voltseal delta', () => {
  it('makes a patch, says what it is for, and makes the new image of it', async () => {
    const patch = file('new.patch')
    const made = await commandLine(['delta', 'create', OLD, NEW, '-o', patch, '--json'])
    assert.equal(made.exit, 0, made.err)
    const said = JSON.parse(made.out)
    assert.equal(said.architecture, 'cortex-m')
    assert.equal(said.loadAddress, 0x0800_8000)
    assert.equal(said.bytes, readFileSync(patch).length)
    const inspected = await commandLine(['delta', 'inspect', patch, '--json'])
    assert.deepEqual(JSON.parse(inspected.out), said)
    const again = file('again.bin')
    const applied = await commandLine(['delta', 'apply', OLD, patch, '-o', again])
    assert.equal(applied.exit, 0, applied.err)
    assert.deepEqual(readFileSync(again), readFileSync(NEW))
    for (const [what, argv, code] of [
      ['another base', ['delta', 'apply', OTHER, patch, '-o', again], 'patch-base-differs'],
      ['a file that is no patch', ['delta', 'apply', OLD, OTHER, '-o', again], 'patch-malformed'],
      ['too little memory', ['delta', 'apply', OLD, patch, '-o', again, '--memory', '10KiB'], 'patch-memory-refused'],
      ['no file', ['delta', 'apply', OLD, file('none'), '-o', again], 'file-missing'],
      [
        'memory that no patch fits',
        ['delta', 'create', OLD, NEW, '-o', patch, '--memory', '1KiB'],
        'patch-memory-refused',
      ],
      [
        'memory that is too little for making it',
        ['delta', 'create', OLD, NEW, '-o', patch, '--generate-memory', '8MiB'],
        'patch-too-large',
      ],
      ['no load address', ['delta', 'create', OTHER, NEW, '-o', patch, '--arch', 'cortex-m'], 'usage-error'],
    ] as const) {
      const refused = await commandLine([...argv, '--json'])
      assert.notEqual(refused.exit, 0, what)
      assert.equal(JSON.parse(refused.out).code, code, what)
    }
  })

  it('compresses an image from nothing, and then does not say where nothing is run from', async () => {
    const nothing = file('nothing.bin', new Uint8Array(0))
    const patch = file('whole.patch')
    for (const [arch, said] of [
      ['auto', /^architecture +none$/m],
      ['riscv', /^architecture +riscv$/m],
    ] as const) {
      const made = await commandLine(['delta', 'create', nothing, OTHER, '-o', patch, '--arch', arch])
      assert.match(made.out, said)
      const again = file('whole.bin')
      assert.equal((await commandLine(['delta', 'apply', nothing, patch, '-o', again])).exit, 0)
      assert.deepEqual(readFileSync(again), readFileSync(OTHER))
    }
  })

  it('says when what is packed cannot be patched, and how to build it instead', async () => {
    const [old, now] = [gzipSync(readFileSync(OLD)), gzipSync(readFileSync(NEW))].map((bytes, at) =>
      file(`${at}.gz`, bytes),
    ) as [string, string]
    const patch = file('packed.patch')
    const made = await commandLine(['delta', 'create', old, now, '-o', patch])
    assert.equal(made.exit, 0, made.err)
    assert.match(made.out, /not small +it is compressed or encrypted \(gzip\)/)
    assert.match(made.out, /erofs without -z or as ext4/)
    const { advice } = JSON.parse((await commandLine(['delta', 'inspect', patch, '--json'])).out)
    assert(advice.share > 0.5)
    assert.match(advice.text, /compressed or encrypted/)
  })

  it('says when images are not what stands in flash, and how to make that', async () => {
    const [old, now] = [OLD, NEW].map((path, at) =>
      file(`${at}.hex`, intelHex(new Uint8Array(readFileSync(path)).subarray(0, 20_000))),
    ) as [string, string]
    const made = await commandLine(['delta', 'create', old, now, '-o', file('hex.patch')])
    assert.equal(made.exit, 0, made.err)
    assert.match(made.out, /not as flashed +both images are Intel HEX/)
    assert.match(made.out, /objcopy -I ihex -O binary --gap-fill 0xff image\.hex image\.bin/)
    const again = await commandLine(['delta', 'create', OTHER, now, '-o', file('hex.patch'), '--json'])
    const { advice } = JSON.parse(again.out)
    assert.equal(advice.container, 'intel-hex')
    assert.match(advice.text, /^the new image is Intel HEX/)
  })

  it('attack: a patch that somebody cut or changed makes no file', async () => {
    const patch = file('small.patch')
    const old = file('small.bin', drawn(5, 9000))
    const now = file('smaller.bin', drawn(5, 9000).slice(40))
    assert.equal((await commandLine(['delta', 'create', old, now, '-o', patch])).exit, 0)
    const bytes = new Uint8Array(readFileSync(patch))
    const changed = bytes.slice()
    changed[bytes.length - 1]! ^= 1
    for (const [what, other, code] of [
      ['cut', bytes.slice(0, -2), 'patch-malformed'],
      ['cut behind a block', bytes.slice(0, 108), 'patch-target-differs'],
      ['changed', changed, 'patch-altered'],
      ['with another behind it', Uint8Array.of(...bytes, ...bytes.slice(108)), 'patch-malformed'],
    ] as const) {
      const out = file(`${code}.bin`)
      const refused = await commandLine(['delta', 'apply', old, file('other.patch', other), '-o', out, '--json'])
      assert.equal(JSON.parse(refused.out).code, code, what)
      assert.throws(() => readFileSync(out), what)
    }
  })

  it('leaves nothing when Ctrl-C ends it, or its time is over', async () => {
    const folder = mkdtempSync(join(root, 'ended-'))
    const argv = ['delta', 'create', OLD, NEW, '-o', join(folder, 'new.patch')]
    const child = spawn(join(import.meta.dirname, '../../../bin/voltseal'), argv, {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    // The first word of how far it is.
    child.stderr.once('data', () => child.kill('SIGINT'))
    const err: Buffer[] = []
    child.stderr.on('data', (data: Buffer) => err.push(data))
    const [exit] = (await once(child, 'close')) as [number]
    assert.equal(exit, 75)
    assert.match(Buffer.concat(err).toString(), /patch-cancelled/)
    const slow = await commandLine([...argv, '--time-limit', '1ms', '--json'])
    assert.equal(JSON.parse(slow.out).code, 'patch-too-slow')
    assert.deepEqual(readdirSync(folder), [])
  })
})
