import { wanted } from '../../core/campaign/rules/readings.ts'
import { USUAL_SILENCE } from '../../core/fleet/attention.ts'
import { pointOf } from '../../core/fleet/points.ts'
import type { Site } from '../../core/fleet/topology.ts'
import type { Report } from '../../core/trust/report.ts'
import type { AttestedState, SiteView } from '../../wire/site-views.ts'

/** A site and what its controllers attest, in the words in which both the fleet server and the site's own gateway show them. */

/**
 * The site as it is described. `heardAt`: when its gateway last called; `upstream`: how far the fleet has the gateway's own log;
 * `silentAfterMillis`: behind how long its gateway counts as silent, which no gateway asks of itself.
 */
export function siteView(
  described: Site,
  heardAt: number | null,
  upstream: number,
  silentAfterMillis = USUAL_SILENCE.gateways,
): SiteView {
  const { site, name, region, zone, gateway, classes, links, groups } = described
  return {
    site,
    name,
    region,
    zone,
    gateway: { id: gateway.id, heardAt, silentAfterMillis, upstream },
    classes: Object.entries(classes).map(([of, { vendor, duty, restart, bootloader }]) => {
      return { class: of, vendor, duty, restartMillis: restart, bootloader }
    }),
    links: links.map(link => ({ id: link.id, kind: link.kind })),
    groups: groups.map(group => ({ id: group.id, members: [...group.members], needed: group.needed })),
    controllers: described.controllers.map(placed),
    limits: limitsOf(described),
  }
}

function placed(one: Site['controllers'][number]): SiteView['controllers'][number] {
  const { id, class: of, hardware, link, labels = [] } = one
  const { cabinet = null, rack = null, power = null, energy = null, feeder = null, behind = null, circle = null } = one
  return { id, class: of, hardware, link, cabinet, rack, power, energy, feeder, behind, circle, labels: [...labels] }
}

function limitsOf({ limits: { windows, blackouts, permissives, restarting } }: Site): SiteView['limits'] {
  return {
    windows: windows.map(({ days, from, to }) => ({ days: [...days], from, to })),
    blackouts: blackouts.map(({ why, from, to, ...when }) =>
      'days' in when ? { why, days: [...when.days], from, to } : { why, from, to },
    ),
    permissives: permissives.map(one => {
      const { point, maxAgeMillis, classes = null } = one
      return { point, threshold: wanted(one, pointOf(point)), maxAgeMillis, classes: classes && [...classes] }
    }),
    restarting,
  }
}

/** What a verified report says. `seenAt`: when it was taken in, by the clock of whoever shows it. */
export function attestedView(report: Report, seenAt: number | null): AttestedState {
  const { sequence, at, event, state, running, previous, staged, armed, golden, counter, anchors, attempts } = report
  const { version, sequence: release, digest, slot } = running
  return {
    sequence,
    at,
    seenAt,
    event,
    state,
    slot,
    running: { version, sequence: release, digest },
    previous: previous ?? null,
    staged: staged ?? null,
    armed: armed === true,
    golden: golden ?? null,
    counter,
    anchors: [...anchors],
    attempts: attempts.map(one => ({ version: one.version, at: one.at, phase: one.phase, cause: one.cause })),
    figures: { ...report.figures },
    refusal: report.refusal === undefined ? null : { code: report.refusal.code, subject: report.refusal.subject },
  }
}
