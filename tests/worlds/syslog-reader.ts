import assert from 'node:assert/strict'

/** A reader of syslog as RFC 5424 section 6 has its grammar, written from that and not from our writer. */

export type Heard = {
  readonly facility: number
  readonly severity: number
  readonly timestamp: string
  readonly host: string
  readonly app: string
  readonly procid: string
  readonly msgid: string
  readonly data: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Null when there is no MSG. */
  readonly msg: Buffer | null
}

const HEADER =
  /^<(0|[1-9]\d{0,2})>1 (-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) /
const BOM = Buffer.from([0xef, 0xbb, 0xbf])

/** Throws for what is not a message, byte for byte. */
export function readMessage(bytes: Uint8Array): Heard {
  const whole = Buffer.from(bytes)
  // The header is ASCII: as Latin-1, offsets are those of the bytes.
  const match = HEADER.exec(whole.toString('latin1'))
  assert.ok(match !== null, `no header: ${whole.subarray(0, 200)}`)
  const [head, priority, timestamp, host, app, procid, msgid] = match as unknown as string[]
  assert.ok(Number(priority) <= 191)
  const { data, end } = readData(whole, head!.length)
  const rest = whole.subarray(end)
  if (rest.length > 0) assert.equal(rest[0], 0x20, 'a space before MSG')
  const [facility, severity] = [Math.floor(Number(priority) / 8), Number(priority) % 8]
  const facts = { timestamp: timestamp!, host: host!, app: app!, procid: procid!, msgid: msgid! }
  return { facility, severity, ...facts, data, msg: rest.length === 0 ? null : textOf(rest.subarray(1)) }
}

function readData(bytes: Buffer, from: number): { data: Map<string, Map<string, string>>; end: number } {
  const data = new Map<string, Map<string, string>>()
  if (bytes[from] === 0x2d) return { data, end: from + 1 }
  let at = from
  const name = (): string => {
    const begun = at
    while (/[!#-<>-\\^-~]/.test(String.fromCharCode(bytes[at] ?? 0))) at += 1
    const read = bytes.toString('latin1', begun, at)
    assert.ok(read.length >= 1 && read.length <= 32, `a name: ${read}`)
    return read
  }
  const take = (char: string): void => {
    assert.equal(String.fromCharCode(bytes[at] ?? 0), char, `at ${at} of ${bytes}`)
    at += 1
  }
  while (bytes[at] === 0x5b) {
    take('[')
    const params = new Map<string, string>()
    const id = name()
    assert.ok(!data.has(id), `${id} stands twice`)
    data.set(id, params)
    while (bytes[at] === 0x20) {
      take(' ')
      const key = name()
      take('=')
      take('"')
      const value: number[] = []
      while (bytes[at] !== 0x22) {
        assert.ok(at < bytes.length, 'a value that does not end')
        assert.notEqual(bytes[at], 0x5d, 'a bracket in a value that is not escaped')
        if (bytes[at] === 0x5c && [0x22, 0x5c, 0x5d].includes(bytes[at + 1] ?? 0)) at += 1
        value.push(bytes[at] as number)
        at += 1
      }
      take('"')
      params.set(key, utf8Of(Buffer.from(value)))
    }
    take(']')
  }
  assert.ok(data.size > 0, 'structured data')
  return { data, end: at }
}

/** MSG of ours is UTF-8, so it begins with a byte order mark (section 6.4). */
function textOf(bytes: Buffer): Buffer {
  assert.ok(bytes.subarray(0, 3).equals(BOM), 'a byte order mark')
  const text = bytes.subarray(3)
  utf8Of(text)
  return text
}

const utf8Of = (bytes: Buffer): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

/** Reads a stream of frames (RFC 5425 section 4.3), in whatever pieces it comes. */
export class FrameReader {
  readonly messages: Buffer[] = []
  #held: Buffer = Buffer.alloc(0)

  take(part: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, part])
    for (;;) {
      const space = this.#held.indexOf(0x20)
      if (space === -1) return
      const length = this.#held.toString('latin1', 0, space)
      assert.match(length, /^[1-9]\d{0,6}$/)
      const end = space + 1 + Number(length)
      if (this.#held.length < end) return
      this.messages.push(this.#held.subarray(space + 1, end))
      this.#held = this.#held.subarray(end)
    }
  }
}
