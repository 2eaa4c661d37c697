import { canonicalJson, type Json } from '../encoding/canonical-json.ts'
import { durationShape, energyShape, powerShape } from '../encoding/quantity.ts'
import {
  dictionary,
  either,
  line,
  list,
  Misfit,
  object,
  type ShapeOf,
  text,
  then,
  truth,
  whole,
  word,
} from '../encoding/shape.ts'
import { type Bytes, bytes, type Millis, millis, type WattHours, type Watts } from '../encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { NAME } from './identity.ts'
import { checkBehind, checkGroups, type RedundancyGroup, readGroups } from './redundancy.ts'
import { checkLimits, NO_RULES, rulesShape, type SiteRules } from './site-rules.ts'

/** What controllers hang on. The kind decides how an image travels the last metres. */
export type LinkKind = 'ethernet' | 'can-fd' | 'can' | 'rs-485' | 'ocpp'
export type SiteLink = { readonly id: string; readonly kind: LinkKind; readonly bitsPerSecond?: number }

/**
 * What all controllers of a class have in common.
 * - `vendor`: a DNS name; with the class it makes the identifiers that a manifest names.
 * - `hardware`: the default revision of the class's controllers, when the site gave one.
 * - `slot`: bytes of one firmware slot. `bootloader`: the version of the boot chain, a whole number.
 */
export type ControllerClass = {
  readonly vendor: string
  readonly hardware?: string
  readonly slot: Bytes
  readonly bootloader: number
  readonly duty: Duty
  readonly restart: Millis
}

/** What a class does for the plant. An auxiliary board carries no power and protects nothing: such boards go first. */
export type Duty = 'power' | 'protection' | 'control' | 'auxiliary'

/** How long a controller is away from its plant duty, restart and trial, where its class does not say. */
export const DEFAULT_RESTART = millis(600_000)

/**
 * One controller board. `cabinet` and `rack` say where a technician finds it.
 * - `power`, `energy`: what the plant loses while the board restarts.
 * - `feeder`: the feeder that it is on; without one, that of the controller it is behind.
 * - `behind`: the controller through which its power flows. While that one is offline, this one costs nothing more.
 * - `circle`: controllers of one circle talk to each other; one without a circle talks to all of the site.
 */
export type SiteController = {
  readonly id: string
  readonly class: string
  readonly hardware: string
  readonly link: string
  readonly cabinet?: string
  readonly rack?: string
  readonly power?: Watts
  readonly energy?: WattHours
  readonly feeder?: string
  readonly circle?: string
  readonly behind?: string
  readonly labels?: readonly string[]
}

declare const brand: unique symbol

/**
 * A site as its `site.yaml` describes it, with every default filled in, so that each fact has one place. Controllers
 * and links are in the order of the file; ids are unique; every class and link that is named is there.
 */
export type Site = {
  readonly site: string
  readonly name: string
  readonly region: string
  /** The IANA name of the zone that the site's windows are written in. */
  readonly zone: string
  readonly gateway: { readonly id: string }
  readonly classes: Readonly<Record<string, ControllerClass>>
  readonly controllers: readonly SiteController[]
  readonly links: readonly SiteLink[]
  readonly groups: readonly RedundancyGroup[]
  /** The site's own rules: they hold beside those of every plan. */
  readonly limits: SiteRules
  readonly [brand]: 'Site'
}

/** Bounds of one site: what no real site reaches, and what a hostile file may cost. */
export const MAX_CONTROLLERS = 4096
export const MAX_CLASSES = 64
export const MAX_LINKS = 512
export const MAX_GROUPS = 512

const MAX_SLOT_BYTES = 2 ** 31
const name = text('a name of 1 to 64 of a-z 0-9 . _ -, starting and ending with a letter or digit', NAME)
const vendor = text(
  'a DNS name',
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/,
)
const place = line(64)

const size = either(
  whole(1024, MAX_SLOT_BYTES),
  then(text('a size such as 512KiB or 1MiB', /^[1-9][0-9]{0,5}(?:KiB|MiB)$/), (value, at) => {
    const number = Number(value.slice(0, -3)) * (value.endsWith('KiB') ? 1024 : 1024 * 1024)
    return number <= MAX_SLOT_BYTES ? number : new Misfit(at, 'at most 2048MiB', value)
  }),
)

const siteShape = object(
  {
    site: name,
    name: line(120),
    region: name,
    zone: line(64),
    gateway: object({ id: name }),
    classes: dictionary(
      name,
      object(
        { slot: size },
        {
          vendor,
          hardware: name,
          bootloader: whole(0, 65535),
          duty: word('power', 'protection', 'control', 'auxiliary'),
          restart: durationShape(1000, 86_400_000),
        },
      ),
      MAX_CLASSES,
    ),
    controllers: list(
      object(
        { id: name, class: name, link: name },
        {
          hardware: name,
          cabinet: place,
          rack: place,
          power: powerShape(),
          energy: energyShape(),
          feeder: name,
          circle: name,
          behind: name,
          labels: list(name, 1, 32),
        },
      ),
      1,
      MAX_CONTROLLERS,
    ),
    links: list(
      object(
        { id: name, kind: word('ethernet', 'can-fd', 'can', 'rs-485', 'ocpp') },
        { bitsPerSecond: whole(1, 1_000_000_000_000) },
      ),
      1,
      MAX_LINKS,
    ),
  },
  {
    vendor,
    groups: list(
      object(
        { id: name, members: list(name, 2, MAX_CONTROLLERS), needed: whole(1, MAX_CONTROLLERS) },
        { metered: truth, maxAgeMillis: durationShape(1000, 86_400_000) },
      ),
      0,
      MAX_GROUPS,
    ),
    limits: rulesShape,
  },
)

