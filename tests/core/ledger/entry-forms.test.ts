import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ENTRIES_PAGE, ENTRY_SCHEMA, entryDocs, entrySchemaText } from '../../../scripts/entry-docs.ts'
import { entryForms } from '../../../src/core/ledger/entry-details.ts'
import { type EntryKind, entryKinds, isGatewayKind } from '../../../src/core/ledger/entry-kinds.ts'

const SRC = join(import.meta.dirname, '../../../src')

describe('the kinds of entries', () => {
  it('are published as they are: node scripts/entry-docs.ts writes page and schema anew', () => {
    assert.equal(readFileSync(ENTRIES_PAGE, 'utf8'), entryDocs())
    assert.equal(readFileSync(ENTRY_SCHEMA, 'utf8'), entrySchemaText())
  })

  it('a kind that gateways write is one that the fleet takes from them', () => {
    const theirs = (Object.keys(entryKinds) as EntryKind[]).filter(kind => entryForms[kind].by === 'gateway')
    assert.ok(theirs.length > 5)
    assert.deepEqual(
      theirs.filter(kind => !isGatewayKind(kind)),
      [],
    )
  })

  for (const kind of Object.keys(entryKinds) as EntryKind[]) {
    it(`${kind} is written by the flow that it says`, () => {
      const text = readFileSync(join(SRC, entryForms[kind].flow), 'utf8').replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, '')
      // Written, and not only compared with: as a member, as an argument, or as one of two.
      const written = new RegExp(`(?<![=!]== )'${kind}'`)
      assert.match(text, written)
    })
  }
})
