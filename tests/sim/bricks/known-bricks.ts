/**
 * A way in which devices of other projects were lost, or went back or round in a circle: the thread that tells of it,
 * what happened there, and what a board of ours does. `known-bricks.test.ts` replays each; docs/controller.md lists them.
 *
 * `told` says where it was read. `thread`: in the thread itself. `neighbour`: that thread was not to be had, and the
 * scenario is the one of another thread of the same project that was.
 */
export type KnownBrick = {
  readonly name: string
  readonly thread: string
  readonly told: 'thread' | { readonly neighbour: string }
  readonly happened: string
  readonly here: string
}

const MCUBOOT = 'https://github.com/mcu-tools/mcuboot'

export const KNOWN_BRICKS = [
  {
    name: 'mcuboot #829',
    thread: `${MCUBOOT}/issues/829`,
    told: 'thread',
    happened:
      'A reset during the first swap: to go on, the loader needed a size that only an earlier swap would have left in the factory image’s trailer, and stopped at an assertion at each boot.',
    here: 'Nothing is swapped, and no boot needs what an earlier update left: a cut anywhere in a device’s first update boots, and the update goes on.',
  },
  {
    name: 'mcuboot #1588',
    thread: `${MCUBOOT}/issues/1588`,
    told: 'thread',
    happened:
      'A reset while the running image was being moved up by a sector: its header was not where the loader looked for it any more, and nothing booted again.',
    here: 'The running image never moves: its slot is the same, byte for byte, behind a cut at each operation of an update.',
  },
  {
    name: 'mcuboot #1966',
    thread: `${MCUBOOT}/issues/1966`,
    told: 'thread',
    happened:
      'A cut inside the write of a marker at the start of a revert: a half-written marker fitted no row of the table, and the broken image stayed.',
    here: 'A record is whole or is not one. A cut at each byte of each write of a revert ends on the old image, with the version remembered.',
  },
  {
    name: 'mcuboot #2282',
    thread: `${MCUBOOT}/pull/2282`,
    told: 'thread',
    happened:
      'An upgrade on trial was cut and resumed; the resumed boot took it for an old one and raised the security counter, so that the revert found the old image too old.',
    here: 'Only a confirmation raises the counter. However the start of a trial is cut, the counter stands, and the way back is open.',
  },
  {
    name: 'mcuboot #2549',
    thread: `${MCUBOOT}/pull/2549`,
    told: 'thread',
    happened:
      'The rollback counter was raised at the first boot of an image that was not confirmed: after its revert neither image could boot. Waiting for the boot after the confirmation would have left a window instead.',
    here: 'A trial that hangs leaves the counter as it was; a confirmation raises it at once, without a reboot.',
  },
  {
    name: 'mcuboot #2219',
    thread: `${MCUBOOT}/issues/2219`,
    told: 'thread',
    happened:
      'The second slot lay in an external flash that had died: the loader gave up there, although the first slot held a good image.',
    here: 'A slot that cannot be read is an empty one. With one slot dead, whatever the record says, the other runs; an update is refused with a code.',
  },
  {
    name: 'mcuboot #2845',
    thread: `${MCUBOOT}/issues/2845`,
    told: { neighbour: `${MCUBOOT}/pull/2832` },
    happened:
      'A double bit error in the second slot while an upgrade was being put there: the loader met it at each boot, and stopped at an assertion each time.',
    here: 'An ECC fault in any sector of a slot, at any part of a download, boots the running image, and the next attempt erases the fault away.',
  },
  {
    name: 'mcuboot #2811',
    thread: `${MCUBOOT}/issues/2811`,
    told: 'thread',
    happened:
      'An image that the loader’s recovery path installed was never marked confirmed: the next reset took it for a failed trial, and erased and copied over it.',
    here: 'What golden installed, and what a device without a record runs, is tried and confirmed like any other image; no reset ever erases a slot.',
  },
  {
    name: 'mcuboot #2644',
    thread: `${MCUBOOT}/issues/2644`,
    told: { neighbour: `${MCUBOOT}/issues/480` },
    happened:
      'The watchdog fired while the loader was at work on a revert: the resumed work marked the wrong image as confirmed, and the reset after it brought the failed one back.',
    here: 'A boot has no work to resume but one record. A watchdog reset at each operation of a revert, and another in the boot after it, ends on the old image.',
  },
  {
    name: 'rauc #683',
    thread: 'https://github.com/rauc/rauc/issues/683',
    told: 'thread',
    happened:
      'Power went again and again: each boot spent an attempt, until neither slot had one left, and the boot loader stopped with two good images.',
    here: 'A confirmed image has no attempts to spend, and a trial that lost its power too often goes back to one: power cuts without end always boot.',
  },
  {
    name: 'rauc #643',
    thread: 'https://github.com/rauc/rauc/issues/643',
    told: 'thread',
    happened:
      'A device came up in its other partition from time to time, with no update under way: each boot spends an attempt until a service marks it good, so that boots which end early count against a good image.',
    here: 'Confirmed once is confirmed: resets of every cause, at every operation of a boot, keep to the slot.',
  },
  {
    name: 'nerves_runtime #375',
    thread: 'https://github.com/nerves-project/nerves_runtime/issues/375',
    told: 'thread',
    happened:
      'In about 0.002 % of devices the write of the boot environment had not gone through: its last quarter was zeros. With one copy nothing could be read, and so nothing be written either.',
    here: 'The newest record with its last quarter in zeros gives way to the one before; with no record left, what verifies is tried anew, and writes one.',
  },
  {
    name: 'mender PR 823',
    thread: 'https://github.com/mendersoftware/mender/pull/823',
    told: 'thread',
    happened:
      'The report of a committed update could not be delivered, or the device rebooted while it waited to be: the client rolled the good update back.',
    here: 'Reporting is no part of the decision: with a gateway that never answers, and over resets, the update stays confirmed, and is told when somebody listens.',
  },
  {
    name: 'a rolled-back version reinstalled for ever',
    thread: 'https://github.com/ZaparooProject/zaparoo-core/pull/1334',
    told: 'thread',
    happened:
      'An updater did not look at how its last attempt had ended: it installed a release that had failed and been rolled back again at each check, and at each restart.',
    here: 'The version is refused at each offer, under any name, before the first byte and over any resets; a newer one is taken.',
  },
] as const satisfies readonly KnownBrick[]

export type BrickName = (typeof KNOWN_BRICKS)[number]['name']
