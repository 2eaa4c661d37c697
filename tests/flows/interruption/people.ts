import assert from 'node:assert/strict'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { signableBytes } from '../../../src/core/trust/read-metadata.ts'
import { signatureBy } from '../../../src/core/trust/repository.ts'
import { approve, draftOf } from '../../../src/flows/approve.ts'
import { command } from '../../../src/flows/campaign.ts'
import { flushOutbox } from '../../../src/flows/hand-over.ts'
import { createCampaign } from '../../../src/flows/plan.ts'
import { publishRelease, storeBlob } from '../../../src/flows/publish.ts'
import { acceptControllerReport } from '../../../src/flows/report.ts'
import { anywhere } from '../../worlds/anywhere.ts'
import { usualPlan } from '../../worlds/asked.ts'
import type { Run } from './bench.ts'

/** What people do before an update moves: for tests in which nothing goes wrong at that time. */

const PERSON = 'ada'
const ID = 'update'

export async function publishAndPlan(run: Run): Promise<void> {
  for (const { target, bytes } of run.bench.release) {
    assert.equal(await storeBlob(run.fleet, target, 1 << 20, whole(bytes)), null)
  }
  orThrow(await publishRelease(run.fleet, PERSON, { metadata: await run.metadata() }))
  for (const controller of run.controllers) {
    const say = async (bytes: Uint8Array) => orThrow(await acceptControllerReport(run.gateway, controller.id, bytes))
    await controller.step(say, async () => null, new Map())
  }
  await flushOutbox(run.gateway)
  orThrow(await createCampaign(run.fleet, PERSON, usualPlan(ID, ['bms/2.0.0/envelope.suit']), false, anywhere))
}

export async function approveAndStart(run: Run): Promise<void> {
  for (const name of ['approver-0', 'approver-1']) {
    const { signed } = orThrow(await draftOf(run.fleet, ID))
    const signer = run.bench.key(name)
    const signature = orThrow(await signer.sign(signableBytes(signed), 'der'))
    orThrow(await approve(run.fleet, name, ID, signatureBy(signer.key, signature, crypto)))
  }
  assert.equal(await command(run.fleet, PERSON, ID, 'start', null), null)
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
