import type { CodeTable } from './code.ts'

export const fleetCodes = {
  'site-malformed': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the site description does not have the form of a site',
    fix: 'Correct the named place in the site file. docs/site.md describes every field and has an example.',
  },
  'site-zone-unknown': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the time zone is not one of the IANA database',
    fix: 'Write the zone as the IANA database does, for example Europe/Amsterdam. Offsets such as +01:00 do not know summer time and are refused.',
  },
  'site-controller-duplicate': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'two controllers of the site have the same id',
    fix: 'Give every controller of the site an id of its own. Two boards with one id cannot be told apart, and the wrong one could be updated.',
  },
  'site-class-unknown': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the controller is of a class that the site does not describe',
    fix: 'Add the class under "classes", or correct the spelling at the controller.',
  },
  'site-hardware-missing': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the hardware revision of the controller is not known',
    fix: 'Write "hardware" at the controller, or a default at its class.',
  },
  'site-vendor-missing': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the vendor of the controller class is not known',
    fix: 'Write "vendor" at the class, or once for the whole site.',
  },
  'site-link-duplicate': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'two links of the site have the same id',
    fix: 'Give every link of the site an id of its own.',
  },
  'site-link-unknown': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the controller hangs on a link that the site does not describe',
    fix: 'Add the link under "links", or correct the spelling at the controller.',
  },
} as const satisfies CodeTable
