// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const SHEETS = 'tests/core/campaign/sheet.test.ts'
const PLANS = 'tests/core/campaign/plan.test.ts'
const RELAY = 'tests/flows/relay.test.ts'

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
    stops: 'content beside firmware that safety depends on',
    file: 'src/core/campaign/plan.ts',
    text: 'if (content === undefined || safety === undefined) return null',
    without: 'if (content !== safety) return null',
    tests: PLANS,
  },
]
