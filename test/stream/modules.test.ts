import { readdirSync } from 'node:fs'
import { beforeEach, describe, expect, test, vi } from 'vitest'

const folder = new URL('../../src/stream/', import.meta.url)

beforeEach(() => {
  vi.resetModules()
})

describe('the modules of the DSL, which import each other in a circle', () => {
  test.for(readdirSync(folder))('can be loaded beginning with %s', async (file) => {
    await expect(import(new URL(file, folder).href)).resolves.toBeTypeOf('object')
  })
})
