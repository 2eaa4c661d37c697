import { ACCOUNT_GUARDS } from './guards-of-accounts.ts'
import { AGENT_GUARDS } from './guards-of-agent.ts'
import { API_GUARDS } from './guards-of-api.ts'
import { BACKUP_GUARDS } from './guards-of-backups.ts'
import { BRICK_GUARDS } from './guards-of-bricks.ts'
import { CEREMONY_GUARDS } from './guards-of-ceremony.ts'
import { CONSOLE_GUARDS } from './guards-of-console.ts'
import { COVER_GUARDS } from './guards-of-covers.ts'
import { DELTA_GUARDS } from './guards-of-deltas.ts'
import { DOOR_GUARDS } from './guards-of-doors.ts'
import { ENCRYPTION_GUARDS } from './guards-of-encryption.ts'
import { ENTRY_GUARDS } from './guards-of-entries.ts'
import { ENVELOPE_GUARDS } from './guards-of-envelopes.ts'
import { EVIDENCE_GUARDS } from './guards-of-evidence.ts'
import { FOREIGN_GUARDS } from './guards-of-foreign.ts'
import { GATEWAY_PAGE_GUARDS } from './guards-of-gateway-page.ts'
import { INVENTORY_GUARDS } from './guards-of-inventory.ts'
import { KEY_GUARDS } from './guards-of-keys.ts'
import { LINK_GUARDS } from './guards-of-link.ts'
import { LOG_GUARDS } from './guards-of-log.ts'
import { LOG_READER_GUARDS } from './guards-of-log-readers.ts'
import { MCUBOOT_GUARDS } from './guards-of-mcuboot.ts'
import { PACK_GUARDS } from './guards-of-packs.ts'
import { PART_GUARDS } from './guards-of-parts.ts'
import { PASSKEY_GUARDS } from './guards-of-passkeys.ts'
import { PATCH_GUARDS } from './guards-of-patches.ts'
import { PATH_GUARDS } from './guards-of-paths.ts'
import { PLAN_GUARDS } from './guards-of-plans.ts'
import { PLANT_GUARDS } from './guards-of-plant.ts'
import { PLANT_RULE_GUARDS } from './guards-of-plant-rules.ts'
import { RECORD_GUARDS } from './guards-of-record.ts'
import { REFERENCE_GUARDS } from './guards-of-references.ts'
import { REPOSITORY_GUARDS } from './guards-of-repository.ts'
import { ROLLOUT_GUARDS } from './guards-of-rollout.ts'
import { ROTATION_GUARDS } from './guards-of-rotation.ts'
import { SHELL_GUARDS } from './guards-of-shell.ts'
import { SIEM_GUARDS } from './guards-of-siem.ts'
import { SIGN_IN_GUARDS } from './guards-of-sign-in.ts'
import { SITE_PATCH_GUARDS } from './guards-of-site-patches.ts'
import { SITE_SCREEN_GUARDS } from './guards-of-site-screen.ts'
import { SITE_GUARDS } from './guards-of-sites.ts'
import { SLOT_GUARDS } from './guards-of-slots.ts'
import { THREAT_GUARDS } from './guards-of-threats.ts'
import { TRUST_GUARDS } from './guards-of-trust.ts'
import { WITNESS_GUARDS } from './guards-of-witness.ts'

/** Every guard, in the order in which they are taken out. */
export const GUARDS = [
  ...PART_GUARDS,
  ...ENVELOPE_GUARDS,
  ...SLOT_GUARDS,
  ...BRICK_GUARDS,
  ...CEREMONY_GUARDS,
  ...DELTA_GUARDS,
  ...COVER_GUARDS,
  ...REFERENCE_GUARDS,
  ...DOOR_GUARDS,
  ...CONSOLE_GUARDS,
  ...ACCOUNT_GUARDS,
  ...SIGN_IN_GUARDS,
  ...ENTRY_GUARDS,
  ...GATEWAY_PAGE_GUARDS,
  ...INVENTORY_GUARDS,
  ...KEY_GUARDS,
  ...LINK_GUARDS,
  ...LOG_GUARDS,
  ...AGENT_GUARDS,
  ...API_GUARDS,
  ...SHELL_GUARDS,
  ...SIEM_GUARDS,
  ...FOREIGN_GUARDS,
  ...ROTATION_GUARDS,
  ...MCUBOOT_GUARDS,
  ...ENCRYPTION_GUARDS,
  ...EVIDENCE_GUARDS,
  ...PACK_GUARDS,
  ...RECORD_GUARDS,
  ...TRUST_GUARDS,
  ...WITNESS_GUARDS,
  ...THREAT_GUARDS,
  ...REPOSITORY_GUARDS,
  ...PATCH_GUARDS,
  ...SITE_PATCH_GUARDS,
  ...PATH_GUARDS,
  ...PLANT_GUARDS,
  ...PLAN_GUARDS,
  ...ROLLOUT_GUARDS,
  ...PLANT_RULE_GUARDS,
  ...BACKUP_GUARDS,
  ...SITE_GUARDS,
  ...SITE_SCREEN_GUARDS,
  ...LOG_READER_GUARDS,
  ...PASSKEY_GUARDS,
]
