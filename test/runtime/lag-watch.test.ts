import { expect, test } from 'vitest'
import type { PartitionPosition } from '../../src/runtime/assigned-tasks.ts'
import { LagWatch } from '../../src/runtime/lag-watch.ts'

/** A feed of 100 records a second, and a sink; looked at every two seconds of a time that the test moves. */
class Plant {
  nowMs = 0
  endOffset = 0
  committed: number | undefined = 0
  /** Records that the sink writes in a second. */
  sinkRate = 1_000
  asked = 0
  answers = true
  readonly watch = new LagWatch({
    clock: { now: () => this.nowMs },
    admin: {
      ranges: async () => {
        this.asked++
        if (!this.answers) await new Promise(() => {})
        return [{ topic: 'in', partition: 0, lowOffset: 40, endOffset: this.endOffset }]
      },
    },
    positions: () => [this.#position],
  })

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 2) {
      this.nowMs += 2_000
      this.endOffset += 200
      if (this.committed !== undefined)
        this.committed = Math.min(this.endOffset, this.committed + 2 * this.sinkRate)
      const looking = this.watch.look()
      if (this.answers) await looking
    }
  }

  get lag() {
    return this.watch.lags[0]?.readers[0]
  }

  get #position(): PartitionPosition {
    const of = { topic: 'in', partition: 0 }
    const readers = [{ ...of, name: 'sink', committed: this.committed }]
    return { ...of, endOffset: -1, committed: this.committed ?? 0, readers }
  }
}

test('a sink that stands for a minute: by how much, for how long, and how long it takes to catch up', async () => {
  const plant = new Plant()
  await plant.pass(60)
  expect(plant.lag).toMatchObject({ lag: 0, lagMs: 0, catchesUpInMs: 0 })
  plant.sinkRate = 0
  await plant.pass(4)
  expect(plant.lag).toMatchObject({ lag: 400, lagMs: 4_000, catchesUpInMs: undefined })
  await plant.pass(56)
  expect(plant.lag).toMatchObject({ lag: 6_000, lagMs: 60_000, catchesUpInMs: undefined })
  plant.sinkRate = 300
  await plant.pass(10)
  // 6,000 records more than there are, 200 of them gained a second.
  expect(plant.lag).toMatchObject({ lag: 4_000, catchesUpInMs: 20_000 })
  await plant.pass(20)
  expect(plant.lag).toMatchObject({ lag: 0, lagMs: 0, catchesUpInMs: 0 })
})

test('while Kafka does not answer it is not asked again, and what is waited for grows older', async () => {
  const plant = new Plant()
  plant.sinkRate = 0
  await plant.pass(10)
  const { asked } = plant
  plant.answers = false
  await plant.pass(20)
  expect(plant.asked).toBe(asked + 1)
  expect(plant.watch.lags[0]).toMatchObject({ endOffset: 1_000, asOfMs: 10_000 })
  expect(plant.lag).toMatchObject({ lag: 1_000, lagMs: 28_000 })
})

test('a reader of whom nothing is known is behind by all that is there', async () => {
  const plant = new Plant()
  plant.committed = undefined
  expect(plant.lag).toMatchObject({ lagMs: undefined })
  await plant.pass(2)
  expect(plant.lag).toMatchObject({ committed: 40, lag: 160 })
})
