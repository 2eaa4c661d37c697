import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { siteFiles } from '../../sim/doors/site/folder.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { gatewayFiles } from '../../src/apps/gateway/files.ts'
import { AgentConfig } from '../../src/wire/agent-config.ts'
import { FleetConfig, GatewayConfig, Profile } from '../../src/wire/config.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')

/** The names in the first column of the first table behind a line that begins like this. */
function names(after: string): string[] {
  const at = page.indexOf(`\n${after}`)
  assert.ok(at >= 0, `no line begins with ${after}`)
  const table = /(?:^\|.*\n)+/m.exec(page.slice(at))?.[0] ?? ''
  return table
    .split('\n')
    .flatMap(row => [...(/^\|(.*?)\|/.exec(row)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name as string))
}

describe('docs/operations.md', () => {
  const configs: [line: string, schema: { properties: object }][] = [
    ['`fleet.yaml`:', FleetConfig],
    ['`gateway.yaml`:', GatewayConfig],
    ['`agent.yaml`:', AgentConfig],
    ['## A person:', Profile],
  ]
  for (const [line, { properties }] of configs) {
    test(`explains every field of ${line}`, () => {
      assert.deepEqual(names(line).toSorted(), Object.keys(properties).toSorted())
    })
  }

  const { key: fleetKey, nextKey, authority, root, server, ...fleet } = fleetFiles('')
  const { controller, ...site } = siteFiles('')
  const folders: [line: string, paths: string[]][] = [
    [
      '## The fleet server',
      [
        ...Object.values(fleet),
        nextKey('audit'),
        fleetKey('audit'),
        authority('fleet').cert,
        root('image'),
        server.cert,
      ],
    ],
    ['## The gateway', Object.values(gatewayFiles(''))],
    ['## The agent', Object.values(agentFiles(''))],
    ['## A simulated site', [...Object.values(site), controller('bms-1')]],
  ]
  for (const [line, paths] of folders) {
    test(`names everything that lies in the folder: ${line}`, () => {
      const tops = new Set(paths.map(path => relative('', path).split('/')[0] as string))
      assert.deepEqual(
        names(line)
          .map(name => name.replace(/\/$/, ''))
          .toSorted(),
        [...tops].toSorted(),
      )
    })
  }
})
