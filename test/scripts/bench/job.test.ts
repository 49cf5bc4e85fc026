import { expect, test } from 'vitest'
import { byTurns } from '../../../scripts/bench/job.ts'

test('programs run by turns, and each run is told of', async () => {
  const ran: string[] = []
  const told: string[] = []
  const program = (name: string, recordsPerS: number) => ({
    name,
    run(turn: number) {
      ran.push(`${name}${turn}`)
      return { recordsPerS: recordsPerS + turn }
    },
  })
  const options = { records: 1, runs: 2, progress: (line: string) => told.push(line) }
  const result = await byTurns('job', [program('a', 10), program('b', 20)], options)
  expect(ran).toEqual(['a0', 'b0', 'a1', 'b1'])
  expect(told.at(-1)).toBe('job, 2 of 2, b: 21 records/s')
  expect(result.programs).toEqual([
    { name: 'a', runs: [{ recordsPerS: 10 }, { recordsPerS: 11 }] },
    { name: 'b', runs: [{ recordsPerS: 20 }, { recordsPerS: 21 }] },
  ])
})
