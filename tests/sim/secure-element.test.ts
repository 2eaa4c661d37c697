import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { SimElement } from '../../sim/secure-element/sim-element.ts'

describe('the simulated secure element', () => {
  test('makes its MACs by HMAC-SHA-256 under its record key', () => {
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-element-'))
    try {
      const file = join(folder, 'element.json')
      const element = new SimElement({ file })
      const { recordKey } = JSON.parse(readFileSync(file, 'utf8')) as { recordKey: string }
      for (const length of [0, 1, 63, 64, 65, 144, 480]) {
        const message = randomBytes(length)
        const mac = createHmac('sha256', Buffer.from(recordKey, 'hex')).update(message).digest('hex')
        assert.equal(element.mac(message).toHex(), mac, `${length} bytes`)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('answers each MAC in memory of its own', () => {
    const element = new SimElement()
    const first = element.mac(new Uint8Array(10))
    const before = first.toHex()
    element.mac(new Uint8Array(11))
    assert.equal(first.toHex(), before)
  })
})
