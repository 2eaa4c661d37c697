import { resolve } from 'node:path'
import { readText } from '../../adapters/config-file.ts'
import { HttpWitnessLink } from '../../adapters/link-witness.ts'
import { isLoopback } from '../../adapters/loopback.ts'
import { millis } from '../../core/encoding/units.ts'
import { type LogPolicy, MAX_POLICY_CHARACTERS, noWitness, readPolicy } from '../../core/ledger/log-policy.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { askWitness, type Gathering, GatheringMemory, MAX_WITNESSES, turnRound } from '../../flows/ask-witnesses.ts'
import { storedLog } from '../../flows/log-files.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { GatheredStore } from '../../flows/witness-ports.ts'
import type { FleetConfig } from '../../wire/config.ts'
import { every, type Loop, startLoop } from '../process/loop.ts'
import type { Log } from '../process/serve.ts'

/** The witnesses of a fleet's log, as its config says: how it gathers their signatures, and the way to those that it asks. */
export type Witnesses = { readonly gathering: Gathering; readonly links: ReadonlyMap<string, HttpWitnessLink> }

const PATIENCE = 300_000

/**
 * Opens what a config says of witnesses. Refuses what `readText`, `readPolicy` and `openWitnessLink` refuse, and `log-policy-malformed`
 * for more witnesses than a checkpoint can carry signatures, or for a policy of another log.
 */
export function openWitnesses(
  folder: string,
  config: Pick<FleetConfig, 'witnesses'>,
  world: FleetWorld,
  store: GatheredStore,
): Witnesses | Refusal {
  const { policy: file, patienceMillis = PATIENCE, ca: caFile } = config.witnesses ?? {}
  const policy = file === undefined ? noWitness(logKeyOf(world)) : readPolicyFile(resolve(folder, file), world)
  if (isRefusal(policy)) return policy
  const ca = caFile === undefined ? null : readText(resolve(folder, caFile), 1 << 20)
  if (isRefusal(ca)) return ca
  const links = new Map<string, HttpWitnessLink>()
  for (const [name, { url }] of policy.witnesses) {
    // Without an address it comes by itself: a gateway.
    if (url === null) continue
    const link = openWitnessLink(url, ca)
    if (isRefusal(link)) return link
    links.set(name, link)
  }
  const memory = new GatheringMemory()
  const files = storedLog(world.store)
  return { gathering: { world, store, files, policy, patience: millis(patienceMillis), memory }, links }
}

/**
 * The way to a witness: its submission prefix, as a policy names it. Refuses `witness-not-loopback` for plain http to a network,
 * `log-policy-malformed` for what is no URL.
 */
export function openWitnessLink(url: string, ca: string | null): HttpWitnessLink | Refusal {
  const prefix = URL.parse(url)
  if (prefix === null || !['https:', 'http:'].includes(prefix.protocol) || prefix.search !== '' || prefix.hash !== '') {
    return refuse('log-policy-malformed', url, 'the URL of a witness: https://…', 'something else')
  }
  const host = prefix.hostname.replace(/^\[|\]$/g, '')
  if (prefix.protocol === 'http:' && !isLoopback(host)) {
    return refuse('witness-not-loopback', url, 'https, or 127.0.0.1 or ::1', 'plain http to a network')
  }
  return new HttpWitnessLink(new URL(`${prefix.href.replace(/\/$/, '')}/add-checkpoint`), ca)
}

const logKeyOf = (world: FleetWorld) => ({ name: world.name, key: world.auditSigner.key })

function readPolicyFile(path: string, world: FleetWorld): LogPolicy | Refusal {
  const text = readText(path, MAX_POLICY_CHARACTERS)
  if (isRefusal(text)) return text
  const policy = readPolicy(text, world.crypto)
  if (isRefusal(policy)) return policy
  if (policy.witnesses.size > MAX_WITNESSES) {
    return refuse('log-policy-malformed', path, `at most ${MAX_WITNESSES} witnesses`, `${policy.witnesses.size}`)
  }
  // A policy names the logs that it is for; one that names none is for whichever reads it.
  const isOurs = policy.logs.length === 0 || policy.logs.some(({ key }) => key.name === world.name)
  return isOurs ? policy : refuse('log-policy-malformed', path, `a line of log for ${world.name}`, 'other logs')
}

/** Goes to the witnesses, each apart from the others: one that is slow or away keeps nobody waiting. Once a second at most. */
export function startWitnessLoops({ gathering, links }: Witnesses, log: Log): Loop[] {
  return [
    startLoop('witnesses', every(1000), 1000, () => turnRound(gathering), log),
    ...[...links].map(([name, link]) =>
      startLoop(`witness ${name}`, every(1000), 1000, () => askWitness(gathering, name, link), log),
    ),
  ]
}
