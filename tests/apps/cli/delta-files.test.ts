import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { drawn } from '../../core/delta/images.ts'
import { commandLine } from '../../worlds/command-line.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-delta-files-'))
after(() => rmSync(root, { recursive: true, force: true }))
const file = (name: string, bytes?: Uint8Array): string => {
  const path = join(root, name)
  if (bytes !== undefined) writeFileSync(path, bytes)
  return path
}
const OLD = file('old.bin', drawn(5, 9000))
const NEW = file('new.bin', drawn(5, 9000).slice(40))
const EMPTY = file('empty.bin', new Uint8Array(0))

/** What a command says when it refuses. */
async function said(
  ...argv: readonly string[]
): Promise<{ code: string; title: string; detail: string } & Record<string, unknown>> {
  const { out, err } = await commandLine(['delta', ...argv, '--json'])
  assert.notEqual(out, '', err)
  return JSON.parse(out)
}

describe('voltseal delta and the files that it is given', () => {
  const patch = file('good.patch')

  it('takes what is no file, or is far too long, for what it is', async () => {
    assert.equal((await commandLine(['delta', 'create', OLD, NEW, '-o', patch])).exit, 0)
    const huge = file('huge.bin', new Uint8Array(1))
    truncateSync(huge, 600 * 1024 * 1024)
    const out = file('out.bin')
    // A pipe stands for devices: were one of the machine's written over, it would be gone.
    const pipe = file('pipe')
    execFileSync('mkfifo', [pipe])
    for (const [what, argv, code] of [
      ['a folder', ['create', root, NEW, '-o', out], 'file-unreadable'],
      ['a device without end', ['create', '/dev/zero', NEW, '-o', out], 'file-unreadable'],
      ['a device without end as the new image', ['create', OLD, '/dev/zero', '-o', out], 'file-unreadable'],
      ['a device as the patch', ['apply', OLD, '/dev/zero', '-o', out], 'file-unreadable'],
      ['nothing', ['create', file('none'), NEW, '-o', out], 'file-missing'],
      ['more than any image', ['create', huge, NEW, '-o', out], 'file-too-large'],
      ['more than any patch', ['inspect', huge], 'file-too-large'],
      ['an empty patch', ['apply', OLD, EMPTY, '-o', out], 'patch-malformed'],
      ['an empty patch to look at', ['inspect', EMPTY], 'patch-malformed'],
      ['an image for a patch', ['inspect', OLD], 'patch-malformed'],
      ['a folder to write to', ['create', OLD, NEW, '-o', root], 'file-exists'],
      ['a pipe to write to', ['create', OLD, NEW, '-o', pipe], 'file-exists'],
      ['a pipe to write an image to', ['apply', OLD, patch, '-o', pipe], 'file-exists'],
      ['a file on the way', ['apply', OLD, patch, '-o', join(OLD, 'x')], 'file-exists'],
      ['the old image to write to', ['create', OLD, NEW, '-o', OLD], 'file-exists'],
      ['the new image to write to', ['create', OLD, NEW, '-o', NEW], 'file-exists'],
      ['the patch to write to', ['apply', OLD, patch, '-o', patch], 'file-exists'],
    ] as const) {
      const refused = await said(...argv)
      assert.equal(refused.code, code, what)
      assert(refused.detail.length > refused.title.length + 20, `${what}: ${refused.detail}`)
    }
    assert.throws(() => readFileSync(out))
    assert.deepEqual(new Uint8Array(readFileSync(OLD)), drawn(5, 9000))
  })

  it('knows its inputs by whatever name they are to be written over', async () => {
    const [linked, pointed] = [file('linked.bin'), file('pointed.bin')]
    linkSync(OLD, linked)
    symlinkSync(OLD, pointed)
    for (const out of [linked, pointed]) assert.equal((await said('create', OLD, NEW, '-o', out)).code, 'file-exists')
    assert.deepEqual(new Uint8Array(readFileSync(OLD)), drawn(5, 9000))
  })

  it('refuses an image of two gigabytes before it takes memory for it', async () => {
    const bytes = new Uint8Array(readFileSync(patch))
    bytes.set([0xff, 0xff, 0xff, 0x7f], 16)
    assert.equal((await said('apply', OLD, file('two.patch', bytes), '-o', file('two.bin'))).code, 'patch-no-room')
  })

  it('makes patches from nothing, to nothing, and between the same', async () => {
    for (const [from, to] of [
      [EMPTY, NEW],
      [OLD, EMPTY],
      [EMPTY, EMPTY],
      [OLD, OLD],
    ] as const) {
      const [made, out] = [file('edge.patch'), file('edge.bin')]
      assert.equal((await commandLine(['delta', 'create', from, to, '-o', made])).exit, 0)
      assert.equal((await commandLine(['delta', 'inspect', made])).exit, 0)
      assert.equal((await commandLine(['delta', 'apply', from, made, '-o', out])).exit, 0)
      assert.deepEqual(readFileSync(out), readFileSync(to))
      if (from === to) assert(readFileSync(made).length < 180, `${readFileSync(made).length} bytes for no change`)
    }
  })

  it('writes into folders that are not there yet, whole or not at all, also when it runs twice at once', async () => {
    const folder = join(root, 'a', 'b')
    const out = join(folder, 'twice.patch')
    const both = await Promise.all([1, 2].map(() => commandLine(['delta', 'create', OLD, NEW, '-o', out])))
    assert.deepEqual(
      both.map(({ exit }) => exit),
      [0, 0],
    )
    const image = join(folder, 'new.bin')
    assert.equal((await commandLine(['delta', 'apply', OLD, out, '-o', image])).exit, 0)
    assert.deepEqual(readFileSync(image), readFileSync(NEW))
    assert.deepEqual(readdirSync(folder).toSorted(), ['new.bin', 'twice.patch'])
  })

  it('says of a full disk that it is full, and leaves nothing on it', async t => {
    const disk = file('disk')
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'none', disk], { stdio: 'ignore' })
    } catch {
      return t.skip('this user may not mount a small disk')
    }
    try {
      const noise = file('noise.bin', drawn(77, 60_000))
      const all = file('noise.patch')
      assert.equal((await commandLine(['delta', 'create', EMPTY, noise, '-o', all])).exit, 0)
      assert.equal((await said('create', EMPTY, noise, '-o', join(disk, 'new.patch'))).code, 'no-space')
      assert.equal((await said('apply', EMPTY, all, '-o', join(disk, 'new.bin'))).code, 'no-space')
      assert.deepEqual(readdirSync(disk), [])
    } finally {
      execFileSync('umount', [disk])
    }
  })

  it('makes a patch that fits the memory of the controller, where it can', async () => {
    const small = file('small.patch')
    const made = await said('create', OLD, NEW, '-o', small, '--memory', '16KiB')
    assert((made.memory as number) <= 16 * 1024, `${made.memory}`)
    const out = file('small.bin')
    assert.equal((await commandLine(['delta', 'apply', OLD, small, '-o', out, '--memory', '16KiB'])).exit, 0)
    assert.deepEqual(readFileSync(out), readFileSync(NEW))
  })
})
