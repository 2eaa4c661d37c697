import { formatUtc } from '../../core/encoding/utc-time.ts'
import { refuse, sentence } from '../../core/refusal/refusal.ts'
import type { LogStatus } from '../process/log-status.ts'

/** How a log stands with a witness, on one line. */
export function logText({ size, signedAt, trouble }: LogStatus): string {
  const signed = signedAt === null ? 'nothing signed yet' : `${size} entries signed, ${formatUtc(signedAt)}`
  return trouble === null ? signed : `${signed}; ${troubleText(trouble)}`
}

function troubleText({ code, expected, actual, since, until }: NonNullable<LogStatus['trouble']>): string {
  const said = sentence(refuse(code, 'the log', expected, actual))
  const over = until === null ? '' : `, over since ${formatUtc(until)}`
  return `${until === null ? 'ALARM' : 'was in trouble'} since ${formatUtc(since)}${over}: ${code}: ${said}`
}

/** Whether somebody has to look. */
export const isAlarming = ({ trouble }: LogStatus): boolean => trouble !== null && trouble.until === null
