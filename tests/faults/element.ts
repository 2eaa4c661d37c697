import type { SimElement } from '../../sim/secure-element/sim-element.ts'
import type { SecureElement } from '../../src/flows/ports.ts'

/** The secure element as the flows see it; `counter` is asked instead of its own. The judge asks the element itself. */
export const elementWith = (element: SimElement, counter: () => number | null): SecureElement => ({
  counter,
  counterLimit: element.counterLimit,
  raise: value => element.raise(value),
  anchors: () => element.anchors(),
  addAnchor: anchor => element.addAnchor(anchor),
  revokeAnchor: kid => element.revokeAnchor(kid),
  goldenDigest: () => element.goldenDigest(),
  pinGolden: digest => element.pinGolden(digest),
  mac: message => element.mac(message),
  reportKey: element.reportKey,
  signReport: message => element.signReport(message),
  nextReport: () => element.nextReport(),
})
