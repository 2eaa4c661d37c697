import type { Report } from '../../../src/core/trust/report.ts'
import { NOW } from './simulated-repository.ts'

/** A report with every member there is. */
export const report: Report = {
  kind: 'voltseal-report',
  v: 1,
  site: 'harbour',
  controller: 'bms-1',
  sequence: 12,
  at: NOW,
  event: 'confirmed',
  state: 'stable',
  running: { version: '2.3.0', sequence: 7, digest: 'a'.repeat(64), slot: 'b' },
  previous: { version: '2.2.0', sequence: 6, digest: 'b'.repeat(32) },
  counter: 3,
  anchors: ['0a'.repeat(32)],
  attempts: [{ version: '2.2.9', sequence: 6, digest: '', at: NOW, phase: 'health', cause: 'probe cells' }],
  assignment: 'spring/0123456789abcdef/1',
}
