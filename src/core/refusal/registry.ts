import type { CodeEntry } from './code.ts'
import { accountCodes } from './codes-accounts.ts'
import { agentCodes } from './codes-agent.ts'
import { apiCodes } from './codes-api.ts'
import { backupCodes } from './codes-backup.ts'
import { campaignCodes } from './codes-campaign.ts'
import { ceremonyCodes } from './codes-ceremony.ts'
import { consoleCodes } from './codes-console.ts'
import { deltaCodes } from './codes-delta.ts'
import { encryptionCodes } from './codes-encryption.ts'
import { evidenceCodes } from './codes-evidence.ts'
import { firmwareCodes } from './codes-firmware.ts'
import { fleetCodes } from './codes-fleet.ts'
import { inventoryCodes } from './codes-inventory.ts'
import { keyCodes } from './codes-keys.ts'
import { ledgerCodes } from './codes-ledger.ts'
import { linkCodes } from './codes-link.ts'
import { packCodes } from './codes-pack.ts'
import { plantCodes } from './codes-plant.ts'
import { publishCodes } from './codes-publish.ts'
import { siemCodes } from './codes-siem.ts'
import { siteCodes } from './codes-sites.ts'
import { slotCodes } from './codes-slot.ts'
import { trustCodes } from './codes-trust.ts'
import { worldCodes } from './codes-world.ts'

const tables = {
  ...trustCodes,
  ...ceremonyCodes,
  ...firmwareCodes,
  ...encryptionCodes,
  ...deltaCodes,
  ...fleetCodes,
  ...inventoryCodes,
  ...plantCodes,
  ...siteCodes,
  ...slotCodes,
  ...agentCodes,
  ...apiCodes,
  ...backupCodes,
  ...campaignCodes,
  ...ledgerCodes,
  ...siemCodes,
  ...linkCodes,
  ...publishCodes,
  ...accountCodes,
  ...evidenceCodes,
  ...packCodes,
  ...consoleCodes,
  ...keyCodes,
  ...worldCodes,
}

export type RefusalCode = keyof typeof tables

/** Every code that Voltseal can answer with: the one source of exit codes, API bodies, audit entries, docs, `explain`. */
export const registry: Readonly<Record<RefusalCode, CodeEntry>> = tables

/** Narrows a word to a code, for `explain` and for codes that come over the wire. */
export function isRefusalCode(word: string): word is RefusalCode {
  return Object.hasOwn(tables, word)
}
