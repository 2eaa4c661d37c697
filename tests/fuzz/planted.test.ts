import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inputOf } from './input.ts'
import { runOne } from './run.ts'
import { targetNamed } from './targets.ts'

/**
 * The fuzzer finds: in a copy of the project a reader loses a line that it needs, and `npm run fuzz` must say so, with a
 * seed that shows it again and ends with 1, in the copy and not in the project.
 */
type Planted = {
  readonly name: string
  readonly target: string
  readonly kind: string
  readonly file: string
  readonly edits: readonly (readonly [text: string, without: string])[]
}

const JSON_READER = 'src/core/encoding/strict-json.ts'
const MCUBOOT = 'src/core/firmware/mcuboot/read.ts'

const PLANTED: readonly Planted[] = [
  {
    name: 'an applier of patches that believes its covers reads outside of the base',
    target: 'patch',
    kind: 'crash',
    file: 'src/core/delta/apply.ts',
    edits: [['cover.old < 0 || cover.old + cover.length > base.length', 'cover.old < -99_999']],
  },
  {
    name: 'a reader of JSON without its limit of depth runs out of stack',
    target: 'json',
    kind: 'crash',
    file: JSON_READER,
    edits: [["if (depth >= MAX_DEPTH && (next === '{' || next === '['))", 'if (depth < 0)']],
  },
  {
    name: 'a reader of JSON that takes a name twice sees another document than others',
    target: 'json',
    kind: 'crash',
    file: JSON_READER,
    edits: [
      ['if (Object.hasOwn(members, name)) throw', 'if (depth < 0) throw'],
      ['members[name] = this.#value(depth + 1)', 'const value = this.#value(depth + 1); members[name] ??= value'],
    ],
  },
  {
    name: 'an area of MCUboot whose entries may be of no length never ends',
    target: 'mcuboot',
    kind: 'hang',
    file: MCUBOOT,
    edits: [
      ['|| tlvs.length === MAX_TLVS', ''],
      ['const next = at + 4 + view', 'const next = at + view'],
      ['tlvs.push({', 'if (tlvs.length < 99) tlvs.push({'],
    ],
  },
  {
    name: 'a length that is believed before it is compared takes all the memory',
    target: 'mcuboot',
    kind: 'memory',
    file: MCUBOOT,
    edits: [
      [
        'const hashedAt = headerBytes + imageBytes',
        'new Uint8Array(imageBytes % 1e7)\n  const hashedAt = headerBytes + imageBytes',
      ],
    ],
  },
  {
    name: 'a signature whose reading takes the cube of its length is too slow',
    target: 'der',
    kind: 'slow',
    file: 'src/core/encoding/ecdsa-form.ts',
    edits: [
      [
        'const r = readInteger(der, 2, width)',
        'let sum = 1\n  for (let n = der.length ** 3; n > 0; n -= 1) sum = Math.sin(sum + Math.cos(n))\n  const r = sum > 9 ? null : readInteger(der, 2, width)',
      ],
    ],
  },
]

const root = join(import.meta.dirname, '..', '..')
const COPIED = ['src', 'sim', 'tests', 'conformance', 'scripts', 'package.json']

type Ended = { readonly code: number; readonly out: string }

function fuzz(copy: string, ...args: string[]): Promise<Ended> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return new Promise(resolve => {
    const argv = ['--disable-warning=ExperimentalWarning', join(copy, 'scripts', 'fuzz.ts'), ...args]
    execFile(process.execPath, argv, { env, maxBuffer: 1 << 24 }, (error, out) =>
      resolve({ code: error === null ? 0 : Number(error.code), out }),
    )
  })
}

describe('the fuzzer finds what is planted in a copy:', () => {
  let copy = ''
  before(() => {
    copy = mkdtempSync(join(tmpdir(), 'voltseal-fuzz-'))
    for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  })
  after(() => rmSync(copy, { recursive: true, force: true }))

  for (const { name, target, kind, file, edits } of PLANTED) {
    test(name, async () => {
      const path = join(copy, file)
      const whole = readFileSync(path, 'utf8')
      let planted = whole
      for (const [text, without] of edits) {
        assert.equal(planted.split(text).length, 2, `${text} stands in ${file} once`)
        planted = planted.replace(text, () => without)
      }
      writeFileSync(path, planted)
      try {
        const { code, out } = await fuzz(
          copy,
          '--target',
          target,
          '--count',
          '60000',
          '--patience',
          kind === 'hang' ? '2' : '60',
          // A busy machine may find the first input that meets the crash slow as well: the next ones then say what it is.
          ...(kind === 'crash' ? [] : ['--until-found']),
        )
        assert.equal(code, 1, out)
        const [, found, seed] =
          new RegExp(`FOUND (${kind}) in ${target}: .*\\n.*--replay ${target}:(\\d+)`).exec(out) ?? []
        assert.equal(found, kind, out)
        if (kind === 'hang') return
        const reader = targetNamed(target)
        assert.equal(runOne(reader, inputOf(reader, Number(seed))).finding, null, 'the project itself stands')
        if (kind !== 'crash') return
        const again = await fuzz(copy, '--replay', `${target}:${seed}`)
        assert.deepEqual([again.code, again.out.includes('FOUND crash')], [1, true], again.out)
      } finally {
        writeFileSync(path, whole)
      }
    })
  }
})
