import { mayAtEach } from '../access.ts'
import { Name } from '../fleet-api.ts'
import { List } from '../fleet-views.ts'
import { PlantSeen } from '../plant-api.ts'
import { PageQuery, route } from '../route.ts'
import { SiteControllerView, SiteView } from '../site-views.ts'

const tag = 'sites'
const params = { site: Name }

export const readSite = route({
  method: 'GET',
  path: '/v1/sites/{site}',
  id: 'readSite',
  tag,
  summary: 'A site as it is described: its gateway, controllers and their places, groups and limits',
  access: mayAtEach('read-inventory', 'site'),
  params,
  answers: { 200: SiteView },
  codes: ['site-unknown'],
})

export const listSiteControllers = route({
  method: 'GET',
  path: '/v1/sites/{site}/controllers',
  id: 'listSiteControllers',
  tag,
  summary: 'The controllers of a site by name: what each attested, what is planned for it, and why it waits',
  access: mayAtEach('read-inventory', 'site'),
  params,
  query: PageQuery,
  paged: true,
  answers: { 200: List(SiteControllerView) },
  codes: ['site-unknown', 'cursor-invalid'],
})

export const readSiteController = route({
  method: 'GET',
  path: '/v1/sites/{site}/controllers/{id}',
  id: 'readSiteController',
  tag,
  summary: 'One controller of a site: what it attested, what is planned for it, and why it waits',
  access: mayAtEach('read-inventory', 'site'),
  params: { site: Name, id: Name },
  answers: { 200: SiteControllerView },
  codes: ['controller-unknown'],
})

export const lookAtPlant = route({
  method: 'GET',
  path: '/v1/sites/{site}/plant',
  id: 'lookAtPlant',
  tag,
  summary:
    'What the site’s gateway last showed of its plant: permissives with their values, and who waits for what. While somebody asks, the gateway is asked for more',
  access: mayAtEach('read-inventory', 'site'),
  params,
  answers: { 200: PlantSeen },
  codes: ['site-unknown'],
})
