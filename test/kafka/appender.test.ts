import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { Appender } from '../../src/kafka/appender.ts'
import type { Cluster } from '../../src/kafka/cluster.ts'
import { createErrorFromCode } from '../../src/kafka/internals.ts'
import { translate } from '../../src/kafka/translate.ts'
import { silentLogger } from '../../src/logger.ts'
import { numbered } from './records.ts'

const noPermission = 29
const notEnoughSpace = 56

/** An appender to a broker that answers each batch with this code. */
function appenderTo(code: number) {
  const asked = { times: 0 }
  const cluster = {
    options: { clock: systemClock, logger: silentLogger },
    withLeader: async () => {
      asked.times++
      throw translate(createErrorFromCode(code), "Can't append")
    },
  } as unknown as Cluster
  const identity = async () => ({ producerId: '1', producerEpoch: 0 })
  const signal = AbortSignal.timeout(100)
  const appender = new Appender({
    cluster,
    use: 'test',
    transactionalId: null,
    compression: undefined,
    bytesInFlightMax: 1_000_000,
    signal,
    identity,
  })
  return { appender, asked }
}

describe('records that the broker does not take', () => {
  test('are all refused at once where nobody may write to the topic: one request tells it of a batch', async () => {
    const { appender, asked } = appenderTo(noPermission)
    const refused: number[] = []
    await appender.append('t', 0, numbered(50), (i) => refused.push(i))
    expect(refused).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(asked.times).toBe(1)
    expect(appender.bytesInFlight).toBe(0)
  })

  test('are not refused by what may pass, or says nothing of them', async () => {
    const { appender } = appenderTo(notEnoughSpace)
    const refused: number[] = []
    await expect(appender.append('t', 0, numbered(5), (i) => refused.push(i))).rejects.toThrow()
    expect(refused).toEqual([])
  })
})
