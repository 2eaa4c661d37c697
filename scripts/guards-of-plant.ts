// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const COORDINATOR = 'src/core/campaign/coordinator.ts'
const PLANT = 'tests/sim/plant/coordinator.test.ts'

/** The guards of what a plant must live with, and of what campaigns leave behind. */
export const PLANT_GUARDS: readonly Guard[] = [
  {
    stops: 'a report of changes out of a log that was altered',
    file: 'src/apps/cli/commands/audit-changes.ts',
    text: 'if (finding !== undefined) return finding\n    const report',
    without: 'const report',
    tests: 'tests/apps/cli/audit-changes.test.ts',
  },
  {
    stops: 'a formula in a report of changes',
    file: 'src/core/encoding/csv.ts',
    text: "/^[=+\\-@\\t\\r]/.test(value) ? `'${value}` : value",
    without: 'value',
    tests: 'tests/core/ledger/change-report.test.ts',
  },
  {
    stops: 'a turn that the plant does not permit, judged by the plant',
    file: COORDINATOR,
    text: 'return this.#before(one) ?? this.#permissives(one) ?? this.#room(one) ?? opening',
    without: 'return this.#before(one) ?? this.#room(one) ?? opening',
    tests: PLANT,
  },
  {
    stops: 'more power away than a budget lets, and a group without its spare, judged by the plant',
    file: COORDINATOR,
    text: 'return this.#before(one) ?? this.#permissives(one) ?? this.#room(one) ?? opening',
    without: 'return this.#before(one) ?? this.#permissives(one) ?? opening',
    tests: PLANT,
  },
  {
    stops: 'a turn outside its window, judged by the calendar',
    file: COORDINATOR,
    text: '?? this.#openings.of(one.campaign, one.restart)',
    without: '?? { latest: this.#s.clock }',
    tests: PLANT,
  },
  {
    stops: 'a step before the one that it needs, judged by versions beside each other',
    file: COORDINATOR,
    text: 'const first = this.#order.before(campaign, controller, release)\n',
    without: 'const first = null as string | null\n',
    tests: 'tests/sim/plant/versions.test.ts',
  },
  {
    stops: 'an auxiliary board and one that goes before it, which wait for each other for ever',
    file: COORDINATOR,
    text: 'if (campaign !== null && this.#order.before(campaign, controller, releaseOf(state)) === null) {',
    without: 'if (campaign !== null) {',
    tests: 'tests/core/campaign/coordinator.test.ts',
  },
]
