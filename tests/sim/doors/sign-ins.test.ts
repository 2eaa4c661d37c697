import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Desk } from '../../../sim/doors/demo/desk.ts'
import { giveSignIns, letTechnicianIn, pageLines, SIGN_INS, signInLines } from '../../../sim/doors/demo/sign-ins.ts'
import { refusePassword } from '../../../src/core/fleet/account.ts'

describe('the sign-ins of the demo', () => {
  it('attack: passwords read by others, out of their files, off a command line, from the screen', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-sign-ins-'))
    const typed: string[] = []
    const desk = {
      command: async (title: string | null, args: readonly string[]) => typed.push(`${title} ${args.join(' ')}`),
    }
    await giveSignIns(desk as unknown as Desk, folder)
    await letTechnicianIn(desk as unknown as Desk, folder)
    assert.equal(statSync(join(folder, SIGN_INS)).mode & 0o777, 0o700)
    const lines = [...signInLines(folder, 'http://localhost:8445/'), ...pageLines(folder, 'http://localhost:8448/')]
    const shown = [...typed, ...lines].join('\n')
    const passwords = ['administrator', 'approver', 'technician'].map(account => {
      const file = join(folder, SIGN_INS, account)
      assert.equal(statSync(file).mode & 0o777, 0o600)
      const password = readFileSync(file, 'utf8').trim()
      assert.equal(refusePassword(password, account), null)
      assert.ok(shown.includes(join(SIGN_INS, account)) && !shown.includes(password), account)
      return password
    })
    assert.equal(new Set(passwords).size, 3)
    assert.equal(typed.length, 3)
    rmSync(folder, { recursive: true })
  })
})
