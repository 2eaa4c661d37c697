import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Client, conforms, withServer } from './client.ts'
import { type ForeignKey, foreignKey } from './foreign-key.ts'
import { ForeignRepository, type ForeignRole } from './foreign-repository.ts'

const TARGETS = ['targets', 'snapshot', 'timestamp'] as const

/** Which of ten keys a version names, how many of them must sign, and which sign: `01234/3:024`. */
type Version = `${string}/${number}:${string}`

function roleOf(version: Version, keys: readonly ForeignKey[]): ForeignRole {
  const [, named = '', threshold, signers = ''] = /^(\d+)\/(\d):(\d+)$/.exec(version) ?? []
  const pick = (digits: string): ForeignKey[] => [...digits].map(digit => keys[Number(digit)] as ForeignKey)
  return { keys: pick(named), signers: pick(signers), threshold: Number(threshold) }
}

describe('tuf-conformance: test_updater_key_rotations', () => {
  withServer()
  const keys = Array.from({ length: 10 }, () => foreignKey())

  const roots: readonly [name: string, ...versions: Version[]][] = [
    ['1-of-1-key-rotation', '1/1:1', '2/1:21', '2/1:2'],
    ['1-of-1-key-rotation-unused-signatures', '1/1:314', '2/1:3214', '2/1:324'],
    ['3-of-5-sign-with-different-keycombos', '01234/3:024', '01234/3:041', '01234/3:013', '01234/3:013'],
    ['3-of-5-one-key-rotated', '01234/3:024', '01345/3:041'],
    ['3-of-5-one-key-rotated-with-intermediate-step', '01234/3:024', '01345/3:0245', '01345/3:045'],
    ['3-of-5-all-keys-rotated-with-intermediate-step', '01234/3:024', '56789/3:024567', '56789/3:567'],
    ['1-of-3-threshold-increase-to-2-of-3', '123/1:1', '123/2:12'],
    ['2-of-3-threshold-decrease-to-1-of-3', '123/2:12', '123/1:12', '123/1:1'],
    ['1-of-2-threshold-increase-to-2-of-2', '1/1:1', '12/2:12'],
    ['1-of-1-key-rotation-fail-not-signed-with-old-key', '1/1:1', '2/1:234'],
    ['1-of-1-key-rotation-fail-not-signed-with-new-key', '1/1:1', '2/1:134'],
    ['3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys', '01234/3:024', '01345/3:024'],
    ['3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys', '01234/3:024', '01345/3:045'],
    ['1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached', '123/1:1', '123/2:2'],
    ['2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-eached', '123/2:12', '123/1:1'],
  ]
  for (const [name, ...versions] of roots) {
    it(`test_root_rotation[${name}]`, async () => {
      const repository = new ForeignRepository()
      repository.restart('root')
      for (const version of versions) {
        repository.roles.root = roleOf(version, keys)
        repository.publish('root')
      }
      repository.publish(...TARGETS)
      const client = new Client(repository)
      assert.equal(await client.init(), 0)
      const fails = /fails?-/.test(name)
      assert.equal(await client.refresh(), fails ? 1 : 0)
      client.trusts('root', repository.published.get('root')?.at(fails ? -2 : -1))
      client.close()
    })
  }

  const others: readonly [name: string, version: Version, fails?: boolean][] = [
    ['1-of-1-key-rotation', '2/1:2'],
    ['1-of-1-key-rotation-unused-signatures', '1/1:314'],
    ['1-of-1-key-rotation-fail-not-signed-with-new-key', '2/1:134', true],
    ['3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys', '01345/3:024', true],
    ['2-of-5-one-key-signature-mising-threshold-not-reached', '01345/3:04', true],
    ['3-of-5-sign-first-combo', '01234/3:024'],
    ['3-of-5-sign-second-combo', '01234/3:041'],
    ['3-of-5-sign-third-combo', '01234/3:013'],
    ['3-of-5-sign-fourth-combo', '01234/3:123'],
    ['3-of-5-sign-fifth-combo', '01234/3:234'],
  ]
  for (const [name, version, fails = false] of others) {
    conforms(`test_non_root_rotations[${name}]`, async (client, repository) => {
      for (const role of ['timestamp', 'snapshot', 'targets']) {
        repository.roles[role] = roleOf(version, keys)
        repository.publish('root', ...TARGETS)
        assert.equal(await client.refresh(), fails ? 1 : 0, role)
        if (!fails) client.trusts(role)
      }
    })
  }
})