type Written = ShapeOf<typeof siteShape>

/**
 * Reads a site from its parsed YAML or JSON; reading what `siteBytes` wrote gives the same site. `subject` names the
 * file in a refusal, whose `actual` names the place in it. Refuses `site-malformed`, `site-zone-unknown`,
 * `site-controller-duplicate`, `site-class-unknown`, `site-hardware-missing`, `site-vendor-missing`,
 * `site-link-duplicate`, `site-link-unknown`, `site-behind-unknown`, `site-behind-circular`, `site-group-duplicate`,
 * `site-group-member-unknown`, `site-group-without-spare`, `rules-budget-zero`, `rules-hold-nowhere`.
 */
export function parseSite(value: unknown, subject: string): Site | Refusal {
  const written = siteShape(value, '')
  if (written instanceof Misfit) {
    return refuse('site-malformed', subject, written.expected, `${written.actual} at ${written.at || 'the top'}`)
  }
  if (!isZone(written.zone)) return refuse('site-zone-unknown', subject, 'an IANA zone', `"${written.zone}" at zone`)
  const classes = readClasses(written, subject)
  if (isRefusal(classes)) return classes
  const controllers = readControllers(written, classes, subject)
  if (isRefusal(controllers)) return controllers
  const { site, name, region, zone, gateway, links, limits = NO_RULES } = written
  const groups = readGroups(written.groups ?? [], subject)
  if (isRefusal(groups)) return groups
  const fault = checkBehind(controllers, subject) ?? checkGroups(groups, controllers, subject)
  if (fault !== null) return fault
  const unfit = checkLimits(limits, { classes: Object.keys(classes), controllers }, subject)
  if (unfit !== null) return unfit
  return { site, name, region, zone, gateway, classes, controllers, links, groups, limits } as unknown as Site
}

function readClasses(written: Written, subject: string): Site['classes'] | Refusal {
  const entries: [string, ControllerClass][] = []
  for (const [className, { slot, vendor, hardware, bootloader, duty, restart }] of Object.entries(written.classes)) {
    const maker = vendor ?? written.vendor
    if (maker === undefined) return refuse('site-vendor-missing', subject, 'a vendor', `none at classes.${className}`)
    const common = {
      vendor: maker,
      slot: bytes(slot),
      bootloader: bootloader ?? 1,
      duty: duty ?? 'control',
      restart: restart ?? DEFAULT_RESTART,
    }
    entries.push([className, hardware === undefined ? common : { ...common, hardware }])
  }
  return Object.fromEntries(entries)
}

function readControllers(written: Written, classes: Site['classes'], subject: string): SiteController[] | Refusal {
  const links = new Set<string>()
  for (const [index, { id }] of written.links.entries()) {
    if (links.has(id))
      return refuse('site-link-duplicate', subject, 'a new link id', `"${id}" again at links[${index}]`)
    links.add(id)
  }
  const ids = new Map<string, number>()
  const controllers: SiteController[] = []
  for (const [index, controller] of written.controllers.entries()) {
    const at = `controllers[${index}]`
    const first = ids.get(controller.id)
    if (first !== undefined) {
      const actual = `"${controller.id}" at controllers[${first}] and again at ${at}`
      return refuse('site-controller-duplicate', subject, 'a new controller id', actual)
    }
    ids.set(controller.id, index)
    if (!Object.hasOwn(classes, controller.class)) {
      const known = Object.keys(classes).join(', ') || 'a class of the site'
      return refuse('site-class-unknown', subject, known, `"${controller.class}" at ${at}.class`)
    }
    if (!links.has(controller.link)) {
      return refuse('site-link-unknown', subject, [...links].join(', '), `"${controller.link}" at ${at}.link`)
    }
    const hardware = controller.hardware ?? classes[controller.class]?.hardware
    if (hardware === undefined) return refuse('site-hardware-missing', subject, 'a hardware revision', `none at ${at}`)
    controllers.push({ ...controller, hardware })
  }
  return controllers
}

/** The site as canonical JSON: what is stored and compared. */
export function siteBytes(site: Site): Uint8Array {
  return canonicalJson(site as unknown as Json)
}

/** What the site says of one of its controllers, with its class; null when it has none of that id. */
export function findController(site: Site, id: string): (SiteController & { readonly of: ControllerClass }) | null {
  const found = site.controllers.find(controller => controller.id === id)
  return found === undefined ? null : { ...found, of: site.classes[found.class] as ControllerClass }
}

/** True for a name of the IANA database in its own spelling. */
function isZone(zone: string): boolean {
  if (!/^[A-Za-z]/.test(zone)) return false
  try {
    return new Temporal.ZonedDateTime(0n, zone).timeZoneId === zone
  } catch {
    return false
  }
}
