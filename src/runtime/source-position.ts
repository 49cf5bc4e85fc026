import { messageOf, RivuletError } from '../errors.ts'
import type { OutgoingRecords } from '../kafka/types.ts'
import { serdes } from '../serdes/serdes.ts'
import { type Topic, topic } from '../stream/topic.ts'
import { positionTopicOf } from '../stream/topic-name.ts'
import type { InstanceContext } from './instance-context.ts'
import type { Layout } from './layout.ts'
import { tailOf } from './source-tail.ts'

/** The real name of the topic in which a source's positions lie, the newest last. Who has its one partition runs the source. */
export function positionTopicIn({ ownTopicName }: Layout, source: string): string {
  return ownTopicName(positionTopicOf(source))
}

/** What was committed last; undefined: nothing yet. To be asked when whoever had the source before can commit no more. */
export async function readPosition(context: InstanceContext, source: string): Promise<unknown> {
  for await (const { key, value } of tailOf(context, positions(positionTopicIn(context.layout, source)))) {
    if (key === source) return value
  }
  return undefined
}

/** Throws `ENCODE_FAILED` for a position that JSON would not give back as it is. */
export function positionRecord(source: string, position: unknown, timestampMs: number): OutgoingRecords {
  const { key, value } = positions('position')
  try {
    return {
      keys: [key.serialize(source)],
      values: [value.serialize(position)],
      timestampsMs: [timestampMs],
    }
  } catch (error) {
    const message = `the position of the source "${source}" can't be written: ${messageOf(error)}`
    throw new RivuletError('ENCODE_FAILED', message, { cause: error, place: { step: source } })
  }
}

function positions(name: string): Topic<string, unknown> {
  return topic(name, { key: serdes.string, value: serdes.json<unknown>() })
}
