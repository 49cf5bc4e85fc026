import { messageOf } from '../../../src/errors.ts'
import { seededRandom } from '../../../src/testing/simulation/seeded-random.ts'

/** One edge, and what must hold of it whatever comes in. */
export interface FuzzTarget {
  readonly name: string
  /** Makes one input of these dice, and throws where what must hold does not. */
  run(random: () => number): void | Promise<void>
}

/** Input `i` has the seed `seed + i`, so that it can be run alone. Rejects with the first that fails. */
export async function fuzz(
  target: FuzzTarget,
  { inputs, seed }: { inputs: number; seed: number },
): Promise<void> {
  for (let i = 0; i < inputs; i++) {
    try {
      await target.run(seededRandom(Math.imul(seed + i, 0x9e3779b1)))
    } catch (error) {
      const again = `npm run fuzz -- ${target.name} --seed ${seed + i} --inputs 1`
      throw new Error(`${target.name}: ${messageOf(error)}\n  again: ${again}`, { cause: error })
    }
  }
}

/** Does it with an input; what it throws then says the input's bytes too. */
export async function withInput(input: Buffer, work: () => void | Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const shown = input.length > 2_000 ? `${input.toString('hex', 0, 2_000)}…` : input.toString('hex')
    throw new Error(`${messageOf(error)}\n  input: ${shown}`, { cause: error })
  }
}
