import { beforeEach, describe, expect, test } from 'vitest'
import { RivuletError } from '../../src/errors.ts'
import { TransactionMembers } from '../../src/kafka/transaction-members.ts'

interface Ask {
  readonly what: string
  answer(): void
  refuse(type: string): void
}

let asks: Ask[]
let members: TransactionMembers

/** A coordinator that is played by hand. */
beforeEach(() => {
  asks = []
  members = new TransactionMembers({
    transactionalId: 'id',
    checkOpen: () => undefined,
    coordinate: (what) =>
      new Promise((resolve, reject) => {
        const refuse = (type: string) => {
          reject(new RivuletError('KAFKA_FAILED', type, { cause: Object.assign(new Error(type), { type }) }))
        }
        asks.push({ what, answer: () => resolve(undefined), refuse })
      }),
    addPartitions: () => () => Promise.resolve(),
    addOffsets: () => () => Promise.resolve(),
  })
})

const place = (partition: number) => ({ topic: 'a', partition })
const settled = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

async function answerNext(): Promise<string | undefined> {
  await settled()
  const ask = asks.shift()
  ask?.answer()
  await settled()
  return ask?.what
}

describe('what belongs to a transaction', () => {
  test('is told in one request, as far as it is asked for at the same time', async () => {
    const added = Promise.all([0, 1, 2].map((partition) => members.addPartition(place(partition))))
    expect(await answerNext()).toBe(
      "Can't add partition 0 of topic a, partition 1 of topic a, partition 2 of topic a to the transaction of id",
    )
    await added
    expect(asks).toEqual([])
  })

  test('is told one after the other: the coordinator takes one request at a time', async () => {
    const first = members.addPartition(place(0))
    await settled()
    const more = [1, 2].map((partition) => members.addPartition(place(partition)))
    const group = members.addOffsets('g')
    await settled()
    expect(asks.length).toBe(1)
    expect(await answerNext()).toContain('partition 0 of topic a to')
    await first
    expect(asks.length).toBe(1)
    expect(await answerNext()).toContain('partition 1 of topic a, partition 2 of topic a to')
    expect(await answerNext()).toContain('the offsets of group g')
    await Promise.all([...more, group])
  })

  test('is told once in a transaction, and again in the next', async () => {
    const twice = [members.addPartition(place(0)), members.addPartition(place(0))]
    await answerNext()
    await Promise.all(twice)
    await members.addPartition(place(0))
    expect(asks).toEqual([])
    expect(members.isEmpty).toBe(false)
    members.clear()
    expect(members.isEmpty).toBe(true)
    const again = members.addPartition(place(0))
    await answerNext()
    await again
  })

  test('is refused for one partition, and taken for the others', async () => {
    const added = [0, 1, 2].map((partition) =>
      members.addPartition(place(partition)).then(
        () => 'added',
        (error: Error) => error.message,
      ),
    )
    await settled()
    asks.shift()?.refuse('OPERATION_NOT_ATTEMPTED')
    await answerNext()
    await settled()
    asks.shift()?.refuse('TOPIC_AUTHORIZATION_FAILED')
    await answerNext()
    expect(await Promise.all(added)).toEqual(['added', 'TOPIC_AUTHORIZATION_FAILED', 'added'])
  })

  test('is refused for all, where the producer is', async () => {
    const added = [0, 1].map((partition) => members.addPartition(place(partition)))
    await settled()
    asks.shift()?.refuse('INVALID_PRODUCER_EPOCH')
    await Promise.all(added.map((each) => expect(each).rejects.toThrow('INVALID_PRODUCER_EPOCH')))
    expect(asks).toEqual([])
    expect(members.isEmpty).toBe(true)
  })
})
