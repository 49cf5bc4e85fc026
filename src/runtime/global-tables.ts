import { Subscription } from 'rxjs'
import type { Kafka } from '../kafka/types.ts'
import { decodeChunk } from '../serdes/decode-chunk.ts'
import type { InputLayout } from './layout.ts'
import type { Task } from './task.ts'

export interface GlobalInput extends InputLayout {
  readonly task: Task
}

/**
 * Whole topics, read by every instance: to their present end before this resolves, and then as they grow, until the
 * subscription ends. What can't be decoded is handed to `undecodable` and left out.
 */
export async function followGlobalTables(
  kafka: Kafka,
  inputs: readonly GlobalInput[],
  options: {
    readonly failed: (error: unknown) => void
    readonly undecodable: (topic: string, count: number) => void
  },
): Promise<Subscription> {
  const following = new Subscription()
  const caughtUp: Promise<void>[] = []
  for (const input of inputs) {
    for (const { partition, lowOffset, endOffset } of await kafka.admin.offsets(input.topic)) {
      caughtUp.push(
        new Promise((resolve) => {
          if (endOffset <= lowOffset) resolve()
          const subscription = kafka.read(input.topic, partition, { toOffset: 'follow' }).subscribe({
            next: ({ chunk: raw, nextOffset }) => {
              try {
                const { chunk, undecodable } = decodeChunk(raw, input)
                if (undecodable.length > 0) options.undecodable(input.topic, undecodable.length)
                input.task.process(input.node, chunk)
                input.task.takeOutputs()
              } catch (error) {
                options.failed(error)
              }
              if (nextOffset >= endOffset) resolve()
            },
            error: options.failed,
          })
          following.add(subscription)
        }),
      )
    }
  }
  await Promise.all(caughtUp)
  return following
}
