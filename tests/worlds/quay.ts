import type { WorldOptions } from '../../sim/doors/world.ts'

/** A small site for worlds of tests: two racks of one class, and a class of which it has no controller. */
export function quay(controllers = 2): Record<string, unknown> {
  return {
    site: 'quay',
    name: 'Quay',
    region: 'nl-west',
    zone: 'Europe/Amsterdam',
    vendor: 'voltworks.example',
    gateway: { id: 'quay-gateway' },
    links: [{ id: 'lan', kind: 'ethernet' }],
    classes: {
      bms: { hardware: 'primehub', slot: '128KiB', bootloader: 1 },
      pcs: { hardware: 'essentialhub', slot: '128KiB', bootloader: 1 },
    },
    controllers: Array.from({ length: controllers }, (_, n) => ({ id: `bms-${n + 1}`, class: 'bms', link: 'lan' })),
  }
}

/** An image that looks like code, the same for the same seed. */
export function image(seed: number, length = 40_000): Uint8Array {
  return new Uint8Array(length).map((_, index) => (index * (seed * 2 + 1) * 31 + seed) % 251)
}

export const QUAY: WorldOptions = { site: quay(), factory: { bms: image(1) }, approvers: 2, approvalThreshold: 2 }
