import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { OPENAPI_FILE, openApiText } from '../../scripts/openapi.ts'
import { registry } from '../../src/core/refusal/registry.ts'
import { ROUTES } from '../../src/wire/fleet-routes.ts'

type Operation = { operationId: string; responses: Record<string, { content?: Record<string, unknown> }> }
type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, { enum?: string[] }> }
}

/** By the schema of OpenAPI 3.1 that its authors publish. A name in a constant: nothing but this test needs the package. */
async function judged(document: object): Promise<{ valid: boolean; errors?: unknown }> {
  const name: string = '@seriousme/openapi-schema-validator'
  const { Validator } = (await import(name)) as { Validator: new () => { validate(document: object): Promise<never> } }
  return new Validator().validate(structuredClone(document))
}

describe('the OpenAPI document', () => {
  const text = openApiText()
  const document = JSON.parse(text) as Document

  test('docs/openapi.json is the one of the routes: node scripts/openapi.ts writes it', () => {
    assert.ok(readFileSync(OPENAPI_FILE, 'utf8') === text, 'docs/openapi.json is out of date: node scripts/openapi.ts')
  })

  test('is OpenAPI 3.1, and a document that is none is told', async () => {
    const { valid, errors } = await judged(document)
    assert.ok(valid, JSON.stringify(errors))
    const broken = structuredClone(document)
    for (const operations of Object.values(broken.paths))
      for (const one of Object.values(operations)) one.responses = 7 as never
    assert.equal((await judged(broken)).valid, false)
  })

  test('has every route with its answers and refusals', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
    )
    assert.equal(operations.length, ROUTES.length)
    assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, ROUTES.length)
    for (const { method, path, id, answers, codes } of ROUTES) {
      const found = operations.find(one => one.path === path && one.method === method)?.operation
      assert.equal(found?.operationId, id)
      for (const status of [...Object.keys(answers), ...codes.map(code => registry[code].status), 'default']) {
        assert.ok(found?.responses[status] !== undefined, `${id} ${status}`)
      }
    }
  })

  test('lists every refusal that there is, and every name that it refers to', () => {
    assert.deepEqual(document.components.schemas.ProblemCode?.enum, Object.keys(registry).sort())
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(document.components.schemas[name] !== undefined, name)
    }
  })
})
