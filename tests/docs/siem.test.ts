import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { SIEM_PAGE, siemDocs } from '../../scripts/siem-docs.ts'
import { parseYaml } from '../../src/adapters/config-file.ts'
import { siemCodes } from '../../src/core/refusal/codes-siem.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { FleetConfig, parseConfig } from '../../src/wire/config.ts'
import { SiemConfig } from '../../src/wire/siem-config.ts'

describe('docs/siem.md', () => {
  const page = readFileSync(SIEM_PAGE, 'utf8')

  test('has the severities that messages go by (node scripts/siem-docs.ts)', () => {
    assert.match(page, /\| 1 \| alert \| .*`intrusion-signal`/)
    assert.ok(page === siemDocs(page), 'run: node scripts/siem-docs.ts')
  })

  test('explains every field and every code', () => {
    for (const field of Object.keys(SiemConfig.items.properties))
      assert.match(page, new RegExp(`^\\|.*\`${field}\`.*\\|.*\\|$`, 'm'))
    for (const code of Object.keys(siemCodes)) assert.match(page, new RegExp(`^\\| \`${code}\` \\|`, 'm'))
  })

  test('shows a config that is one', () => {
    const yaml = /```yaml\n(siem:[\s\S]*?)```/.exec(page)?.[1] ?? ''
    const { siem } = orThrow(parseYaml(yaml, 'docs/siem.md')).value as { siem: unknown }
    orThrow(parseConfig(SiemConfig, siem, 'docs/siem.md'))
    assert.ok('siem' in FleetConfig.properties)
  })
})
