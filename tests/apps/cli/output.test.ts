import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { perform } from '../../../src/apps/cli/cli.ts'
import { clean, isColoured, Output } from '../../../src/apps/cli/output.ts'
import { listing, table } from '../../../src/apps/cli/table.ts'
import { RefusalError, refuse } from '../../../src/core/refusal/refusal.ts'

function captured(options: { json?: boolean; quiet?: boolean; tty?: boolean } = {}) {
  const [out, err]: [string[], string[]] = [[], []]
  const { json = false, quiet = false, tty = false } = options
  const output = new Output(
    { write: text => out.push(text), isTTY: tty },
    { write: text => err.push(text), isTTY: tty },
    {},
    { json, quiet },
  )
  return { output, out: () => out.join(''), err: () => err.join('') }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const STEERING = /[\u001b\u0007\u0000\u009b\u202e]/

describe('output', () => {
  test('colour: only on a terminal, NO_COLOR wins over FORCE_COLOR', () => {
    const rows: [tty: boolean, env: Record<string, string>, coloured: boolean][] = [
      [true, {}, true],
      [false, {}, false],
      [true, { NO_COLOR: '1' }, false],
      [true, { NO_COLOR: '' }, true],
      [false, { FORCE_COLOR: '1' }, true],
      [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
      [true, { TERM: 'dumb' }, false],
    ]
    for (const [isTTY, env, coloured] of rows) {
      assert.equal(isColoured({ write: () => {}, isTTY }, env), coloured, JSON.stringify([isTTY, env]))
    }
  })

  test('a table folds its last column on a terminal, and nowhere else', () => {
    const heads = ['controller', 'waits']
    const because = 'bms-3 is away already, at most 1 may restart at once'
    const rows = [
      ['quay/bms-1', { text: because, tone: 'warn' } as const],
      ['quay/bms-2', 'x'.repeat(60)],
      ['quay/bms-3', null],
    ]
    const on = (columns: number | undefined): string[] => {
      const sink = { write: () => {}, ...(columns === undefined ? {} : { isTTY: true, columns }) }
      return table(new Output(sink, sink, { NO_COLOR: '1' }), heads, rows).split('\n')
    }
    assert.equal(on(undefined).length, 4)
    const lines = on(40)
    assert.deepEqual(lines.slice(1, 4), [
      'quay/bms-1  bms-3 is away already, at',
      '            most 1 may restart at once',
      `quay/bms-2  ${'x'.repeat(60)}`,
    ])
    assert.equal(on(200).length, 4)
    assert.equal(on(10)[1], 'quay/bms-1  bms-3 is away already,', 'a narrow terminal still gets words')
  })

  test('quiet leaves out progress, never a warning', () => {
    const { output, err } = captured({ quiet: true })
    output.progress('one of three')
    output.warn('mind the gap')
    assert.equal(err(), 'mind the gap\n')
  })

  test('attack: text from elsewhere cannot steer the terminal', () => {
    const hostile = '\u001b[2J\u001b]0;owned\u0007bms\u009b31m-1\u0000\u202e'
    assert.doesNotMatch(clean(hostile), STEERING)
    assert.match(clean(hostile), /bms.*-1/)
    const { output, err } = captured()
    output.refusal(refuse('file-missing', hostile, 'a file', 'none'))
    assert.doesNotMatch(err(), STEERING)
    assert.doesNotMatch(table(output, ['name'], [[hostile]]), STEERING)
  })

  test('perform: answer, refusal, thrown refusal, bug', async () => {
    const rows: [
      name: string,
      work: () => never | { json: unknown; text: string; exit?: number } | null,
      exit: number,
    ][] = [
      ['answer', () => ({ json: 1, text: 'one' }), 0],
      ['answer with an exit code', () => ({ json: 1, text: 'one', exit: 22 }), 22],
      ['nothing to print', () => null, 0],
      ['refusal thrown', () => raise(new RefusalError(refuse('no-space', 'x', 'y', 'z'))), 74],
      ['bug', () => raise(new TypeError('oops')), 70],
    ]
    for (const [name, work, exit] of rows) assert.equal(await perform(captured().output, work), exit, name)
    const { output, out, err } = captured({ json: true })
    assert.equal(await perform(output, () => refuse('file-missing', 'x', 'y', 'z')), 66)
    assert.equal(JSON.parse(out()).code, 'file-missing')
    assert.match(err(), /^Refused: x:/)
  })
})

const raise = (error: Error): never => {
  throw error
}

describe('tables', () => {
  test('columns line up, numbers to the right, unknown as a dash', () => {
    const { output } = captured()
    const text = table(
      output,
      ['controller', '>counter', 'outcome'],
      [
        ['bms-1', 7, 'confirmed'],
        ['pcs-10', 12, null],
      ],
    )
    assert.equal(text, 'controller  counter  outcome\nbms-1             7  confirmed\npcs-10           12  –')
  })
  test('colours do not move columns', () => {
    const rows = [[{ text: 'halted', tone: 'bad' } as const, 'x']]
    const plain = table(captured().output, ['state', 'why'], rows)
    const coloured = table(captured({ tty: true }).output, ['state', 'why'], rows)
    assert.notEqual(plain, coloured)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are what is taken out
    assert.equal(coloured.replaceAll(/\u001b\[\d+m/g, ''), plain)
  })
  test('a listing aligns its values', () => {
    assert.equal(
      listing(captured().output, [
        ['a', '1'],
        ['long', '2'],
      ]),
      'a     1\nlong  2',
    )
  })
})
