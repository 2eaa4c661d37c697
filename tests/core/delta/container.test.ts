import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CONTAINERS, containerAdvice, containerOf } from '../../../src/core/delta/container.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { dfu, dfuSe, intelHex, intelRecord, motorolaRecord, sRecords, uf2 } from './containers.ts'
import { drawn } from './images.ts'
import { realImage } from './real-firmware.ts'

const FIRMWARE = realImage('essentialhub', '7-28')
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const none = new Uint8Array(0)

/** With one byte of it another. */
function changed(image: Uint8Array, at: number): Uint8Array {
  const other = image.slice()
  other[at] = other[at] === 0x31 ? 0x32 : 0x31
  return other
}

describe('the container of an image', () => {
  const hex = intelHex(FIRMWARE.subarray(0, 300))
  const srec = sRecords(FIRMWARE.subarray(0, 300))
  const blocks = uf2(FIRMWARE.subarray(0, 300))
  const suffixed = dfu(FIRMWARE)
  const longest = intelRecord(0, 0, drawn(3, 255))

  for (const [what, image, container] of [
    ['Intel HEX', intelHex(FIRMWARE), 'intel-hex'],
    ['Intel HEX with lines as on Unix', intelHex(FIRMWARE, '\n'), 'intel-hex'],
    ['Intel HEX in small letters', ascii(new TextDecoder().decode(hex).toLowerCase()), 'intel-hex'],
    ['Intel HEX behind an empty line', concat(ascii('\r\n'), hex), 'intel-hex'],
    ['Intel HEX of one byte', intelHex(Uint8Array.of(7)), 'intel-hex'],
    ['Intel HEX of nothing', ascii(':00000001FF\n'), 'intel-hex'],
    ['Intel HEX that says where it is run from first', ascii(`${intelRecord(5, 0, drawn(1, 4))}\n`), 'intel-hex'],
    ['Intel HEX in the longest records', ascii(`${longest}\r\n`.repeat(9)), 'intel-hex'],
    ['Intel HEX that is cut behind the first records', hex.subarray(0, 44 * 5), 'intel-hex'],
    ['S-records', sRecords(FIRMWARE), 's-record'],
    ['S-records without a head', ascii(`${motorolaRecord(1, 2, 0x8000, drawn(1, 20))}\n`), 's-record'],
    ['S-records with addresses of three bytes', ascii(`${motorolaRecord(2, 3, 0x8000, drawn(1, 20))}\n`), 's-record'],
    ['UF2', uf2(FIRMWARE), 'uf2'],
    ['UF2 that is cut behind the first block', blocks.subarray(0, 600), 'uf2'],
    ['DfuSe, which has a suffix too', dfuSe(FIRMWARE), 'dfuse'],
    ['DFU 1.0', suffixed, 'dfu'],
    ['DFU 1.1a', dfu(FIRMWARE, 0x1a), 'dfu'],
    ['firmware', FIRMWARE, null],
    ['nothing', none, null],
    ['erased flash', new Uint8Array(5000).fill(255), null],
    ['a colon', ascii(':'), null],
    ['a text that begins with a colon', ascii(': this is a note, and no record\n'), null],
    ['a text that begins with an S', ascii('S19 is the name of a format\n'), null],
    ['a record whose checksum is another', changed(hex, 13), null],
    ['a second record whose checksum is another', changed(hex, 17 + 12), null],
    ['a record that is longer than it says', ascii(':0000000100FF\n'), null],
    ['a record of a type that there is not', ascii(`${intelRecord(9, 0, none)}\n`), null],
    ['an end with data', ascii(`${intelRecord(1, 0, drawn(1, 3))}\n`), null],
    ['half a digit', ascii(':00000001F\n'), null],
    ['records and then a text', ascii(`${intelRecord(0, 0, drawn(1, 16))}\nthat was the first\n`), null],
    ['a line that does not end', ascii(`:${'0'.repeat(9000)}`), null],
    ['a record that is cut', hex.subarray(0, 9), null],
    ['an S-record whose checksum is another', changed(srec, 12), null],
    ['an S-record of the type that there is not', ascii(`${motorolaRecord(4, 2, 0, drawn(1, 3))}\n`), null],
    ['an S-record without all of its address', ascii(`${motorolaRecord(3, 2, 0, none)}\n`), null],
    ['an S-record that is longer than it says', ascii('S1030000FC00\n'), null],
    ['an S-record that is cut', srec.subarray(0, 7), null],
    ['UF2 that is cut in its first block', blocks.subarray(0, 511), null],
    ['a block without its last number', changed(blocks, 508), null],
    ['DfuSe of another version', concat(ascii('DfuSe'), Uint8Array.of(2), drawn(1, 300)), null],
    ['a suffix alone', dfu(none), null],
    ['a suffix that is cut', suffixed.subarray(0, -1), null],
    ['a suffix of DFU 2', changed(suffixed, suffixed.length - 9), null],
  ] as const) {
    it(`${container === null ? 'is none of' : `is ${container} of`} ${what}`, () => {
      assert.equal(containerOf(image), container)
    })
  }

  it('is found in an image that is a part of other bytes', () => {
    const image = concat(drawn(1, 7), blocks)
    assert.equal(containerOf(image.subarray(7)), 'uf2')
    assert.equal(containerOf(image), null)
  })

  it('is none of any bytes, and of any that are like one it is that or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), bytes => {
        assert.equal(containerOf(bytes), null)
      }),
    )
    const like = fc.constantFrom(hex, srec, blocks, suffixed.subarray(-600), dfuSe(drawn(1, 300)))
    fc.assert(
      fc.property(like, fc.nat(), fc.nat(255), fc.nat(), (image, at, byte, cut) => {
        const other = image.slice(0, cut % (image.length + 1))
        if (other.length > 0) other[at % other.length] = byte
        const found = containerOf(other)
        const whole = containerOf(image)
        // DfuSe whose head is spoilt has its suffix still.
        assert(found === null || found === whole || (whole === 'dfuse' && found === 'dfu'), `${found} of ${whole}`)
      }),
    )
  })
})

describe('the advice on a container', () => {
  it('says of each what it is, what comes of it, and how to make the image', () => {
    for (const container of CONTAINERS) {
      for (const purpose of ['patch', 'release'] as const) {
        const text = containerAdvice(container, 'bms.hex is', purpose)
        assert.match(text, /^bms\.hex is .+ slot holds bare bytes, so that .+ To make those: .*(objcopy|uf2conv|dfu)/)
      }
    }
    assert.match(containerAdvice('intel-hex', 'it is', 'patch'), /fits none.*objcopy -I ihex -O binary/)
    assert.match(containerAdvice('s-record', 'it is', 'release'), /no controller starts.*objcopy -I srec -O binary/)
  })
})
