import { expect, test } from 'vitest'
import { MemoryDirectory } from '../../../src/storage/memory.ts'
import { batchOf, openLog, virtualClock } from '../support.ts'

const three = batchOf([{ value: 'a' }, { value: 'b' }, { value: 'c' }])

test('an epoch ends where the next one begins, and the last one with the log, also after a start', () => {
  const directory = new MemoryDirectory(virtualClock())
  const log = openLog({ directory })
  log.leaderEpoch = 4
  log.append(three)
  log.leaderEpoch = 7
  log.append(three)
  const ends = (epochs: readonly number[], of = log) => epochs.map((epoch) => of.endOfEpoch(epoch))
  const expected = [
    { epoch: 3, endOffset: 0 }, // it had written nothing
    { epoch: 4, endOffset: 3 },
    { epoch: 4, endOffset: 3 },
    { epoch: 7, endOffset: 6 },
    { epoch: -1, endOffset: -1 }, // it is not there yet
  ]
  expect(ends([3, 4, 6, 7, 9])).toEqual(expected)
  log.close()
  const again = openLog({ directory })
  expect(again.leaderEpoch).toBe(8)
  expect(ends([3, 4, 6, 7, 9], again)).toEqual(expected)
})
