import type { Logger } from 'pino'
import type { Answered } from '../../adapters/http-witness.ts'
import { answerOf } from '../../core/ledger/witness-answer.ts'
import { readAddCheckpoint } from '../../core/ledger/witness-request.ts'
import { isRefusal } from '../../core/refusal/refusal.ts'
import { cosign, type Witness } from '../../flows/cosign.ts'

/** Judges and signs what is sent; what a log should not have sent is told to whoever reads the program's own log. */
export function answering(witness: Witness, log: Logger): (body: string) => Promise<Answered> {
  const counts = new Map<string, number>()
  return async body => {
    const request = readAddCheckpoint(body)
    if (isRefusal(request)) return { answer: answerOf(request, null, 0), refusal: request }
    const outcome = await cosign(witness, request)
    if (!('refusal' in outcome)) {
      const { origin, size } = outcome.checkpoint
      log.debug({ origin, size }, 'cosigned')
      return { answer: answerOf([outcome.line], request, size), refusal: null }
    }
    const { refusal, signed } = outcome
    if (refusal.code === 'log-forked') log.error({ ...refusal }, 'FORK: a log has signed two histories')
    else if (refusal.code !== 'witness-size-differs') {
      const count = (counts.get(refusal.code) ?? 0) + 1
      counts.set(refusal.code, count)
      // Told at 1, 2, 4, 8 and so on: who floods the door shall not fill the disk too.
      if (Number.isInteger(Math.log2(count))) log.warn({ ...refusal, count }, 'not cosigned')
    }
    return { answer: answerOf(refusal, request, signed), refusal }
  }
}
