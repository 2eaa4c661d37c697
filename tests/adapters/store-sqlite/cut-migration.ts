import { openDatabase } from '../../../src/adapters/store-sqlite/database.ts'
import { FLEET_MIGRATIONS } from '../../../src/adapters/store-sqlite/fleet-migrations.ts'

/**
 * Migrates the fleet's database at the given path and is killed in the middle, as by a cut of power: after the last migration
 * has done all of its work (`late`), or between the tables and their rows (`early`), and before the commit.
 */
const [path, when] = process.argv.slice(2)
const cut = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('still here')
}
const migrations = when === 'late' ? [...FLEET_MIGRATIONS, cut] : [...FLEET_MIGRATIONS.slice(0, -1), cut]
openDatabase(path!, { version: migrations.length, migrations })
