import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VirtualClock } from '../../sim/clock/virtual-clock.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { generateKeyFile, loadSigner } from '../../src/adapters/signer-file.ts'
import { initFleet } from '../../src/apps/fleet/init.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'

/** Memory as a folder, where the system has such a place. */
export const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
/** When it is made. */
export const FOUNDED = Date.UTC(2027, 0, 10)

/** Where the key of a person lies. */
export const keyFileIn = (folder: string, name: string): string => join(folder, 'keys', name)

/** Makes the folder of a fleet, and the keys of its people. */
export async function found(folder: string, approvers: number, threshold: number): Promise<void> {
  const keyFile = (name: string): string => keyFileIn(folder, name)
  const people = ['firmware', 'release', ...Array.from({ length: approvers }, (_, n) => `approver-${n}`)]
  for (const name of people) orThrow(generateKeyFile(keyFile(name), 'ed25519'))
  orThrow(
    await initFleet(
      join(folder, 'fleet'),
      {
        name: 'quiet',
        host: '127.0.0.1',
        port: 8443,
        firmwareKey: [`${keyFile('firmware')}.pub`],
        releaseKey: keyFile('release'),
        approverKey: people.slice(2).map(keyFile),
        approvalThreshold: threshold,
        metadataLife: 86_400_000,
        tick: 1000,
      },
      { crypto, clock: new VirtualClock(FOUNDED), openSigner: async path => loadSigner(path) },
    ),
  )
}

const templates = new Map<string, Promise<string>>()

/** The folder of one that this process has made for copying. */
export function template(approvers: number, threshold: number): Promise<string> {
  const name = `${threshold} of ${approvers}`
  const made = templates.get(name) ?? makeTemplate(approvers, threshold)
  templates.set(name, made)
  return made
}

async function makeTemplate(approvers: number, threshold: number): Promise<string> {
  const folder = mkdtempSync(join(FAST, 'voltseal-quiet-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  await found(folder, approvers, threshold)
  return folder
}
