import { PowerLost } from '../../sim/flash/power-lost.ts'
import type { SimElement } from '../../sim/secure-element/sim-element.ts'
import type { Anchor } from '../../src/core/firmware/suit-open.ts'
import type { SecureElement } from '../../src/core/slot/hardware.ts'
import type { Gate } from './gate.ts'
import { joined, type Proof } from './proof.ts'

/** How the secure element is, apart from what it holds: whether it gives its counter, and takes commands. */
export type ElementHarm = {
  readonly counter: 'given' | 'not in this boot' | 'never'
  readonly commands: 'taken' | 'refused'
}

/** The element of a device, and what strikes it. */
type Wired = { readonly element: SimElement; readonly gate: Gate; readonly harm: ElementHarm; told: Told | null }

/** A command with what it was given. */
export type Told =
  | { readonly kind: 'raise'; readonly counter: number }
  | { readonly kind: 'add-anchor'; readonly anchor: Anchor }
  | { readonly kind: 'revoke-anchor'; readonly kid: string }

/** What is so behind a question that was not answered. */
const SILENT = { once: 'given', boot: 'not in this boot', ever: 'never' } as const

/**
 * The secure element as the flows see it; `counter` is asked instead of its own. The judge asks the element itself, and
 * looks whether a fault that struck a command did something.
 */
export function elementWith(device: Wired, counter: () => number | null): SecureElement {
  const { element, gate } = device
  const command = (told: Told, work: () => boolean): boolean => {
    device.told = told
    const number = gate.struck.length
    const before = element.snapshot()
    let [lost, done] = [false, false]
    try {
      done = work()
      return done
    } catch (error) {
      lost = error instanceof PowerLost
      throw error
    } finally {
      prove(device, number, {
        lost,
        done,
        changed: before.counter !== element.counter() || before.anchors !== element.snapshot().anchors,
      })
    }
  }
  return {
    counter: () => {
      const number = gate.struck.length
      const before = device.harm.counter
      const value = counter()
      const fault = gate.struck[number]
      if (fault?.effect.silent !== undefined) {
        const kept = device.harm.counter === SILENT[fault.effect.silent] || before !== 'given'
        const none = before !== 'given' && device.harm.counter === before
        fault.proof = value !== null || !kept ? 'ignored' : none ? 'none' : 'effect'
      }
      return value
    },
    counterLimit: element.counterLimit,
    raise: value => command({ kind: 'raise', counter: value }, () => element.raise(value)),
    anchors: () => element.anchors(),
    addAnchor: anchor => command({ kind: 'add-anchor', anchor }, () => element.addAnchor(anchor)),
    revokeAnchor: kid => command({ kind: 'revoke-anchor', kid }, () => element.revokeAnchor(kid)),
    goldenDigest: () => element.goldenDigest(),
    pinGolden: digest => element.pinGolden(digest),
    mac: message => element.mac(message),
    get decryptionKey() {
      return element.decryptionKey
    },
    agree: point => element.agree(point),
    reportKey: element.reportKey,
    signReport: message => element.signReport(message),
    nextReport: () => element.nextReport(),
  }
}

type Seen = { readonly lost: boolean; readonly done: boolean; readonly changed: boolean }

/** Of a command that has nothing to change it cannot be told whether it was done. */
function prove({ gate, harm }: Wired, number: number, { lost, done, changed }: Seen): void {
  const fault = gate.struck[number]
  if (fault === undefined) return
  const { element, refuses } = fault.effect
  const when = (did: boolean): Proof => (did ? 'effect' : 'ignored')
  const proofs: Proof[] = []
  if (element === 'before') proofs.push(when(lost && !changed))
  if (element === 'refused') proofs.push(when(!lost && !done && !changed))
  if (element === 'after') proofs.push(lost && !changed ? 'none' : when(lost))
  if (element === 'lost') proofs.push(!done && !changed ? 'none' : when(!lost && !done))
  if (refuses === true) proofs.push(when(harm.commands === 'refused'))
  if (proofs.length > 0) fault.proof = joined(proofs)
}
