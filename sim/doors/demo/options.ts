import { parseArgs } from 'node:util'
import { type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
import { SCENARIO_NAMES, type ScenarioName } from './scenario.ts'

export type DemoOptions = {
  readonly scenario: ScenarioName
  /** End everything and exit when the main job is done. */
  readonly once: boolean
  /** One JSON document on stdout at the end, and nothing else there. */
  readonly json: boolean
  readonly data: string
  readonly host: string
  readonly port: number
  readonly help: boolean
}

export const USAGE = `Usage: npm start -- [options]

  --scenario NAME  ${SCENARIO_NAMES.join(', ')}
  --once           stop everything and exit when it is done
  --json           one JSON document on stdout at the end
  --data DIR       where everything is kept (voltseal-data/demo); wiped at the start
  --host ADDRESS   the address to serve on (127.0.0.1)
  --port N         the fleet server's port (8443); the gateway takes the next one
`

/** Reads the command line. Refuses `usage-error`. */
export function readOptions(args: readonly string[]): DemoOptions | Refusal {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const options = { scenario: text, data: text, host: text, port: text, once: flag, json: flag, help: flag }
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true })
    const { scenario: named = 'happy', port: portText = '8443' } = values
    const scenario = SCENARIO_NAMES.find(name => name === named)
    if (scenario === undefined) return usage(`--scenario ${SCENARIO_NAMES.join('|')}`, named)
    const port = Number(portText)
    if (!/^\d{1,5}$/.test(portText) || port < 1 || port > 65_534) return usage('--port from 1 to 65534', portText)
    const { once, json, help, data = 'voltseal-data/demo', host = '127.0.0.1' } = values
    return { scenario, once, json, help, data, host, port }
  } catch (error) {
    return usage('the options of npm start -- --help', (error as Error).message.split('. ')[0] ?? '')
  }
}

const usage = (expected: string, actual: string): Refusal => refuse('usage-error', 'the demo', expected, actual)
