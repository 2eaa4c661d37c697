// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const MACHINE = 'tests/core/campaign/rollout.test.ts'
const WALKS = 'tests/core/campaign/rollout-walks.test.ts'
const LATE = 'tests/core/campaign/rollout-late.test.ts'
const FIGURES = 'tests/core/campaign/rollout-figures.test.ts'
const BACK = 'tests/core/campaign/rollout-back.test.ts'
const CAMPAIGNS = 'tests/flows/campaigns.test.ts'
const STORE = 'tests/adapters/store-sqlite/turns.test.ts'

/** What keeps a rollout to its waves, gates, budgets and order. */
export const ROLLOUT_GUARDS: readonly Guard[] = [
  {
    stops: 'a report that is counted twice',
    file: 'src/core/campaign/rollout-outcomes.ts',
    text: 'if (event.report <= turn.report) return null',
    without: '',
    tests: MACHINE,
  },
  {
    stops: 'a wave that opens although its gate is shut',
    file: 'src/core/campaign/rollout-moves.ts',
    text: "    pause(work, 'gate', `wave ${name}: ${said[0]}`)\n    return",
    without: '',
    tests: MACHINE,
  },
  {
    stops: 'a gate that somebody’s will opens',
    file: 'src/core/campaign/rollout-moves.ts',
    text: "if (by === 'gate' && !passes) {",
    without: "if (by === 'gate' && !passes && findings.length === 0) {",
    tests: MACHINE,
  },
  {
    stops: 'a campaign that goes on with more failures than a wave allows',
    file: 'src/core/campaign/rollout-moves.ts',
    text: 'if (failed > gate.maxFailures) return',
    without: 'if (failed > gate.maxFailures + 9) return',
    tests: MACHINE,
  },
  {
    stops: 'a campaign that goes on with more failures than it allows in all',
    file: 'src/core/campaign/rollout-moves.ts',
    text: 'if (failed > maxFailures) return',
    without: 'if (failed > maxFailures + 9) return',
    tests: MACHINE,
  },
  {
    stops: 'orders beyond the budgets of regions and fleet',
    file: 'src/core/campaign/rollout-orders.ts',
    text: 'const excess = reckoning.take(turn.region, loadOf(work, turn))',
    without: 'const excess = reckoning.take(turn.region, NO_LOAD)',
    tests: WALKS,
  },
  {
    stops: 'orders beyond the budgets of another campaign that has something out',
    file: 'src/flows/turns.ts',
    text: 'if (of !== campaign) others.add(of)',
    without: 'if (of === campaign) others.delete(of)',
    tests: CAMPAIGNS,
  },
  {
    stops: 'two campaigns for one controller at once',
    file: 'src/core/campaign/rival.ts',
    text: 'if (holder !== null && holder !== plan.id) return holder',
    without: '',
    tests: CAMPAIGNS,
  },
  {
    stops: 'a lower priority that goes before a higher one',
    file: 'src/core/campaign/rival.ts',
    text: 'byRank(other.plan, plan, now) < 0',
    without: 'byRank(other.plan, plan, now) > 9',
    tests: CAMPAIGNS,
  },
  {
    stops: 'an order that was taken back and is forgotten before its site knows',
    file: 'src/flows/turns.ts',
    text: 'else if (heard) ended.push({ site, controller })',
    without: 'else if (heard || !heard) ended.push({ site, controller })',
    tests: CAMPAIGNS,
  },
  {
    stops: 'an older version that frees what was taken back in a newer one, in the store',
    file: 'src/adapters/store-sqlite/turns.ts',
    text: "'DELETE FROM ordered WHERE site = ? AND version <= ?'",
    without: "'DELETE FROM ordered WHERE site = ? AND version <= ? + 9'",
    tests: STORE,
  },
  {
    stops: 'a comparison with too few controllers that passes in silence',
    file: 'src/core/campaign/gate.ts',
    text: "passes: without === 'pass', sentence }",
    without: 'passes: true, sentence }',
    tests: FIGURES,
  },
  {
    stops: 'a clock that makes one controller outweigh the others in a gate',
    file: 'src/core/campaign/rollout-figures.ts',
    text: 'const at = clamp(event.reportedAt, updated ? turn.since : opened.since, work.now)',
    without: 'const at = event.reportedAt',
    tests: FIGURES,
  },
  {
    stops: 'a late-comer at a site whose gateway does not know of the campaign',
    file: 'src/flows/join.ts',
    text: 'if ((await world.store.file(sheetsRepo(plan.id), `${site.site}.json`)) === null) return null',
    without: '',
    tests: 'tests/flows/join.test.ts',
  },
  {
    stops: 'a withdrawal that is forgotten when the server dies behind the halt',
    file: 'src/core/campaign/rollout.ts',
    text: "    tick: leads([], drain),\n    join: 'stay',\n    pause: forbid('campaign-halted'),",
    without: "    tick: 'stay',\n    join: 'stay',\n    pause: forbid('campaign-halted'),",
    tests: CAMPAIGNS,
  },
  {
    stops: 'a roll-back that is forgotten when the server dies behind its command',
    file: 'src/core/campaign/rollout.ts',
    text: "tick: leads(['halted', 'done'], tickBack)",
    without: "tick: 'stay'",
    tests: CAMPAIGNS,
  },
  {
    stops: 'a server that slept and fails everybody who could not be heard',
    file: 'src/core/campaign/listening.ts',
    text: 'Math.abs(now - last) > longest ? now : since',
    without: 'since',
    tests: 'tests/core/campaign/listening.test.ts',
  },
  {
    stops: 'a pause, a halt or a roll-back for which nobody says why',
    file: 'src/flows/campaign.ts',
    text: "if (why === '') return",
    without: "if (why === '' && reason === '?') return",
    tests: 'tests/flows/vouch.test.ts',
  },
  {
    stops: 'an image that is held and that nobody is asked about, behind a pause',
    file: 'src/flows/turns.ts',
    text: 'staged.add(refKey(turn))',
    without: 'staged.delete(refKey(turn))',
    tests: 'tests/flows/join.test.ts',
  },
  {
    stops: 'a step that was taken while the campaign was paused, and never counts',
    file: 'src/flows/report.ts',
    text: "return { result: 'confirmed', further: true }",
    without: 'return null',
    tests: 'tests/flows/join.test.ts',
  },
  {
    stops: 'a timeout for a controller that holds its image and waits for its site',
    file: 'src/core/campaign/rollout-outcomes.ts',
    text: "turn.stage === 'ordered' && seen.staged.has(refKey(turn))",
    without: "turn.stage === 'ordered' && seen.staged.has('')",
    tests: LATE,
  },
  {
    stops: 'a campaign that is done while somebody waits who joined in its last soak',
    file: 'src/core/campaign/rollout-moves.ts',
    text: "    work.become({ ...state, from: 'running' })\n",
    without: '',
    tests: LATE,
  },
  {
    stops: 'a gate that is shut for ever by somebody who joined behind it',
    file: 'src/core/campaign/rollout-moves.ts',
    text: "if (last && state.at === 'paused' && state.by === 'gate') return",
    without: '',
    tests: LATE,
  },
  {
    stops: 'a roll-back that is over while a controller queues on its stepping stone',
    file: 'src/core/campaign/rollout-orders.ts',
    text: "turn.at === 'queued' ? !forGood : ",
    without: "turn.at === 'queued' || ",
    tests: BACK,
  },
  {
    stops: 'a bad release that stays where it was confirmed after the roll-back was over',
    file: 'src/core/campaign/rollout.ts',
    text: 'undone && updated(work.head) === 0',
    without: 'undone',
    tests: BACK,
  },
  {
    stops: 'a gate that stays shut for want of figures that come while it is paused',
    file: 'src/core/campaign/rollout-figures.ts',
    text: "return state.at === 'paused' && state.from !== 'rolling-back' ? state.wave : null",
    without: 'return null',
    tests: FIGURES,
  },
  {
    stops: 'a clock that stands and puts a rise without time into a rate',
    file: 'src/core/campaign/rollout-figures.ts',
    text: '(before !== undefined && at <= before.at)',
    without: '(before !== undefined && at < before.at)',
    tests: FIGURES,
  },
  {
    stops: 'sums of a gate that cannot be read back, so that no campaign goes on',
    file: 'src/core/campaign/rollout-figures.ts',
    text: 'const scale = Math.max(1, rose / LARGEST, millis / LARGEST)',
    without: 'const scale = 1',
    tests: FIGURES,
  },
  {
    stops: 'a way back that passes one that came after it',
    file: 'src/core/campaign/rollout-orders.ts',
    text: 'if (others.some(other => other !== undefined && isAfter(other, turn)) || seen.rivals.has(refKey(turn))) continue',
    without: 'if (seen.rivals.has(refKey(turn))) continue',
    tests: BACK,
  },
  {
    stops: 'a way back from under a controller that did not go back',
    file: 'src/core/campaign/rollout-orders.ts',
    text: 'const stays = site?.kept ?? kept.get(turn.site)',
    without: 'const stays = kept.get(`${turn.site} ${site?.kept}`)',
    tests: BACK,
  },
]
