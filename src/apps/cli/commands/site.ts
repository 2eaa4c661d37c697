import { join } from 'node:path'
import { Command } from 'commander'
import { readConfig } from '../../../adapters/config-file.ts'
import { isRefusal, refuse } from '../../../core/refusal/refusal.ts'
import type { DeviceRequest, EnrolSite } from '../../../wire/fleet-api.ts'
import type { EnrolledSite } from '../../../wire/fleet-views.ts'
import { gatewayFiles, readSite, writeJson } from '../../gateway/files.ts'
import type { Cli, Work } from '../cli.ts'
import { type Session, withSession } from '../session.ts'
import { listing } from '../table.ts'

type EnrolOptions = { gateway: string; controllers: string; replaced?: string[]; profile?: string }

export function addSite(program: Command, cli: Cli): void {
  const site = new Command('site').description('take sites into the fleet').copyInheritedSettings(program)
  site
    .command('enrol')
    .alias('enroll')
    .description('register a site: its gateway and its controllers get their certificates')
    .requiredOption('--gateway <folder>', 'the folder that gateway init made')
    .requiredOption('--controllers <folder>', 'the folder with the controllers’ requests (enrolment.json)')
    .option('--replaced <id...>', 'controllers that are other devices now: what their old keys sign counts no more')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((options: EnrolOptions) => withSession(cli, options.profile, session => enrol(cli, session, options))),
    )
  program.addCommand(site)
}

async function enrol(cli: Cli, session: Session, options: EnrolOptions): Promise<Work> {
  const files = gatewayFiles(options.gateway)
  const site = readSite(files.site)
  if (isRefusal(site)) return site
  const gateway = readConfig(files.enrolment)
  if (isRefusal(gateway)) return gateway
  const path = join(options.controllers, 'enrolment.json')
  const devices = readConfig(path)
  if (isRefusal(devices)) return devices
  const { controllers } = (devices ?? {}) as { controllers?: DeviceRequest[] }
  if (!Array.isArray(controllers)) return refuse('config-malformed', path, 'a list of requests', 'none')
  const said = options.replaced === undefined ? {} : { replaced: options.replaced }
  const request: EnrolSite = { site, gateway: gateway as EnrolSite['gateway'], controllers, ...said }
  const issued = await session.post<EnrolledSite & { gatewayUrl?: string }>('/v1/sites', request)
  if (isRefusal(issued)) return issued
  writeJson(files.issued, issued)
  // What controllers are told: where their gateway is, and whom to believe that it is the one.
  const { gateway: _, fleet: __, roots: ___, ...forControllers } = issued
  const config = readConfig(files.config) as { listen: { host: string; port: number } }
  const url = `https://${config.listen.host}:${config.listen.port}`
  writeJson(join(options.controllers, 'issued.json'), { ...forControllers, gateway: { url } })
  const certified = Object.keys(issued.controllers)
  return {
    json: { site: issued.site, gateway: url, controllers: certified },
    text: listing(cli.output, [
      ['site', issued.site],
      ['gateway', url],
      ['controllers', certified.join(', ')],
    ]),
  }
}
