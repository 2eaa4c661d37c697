import { showEnergy, showPower } from '../../../src/core/encoding/quantity.ts'
import type { CampaignDetail } from '../../../src/wire/plan-views.ts'
import { Progress } from '../../parts/progress.tsx'

type Budget = CampaignDetail['budgets'][number]

const SHOW: Readonly<Record<Budget['amount'], (value: number) => string>> = {
  controllers: value => `${value} ${value === 1 ? 'controller' : 'controllers'}`,
  watts: showPower,
  wattHours: showEnergy,
}

const whose = ({ per, region }: Budget): string => (per === 'fleet' ? 'the fleet' : `region ${region}`)

/** What the campaign may take out of service now, and how full the budgets are that the fleet keeps. */
export function Budgets({ campaign: { budgets, out, outline } }: { campaign: CampaignDetail }) {
  return (
    <section class="panel" aria-labelledby="budgets-title">
      <h2 id="budgets-title">Budgets in use</h2>
      <p class="budgets-now">
        {out.controllers === 0
          ? 'Nothing is ordered: nothing is at risk by this campaign.'
          : `${SHOW.controllers(out.controllers)} ordered: ${showPower(out.watts)} and ${showEnergy(out.wattHours)} may be out of service.`}
      </p>
      {budgets.length === 0 ? (
        <p class="quiet">
          The plan has no budget of the fleet or of a region. What each site limits, its gateway keeps.
        </p>
      ) : (
        <ul class="budgets">
          {budgets.map(budget => (
            <li key={`${whose(budget)} ${budget.amount}`}>
              <span>
                {whose(budget)}: {SHOW[budget.amount](budget.used)} of {SHOW[budget.amount](budget.most)}
              </span>
              <Progress confirmed={budget.used} total={budget.most} full={budget.used >= budget.most} />
            </li>
          ))}
        </ul>
      )}
      {outline !== null && (
        <p class="quiet">
          The largest wave takes {showPower(Math.max(0, ...outline.waves.map(one => one.wattsAtOnce)))} at once at most,
          by the rules of the plan and of its sites.
        </p>
      )}
    </section>
  )
}
