// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const SHEETS = 'tests/core/campaign/sheet.test.ts'
const DRAFTS = 'tests/core/campaign/draft.test.ts'
const PLANS = 'tests/core/campaign/plan.test.ts'
const RELAY = 'tests/flows/relay.test.ts'
const APPROVERS = 'tests/threats/approval-keys.test.ts'

/** What keeps a campaign to the plan that people approved. */
export const PLAN_GUARDS: readonly Guard[] = [
  {
    stops: 'a sheet that the approved head does not vouch for',
    file: 'src/core/campaign/sheet.ts',
    text: 'if (!verifyInclusion(crypto, { index, size: head.sheets.sites, leaf, root }, path)) {',
    without: 'if (leaf.length + root.length < 0) {',
    tests: SHEETS,
  },
  {
    stops: 'a sheet that the approved head does not vouch for, at the gateway',
    file: 'src/core/campaign/sheet.ts',
    text: 'if (!verifyInclusion(crypto, { index, size: head.sheets.sites, leaf, root }, path)) {',
    without: 'if (leaf.length + root.length < 0) {',
    tests: RELAY,
  },
  {
    stops: 'the sheet of another site or campaign',
    file: 'src/core/campaign/sheet.ts',
    text: 'if (sheet.campaign !== head.id || sheet.site !== site) {',
    without: 'if (sheet.campaign === site) {',
    tests: SHEETS,
  },
  {
    stops: 'sheets that are not those that an approver signs for',
    file: 'src/core/campaign/sheet.ts',
    text: 'if (sheets.length !== sites || top === null || !sameBytes(top, fromHex(root) as Uint8Array)) {',
    without: 'if (top === null) {',
    tests: SHEETS,
  },
  {
    stops: 'sheets that are not those that an approver signs for, at the approver’s machine',
    file: 'src/apps/cli/approval.ts',
    text: 'if (altered !== null) return altered',
    without: '',
    tests: 'tests/apps/doors.test.ts',
  },
  {
    stops: 'waves that count others than the sheets name',
    file: 'src/core/campaign/sheet.ts',
    text: 'const wrong = head.waves.findIndex(({ controllers }, index) => controllers !== waves[index])',
    without: 'const wrong = -1',
    tests: SHEETS,
  },
  {
    stops: 'content for a board that protects the plant',
    file: 'src/core/campaign/draft.ts',
    text: 'if (mixed !== null) return mixed',
    without: '',
    tests: DRAFTS,
  },
  {
    stops: 'a window that never opens',
    file: 'src/core/campaign/draft.ts',
    text: 'if (never !== null) return never',
    without: '',
    tests: DRAFTS,
  },
  {
    stops: 'a wave that waits for one behind it',
    file: 'src/core/campaign/draft-waves.ts',
    text: 'needs.size === 0 ? new Set(taken) : withNeeded(taken, left, needs)',
    without: 'new Set(taken)',
    tests: DRAFTS,
  },
  {
    stops: 'a controller in two waves',
    file: 'src/core/campaign/draft-waves.ts',
    text: 'if (taken.length === wanted.size) return taken',
    without: 'if (taken.length >= 0) return taken',
    tests: DRAFTS,
  },
  {
    stops: 'a misspelt site that nobody notices',
    file: 'src/core/campaign/draft.ts',
    text: 'if (absent !== undefined) {',
    without: 'if (absent === null) {',
    tests: DRAFTS,
  },
  {
    stops: 'content beside firmware that safety depends on',
    file: 'src/core/campaign/plan.ts',
    text: 'if (content === undefined || safety === undefined) return null',
    without: 'if (content !== safety) return null',
    tests: PLANS,
  },
  {
    stops: 'a plan that the server stores and never opens again',
    file: 'src/core/campaign/draft.ts',
    text: 'if (long !== null) return long',
    without: '',
    tests: DRAFTS,
  },
  {
    stops: 'an approval that holds for ever',
    file: 'src/core/campaign/plan.ts',
    text: 'if (plan.notAfter - plan.createdAt > MAX_PLAN_TIME) {',
    without: 'if (plan.notAfter < plan.createdAt) {',
    tests: PLANS,
  },
  {
    stops: 'a permissive that holds for nobody since its class is misspelt',
    file: 'src/core/campaign/plan.ts',
    text: 'const unknown = classes.find(name => !known.has(name))',
    without: 'const unknown = classes.find(name => name === "")',
    tests: PLANS,
  },
  {
    stops: 'a blackout that holds nowhere since its region is misspelt',
    file: 'src/core/campaign/draft.ts',
    text: '(blackoutNowhere(request, where) ?? draft)',
    without: 'draft',
    tests: DRAFTS,
  },
  {
    stops: 'a limit of a site that counts what the site file says nothing of',
    file: 'src/core/fleet/site-rules.ts',
    text: "if (watts !== undefined && !has('power')) return",
    without: "if (watts !== undefined && has('power')) continue; if (watts === 0) return",
    tests: 'tests/core/fleet/topology.test.ts',
  },
  {
    stops: 'rules that an approver signs unseen',
    file: 'src/apps/cli/plan-text.ts',
    text: "table(output, ['rule', 'what must be so'], ruleLines(head)),",
    without: '',
    tests: 'tests/apps/cli/plan-text.test.ts',
  },
  {
    stops: 'times of a plan that its approver signs and does not see',
    file: 'src/apps/cli/plan-text.ts',
    text: "['valid until', formatUtc(head.notAfter)],",
    without: '',
    tests: 'tests/apps/cli/plan-seen.test.ts',
  },
  {
    stops: 'an order that approvers have withdrawn',
    file: 'src/flows/relay.ts',
    text: 'return isPublished && isApproved(campaign)',
    without: 'return isPublished',
    tests: APPROVERS,
  },
  {
    stops: 'an order that its makers have withdrawn',
    file: 'src/flows/relay.ts',
    text: 'return isPublished && isApproved(campaign)',
    without: 'return isApproved(campaign)',
    tests: APPROVERS,
  },
  {
    stops: 'an order by a plan in whose place another one was approved',
    file: 'src/flows/hold.ts',
    text: 'return target.sha256 === toHex(world.crypto.sha256(head))',
    without: 'return target.sha256 !== toHex(head)',
    tests: APPROVERS,
  },
  {
    stops: 'a file that says one thing to its reader and another to us',
    file: 'src/adapters/config-file.ts',
    text: "if (named?.explicit === true && named.version !== '1.2')",
    without: "if (named?.version === '0')",
    tests: 'tests/adapters/config-file.test.ts',
  },
  {
    stops: 'a key that stands twice in a file, in two spellings',
    file: 'src/adapters/config-file.ts',
    text: 'one === other || (isScalar(one) && isScalar(other) && String(one.value) === String(other.value))',
    without: 'one === other || (isScalar(one) && isScalar(other) && one.value === other.value)',
    tests: 'tests/adapters/config-file.test.ts',
  },
  {
    stops: 'a budget under which a controller waits for ever',
    file: 'src/core/campaign/draft.ts',
    text: 'if (larger !== null) return larger',
    without: '',
    tests: DRAFTS,
  },
  {
    stops: 'which controllers there are elsewhere, asked one by one beside one’s own',
    file: 'src/flows/plan.ts',
    text: '  const named = [...(wanted ?? [])]\n',
    without: '  const named: string[] = []\n',
    tests: 'tests/flows/vouch.test.ts',
  },
]
