// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const COORDINATOR = 'src/core/campaign/coordinator.ts'
const RESOURCE = 'src/core/campaign/rules/resource.ts'
const READINGS = 'src/core/campaign/rules/readings.ts'
const SCHEDULE = 'src/core/campaign/rules/schedule.ts'

const WHOSE_TURN = 'tests/core/campaign/coordinator.test.ts'
const BUDGETS = 'tests/core/campaign/budgets.test.ts'
const WALKS = 'tests/core/campaign/coordinator-walks.test.ts'
const WINDOWS = 'tests/core/campaign/rules/schedule.test.ts'
const RULES = 'tests/core/fleet/site-rules.test.ts'
const SITE = 'tests/core/fleet/topology.test.ts'
const CLOCK = 'tests/flows/wall-time.test.ts'
const ORDERS = 'tests/flows/orders.test.ts'

/** The rules of the plant: who may restart when, and what the site never gives up for an update. */
export const PLANT_RULE_GUARDS: readonly Guard[] = [
  // Windows, blackouts, the clock.
  {
    stops: 'a restart outside the windows',
    file: SCHEDULE,
    text: 'windows.every(set => set.some(window => isShown(window, wall)))',
    without: 'windows.every(set => set.some(window => isShown(window, wall)) || true)',
    tests: WALKS,
  },
  {
    stops: 'a plan that opens what the site keeps shut',
    file: SCHEDULE,
    text: 'rules === null ? [site.limits] : [site.limits, rules]',
    without: 'rules === null ? [site.limits] : [rules]',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a plan that permits what the site does not',
    file: COORDINATOR,
    text: 'return rules === undefined ? [limits] : [limits, { by: `campaign ${campaign}`, rules }]',
    without: 'return rules === undefined ? [limits] : [{ by: `campaign ${campaign}`, rules }]',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a restart in a blackout',
    file: SCHEDULE,
    text: '  if (blackout !== undefined) return',
    without: '  if (blackout === undefined) return',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a restart that does not fit into the rest of its window',
    file: SCHEDULE,
    text: 'if (opened !== null && now - opened >= needed) return',
    without: 'if (opened !== null) return',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a window by another clock than the one on the wall',
    file: SCHEDULE,
    text: 'if (now >= stretch.to) stretch = stretchAt(schedule.zone, now)',
    without: 'if (now < at) stretch = stretchAt(schedule.zone, now)',
    tests: WINDOWS,
  },
  {
    stops: 'a window that a jump of the clock opens',
    file: 'src/core/campaign/openings.ts',
    text: "if (!('latest' in other)) return inDoubt(doubt, clock, other)",
    without: "if (!('latest' in other)) continue",
    tests: WHOSE_TURN,
  },
  {
    stops: 'a clock that is moved in small steps',
    file: 'src/core/campaign/clock-line.ts',
    text: 'const next = jumped !== 0 || passed >= AGAIN ?',
    without: 'const next = true ?',
    tests: WALKS,
  },
  {
    stops: 'a clock that was set back while the gateway was off',
    file: 'src/core/campaign/clock-line.ts',
    text: 'back < -USUAL_CORRECTION ?',
    without: 'back === USUAL_CORRECTION ?',
    tests: WALKS,
  },
  {
    stops: 'a controller that restarts when its turn is over',
    file: 'src/apps/agent/device.ts',
    text: 'if (until !== null && now > until) {',
    without: 'if (until !== null && now < 0) {',
    tests: 'tests/apps/agent/turn.test.ts',
  },
  {
    stops: 'a turn without an end',
    file: 'src/apps/agent/link/offer.ts',
    text: "if (activate && !(typeof within === 'number' && within >= 0)) return",
    without: "if (activate && typeof within === 'bigint') return",
    tests: 'tests/apps/agent/turn.test.ts',
  },
  {
    stops: 'a turn whose end the gateway keeps for itself',
    file: 'src/flows/offer.ts',
    text: '{ within: Math.max(0, work.latest - world.clock.now()) }',
    without: '{ within: 86_400_000 }',
    tests: 'tests/flows/coordinate.test.ts',
  },
  {
    stops: 'a clock that is off the fleet’s, and opens a window alone',
    file: 'src/flows/wall-time.ts',
    text: 'known.apart = heldAgainst(news.at, sent, received, world.steady())',
    without: 'known.apart = null',
    tests: CLOCK,
  },
  {
    stops: 'a clock that is put right by cutting the link',
    file: 'src/core/campaign/clock-line.ts',
    text: 'return apart === null || steady >= apart.until ? null',
    without: 'return apart === null || steady >= apart.until - BOTH_COUNT + 1 ? null',
    tests: CLOCK,
  },
  {
    stops: 'a clock that is believed since the gateway was started again',
    file: 'src/flows/wall-time.ts',
    text: 'lineFrom(latest, clock, steady, kept.jump)',
    without: 'lineFrom(latest, clock, steady)',
    tests: CLOCK,
  },
  {
    stops: 'a clock that is believed since the gateway was started again without a link',
    file: 'src/flows/wall-time.ts',
    text: 'kept.fleet === null ? null : {',
    without: 'kept.fleet !== undefined ? null : {',
    tests: CLOCK,
  },
  {
    stops: 'a turn by a clock that was ahead at the start, while the fleet is being asked',
    file: 'src/apps/gateway/serve.ts',
    text: '    if (!asked) return null\n',
    without: '',
    tests: 'tests/flows/coordinate.test.ts',
  },
  {
    stops: 'a turn that is taken up when what it was given under is over',
    file: 'src/flows/offer.ts',
    text: 'return clock > work.latest || clock < work.since - USUAL_CORRECTION',
    without: 'return clock < work.since - USUAL_CORRECTION',
    tests: 'tests/flows/coordinate.test.ts',
  },

  // Live values.
  {
    stops: 'an old reading',
    file: READINGS,
    text: '  if (age > maxAge) return',
    without: '  if (age < -maxAge) return',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a reading from the future',
    file: READINGS,
    text: '  if (age < -AHEAD) return',
    without: '  if (age > Number.MAX_SAFE_INTEGER) return',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a missing reading that permits',
    file: READINGS,
    text: "  if ('unknown' in known) {\n    const",
    without: "  if ('unknown' in known && known.age === null) return null\n  if ('unknown' in known) {\n    const",
    tests: WHOSE_TURN,
  },
  {
    stops: 'a reading that cannot be',
    file: READINGS,
    text: '  if (!canBe(pointOf(point), reading.value)) return',
    without: '  if (!canBe(pointOf(point), reading.value) && age < 0) return',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a restart against a permissive',
    file: COORDINATOR,
    text: 'return this.#before(one) ?? this.#permissives(one) ?? this.#room(one) ?? opening',
    without: 'return this.#before(one) ?? this.#room(one) ?? opening',
    tests: WALKS,
  },
  {
    stops: 'an order by priority over a permissive',
    file: COORDINATOR,
    text: 'const permissives = this.#sets(campaign).flatMap',
    without:
      'const permissives = this.#sets(campaign).filter(() => (this.#s.terms.get(campaign)?.priority ?? 0) < 100).flatMap',
    tests: WHOSE_TURN,
  },

  {
    stops: 'an answer of the plant that is too large',
    file: 'src/adapters/conditions-https.ts',
    text: 'if (length <= MAX_CONDITIONS) return',
    without: 'if (length >= 0) return',
    tests: 'tests/adapters/conditions-https.test.ts',
  },
  {
    stops: 'an answer of the plant of another form',
    file: 'src/adapters/conditions-https.ts',
    text: 'if (!Value.Check(ConditionsAnswer, answer)) return',
    without: 'if (answer === undefined) return',
    tests: 'tests/adapters/conditions-https.test.ts',
  },
  {
    stops: 'a gateway that fills the fleet with reasons',
    file: 'src/flows/reason.ts',
    text: '    if (said === null || said instanceof Misfit) return\n',
    without: '    if (said === null) return\n',
    tests: 'tests/flows/coordinate.test.ts',
  },

  // Budgets and redundancy.
  {
    stops: 'more restarts than the budget',
    file: RESOURCE,
    text: 'isFull: id => away.size + (takes(id) ? 1 : 0) > Math.max(limit, sure.size),',
    without: 'isFull: id => away.size - (takes(id) ? 1 : 0) > Math.max(limit, sure.size),',
    tests: WALKS,
  },
  {
    stops: 'a restart budget that forgets who is still restarting',
    file: COORDINATOR,
    text: "if (state.at === 'granted' || state.at === 'leaving') {",
    without: "if (state.at === 'granted') {",
    tests: ORDERS,
  },
  {
    stops: 'more power away than the budget',
    file: RESOURCE,
    text: 'isFull: id => after(id) > Math.max(limit, sure.total),',
    without: 'isFull: id => after(id) - sum.total > limit,',
    tests: WALKS,
  },
  {
    stops: 'a PCS without a power of its own that takes what is behind it away for nothing',
    file: 'src/core/campaign/rules/loss.ts',
    text: 'cost ??= (next.get(id) ?? []).reduce((sum, one) => sum + costs(one.id), 0)',
    without: 'cost ??= 0',
    tests: BUDGETS,
  },
  {
    stops: 'the same in a seat that a controller gets later',
    file: 'src/flows/join.ts',
    text: '...lossesOf(site)(row.id)',
    without: '...lossesOf({ controllers: [board] })(row.id)',
    tests: 'tests/flows/join.test.ts',
  },
  {
    stops: 'the same in the seats of a plan, by which the fleet keeps its budgets',
    file: 'src/flows/turns.ts',
    text: 'losses: lossesOf(site) }',
    without: 'losses: lossesOf({ controllers: site.controllers.filter(one => one.behind === undefined) }) }',
    tests: 'tests/flows/join.test.ts',
  },
  {
    stops: 'a PCS that comes back before the racks behind it',
    file: 'src/core/campaign/rules/loss.ts',
    text: 'more = Math.max(this.#costs(one), behind + more) - before',
    without: 'more = Math.max(this.#costs(one), behind) - before',
    tests: BUDGETS,
  },
  {
    stops: 'a budget that counts only what its own campaign takes',
    file: COORDINATOR,
    text: "const whose = new Set(['limits', ...this.#active, campaign])",
    without: "const whose = new Set(['limits', campaign])",
    tests: BUDGETS,
  },
  {
    stops: 'two turns in one look for the same room',
    file: COORDINATOR,
    text: 'for (const resources of this.#resources.values()) for (const resource of resources) resource.add(id)',
    without: 'for (const resources of this.#resources.values()) for (const resource of resources) resource.taken()',
    tests: WALKS,
  },
  {
    stops: 'a redundancy group with too few in service',
    file: RESOURCE,
    text: '!sure.has(member)) && beside(id, out.keys()) > members.length - needed,',
    without: '!sure.has(member)) && takes(id).length > members.length - needed,',
    tests: WALKS,
  },
  {
    stops: 'a PCS that takes the racks behind it out of service unseen',
    file: RESOURCE,
    text: '[id, ...(flow.below.get(id) ?? [])].filter(',
    without: '[id].filter(',
    tests: WALKS,
  },
  {
    stops: 'a member that the plant shows out of service',
    file: RESOURCE,
    text: "if (isOutOfService(readings, member)) return 'out of service'",
    without: 'if (isOutOfService(readings, member)) return null',
    tests: BUDGETS,
  },
  {
    stops: 'a silent plant that counts as in service',
    file: RESOURCE,
    text: "    ? null\n    : 'not known to be in service'",
    without: '    ? null\n    : null',
    tests: BUDGETS,
  },
  {
    stops: 'a group that nobody said has no meters, and that asks for none',
    file: 'src/core/fleet/redundancy.ts',
    text: '{ metered = true, maxAgeMillis, ...group }',
    without: '{ metered = maxAgeMillis !== undefined, maxAgeMillis, ...group }',
    tests: BUDGETS,
  },
  {
    stops: 'a member that has never reported, in a group without meters',
    file: RESOURCE,
    text: "return standings.has(member) ? null : 'has never reported'",
    without: 'return null',
    tests: BUDGETS,
  },
  {
    stops: 'a group of which nothing is known, and of which everybody may go since nobody counts as in service',
    file: RESOURCE,
    text: '    if (isSurelyMissing(member, age, known)) sure.add(member)',
    without: '    if (reason !== null) sure.add(member)',
    tests: BUDGETS,
  },
  {
    stops: 'one that was out of service once, and may go for that for ever',
    file: RESOURCE,
    text: "return 'value' in known && known.value === false",
    without: 'return isOutOfService(readings, id)',
    tests: BUDGETS,
  },
  {
    stops: 'a member in its rescue image that counts as in service',
    file: RESOURCE,
    text: "if (standings.get(member) === 'golden') return 'in its rescue image'",
    without: "if (standings.get(member) === 'golden') return null",
    tests: BUDGETS,
  },
  {
    stops: 'two readings of one time of which the last one is believed',
    file: READINGS,
    text: 'before?.at === reading.at && (before.disputed || before.value !== reading.value)',
    without: 'false',
    tests: 'tests/core/campaign/readings.test.ts',
  },
  {
    stops: 'an update begun by hand that nobody counts',
    file: COORDINATOR,
    text: "if (standing === 'busy') this.#offline.add(id)",
    without: "if (standing === 'busy') this.#offline.delete(id)",
    tests: BUDGETS,
  },
  {
    stops: 'a budget that passes over what the plant itself lacks',
    file: COORDINATOR,
    text: 'for (const [id, sure] of this.#missing) resource.lack(id, sure)',
    without: 'for (const [id] of this.#missing) resource.alone(id)',
    tests: BUDGETS,
  },
  {
    stops: 'a budget of a campaign that has somebody away, and whose plan is lost',
    file: COORDINATOR,
    text: 'if (unread !== undefined) {',
    without: 'if (unread === campaign) {',
    tests: BUDGETS,
  },
  {
    stops: 'a budget of zero',
    file: 'src/core/fleet/site-rules.ts',
    text: "  return rules.restarting === 0 ? zero('restarting') : null",
    without: '  return null',
    tests: RULES,
  },
  {
    stops: 'a group that needs all of its members',
    file: 'src/core/fleet/redundancy.ts',
    text: 'if (needed >= members.length) {',
    without: 'if (needed > members.length) {',
    tests: SITE,
  },

  // Order, and what it was ordered by.
  {
    stops: 'a turn for an order that has expired',
    file: COORDINATOR,
    text: 'if (ends !== undefined && now < ends && terms.has(campaign)) return null',
    without: 'if (ends !== undefined && terms.has(campaign)) return null',
    tests: ORDERS,
  },
  {
    stops: 'a turn under rules that the gateway does not hold',
    file: COORDINATOR,
    text: 'ends && terms.has(campaign)) return null',
    without: 'ends) return null',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a step before one of a lower order',
    file: 'src/core/campaign/step-order.ts',
    text: 'return first === undefined || first.order >= own ? null : first.controller',
    without: 'return null',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a stepping stone that the fleet server leaves out',
    file: 'src/core/campaign/step-order.ts',
    text: 'step.order >= own || step.controller === id || talks(step.controller)',
    without: 'step.order >= own || (step.controller !== id && talks(step.controller))',
    tests: WHOSE_TURN,
  },
  {
    stops: 'a release that fails rack after rack while the link is down',
    file: COORDINATOR,
    text: 'if (count <= most) return null',
    without: 'if (count >= 0) return null',
    tests: WHOSE_TURN,
  },
]
