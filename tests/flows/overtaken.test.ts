import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import { Bench } from './interruption/bench.ts'
import { Interruptor } from './interruption/interruptor.ts'
import { approveAndStart, publishAndPlan } from './interruption/people.ts'

/** The fleet goes on while a gateway reads: a site that meets old and new metadata side by side must raise no alarm. */
describe('a gateway that is overtaken by the fleet', () => {
  let bench: Bench
  before(async () => {
    bench = await Bench.make(2048)
  })
  after(() => bench.stop())

  it('refuses nothing, whichever file it was about to ask for when everything happened', async context => {
    let questions = 0
    for (let at = 1; at <= 1 + questions; at += 1) {
      const run = bench.copy(new Interruptor(0, 'lost'), new Interruptor(0, 'lost'))
      try {
        let asked = 0
        run.onFile = async () => {
          asked += 1
          if (asked !== at) return
          await publishAndPlan(run)
          await approveAndStart(run)
        }
        assert.equal(await refreshSite(run.gateway), null, `before question ${at}`)
        questions = Math.max(questions, asked)
        run.onFile = async () => {}
        if (asked < at) {
          await publishAndPlan(run)
          await approveAndStart(run)
        }
        assert.equal(await refreshSite(run.gateway), null)
        await flushOutbox(run.gateway)
        const kinds = (await run.entries()).map(({ kind }) => kind)
        assert.equal(kinds.filter(kind => kind === 'assignment-refused').length, 0, `before question ${at}`)
        assert.equal(kinds.filter(kind => kind === 'assignment-verified').length, 1)
      } finally {
        run.close()
      }
    }
    assert.ok(questions >= 9, `${questions} questions`)
    context.diagnostic(`at each of ${questions} questions`)
  })
})
