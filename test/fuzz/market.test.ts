import { describe, test } from 'vitest'
import { seededRandom } from '../../pipelines/market/synthetic/random.ts'
import * as rest from './rest-answers.ts'
import * as socket from './socket-frames.ts'

describe.each([socket, rest])('what comes from the exchange: $name', ({ run }) => {
  test('either passes, and can be taken by all that is behind, or is put away, or is asked for again', async () => {
    for (let seed = 1; seed <= 2_000; seed++) {
      await Promise.resolve(run(seededRandom(seed))).catch((cause: unknown) => {
        throw new Error(`input ${seed}`, { cause })
      })
    }
  })
})
