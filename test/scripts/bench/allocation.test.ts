import { expect, test } from 'vitest'
import { countAllocation } from '../../../scripts/bench/allocation.ts'

test('what a thread allocates on its heap is counted, also what was collected again', () => {
  const pointerBytes = 8
  const [arrays, length] = [4_000, 2_000]
  const allocated = countAllocation()
  let kept: readonly object[] = []
  for (let i = 0; i < arrays; i++) kept = Array<object>(length).fill(kept.slice(0, 1))
  const ratio = allocated() / (arrays * length * pointerBytes)
  expect(kept).toHaveLength(length)
  expect(ratio).toBeGreaterThan(0.9)
  expect(ratio).toBeLessThan(1.5)
})
