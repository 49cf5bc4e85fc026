import { describe, expect, test } from 'vitest'
import { fuzz } from './support/fuzz-target.ts'
import { loadTargets } from './support/load-targets.ts'

const inputs = 500

describe('whatever comes in', async () => {
  test.each(await loadTargets())('$name: what must hold does', async (target) => {
    await expect(fuzz(target, { inputs, seed: 1 })).resolves.toBeUndefined()
  })
})
