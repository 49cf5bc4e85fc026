import type { SerdePlace } from '../serdes/serde.ts'

/**
 * Under which subject a schema is kept: the topic's (`orders-value`), the record's full name (`shop.Order`), or both
 * (`orders-shop.Order`). Source: Confluent's subject name strategies.
 */
export type SubjectStrategy = 'TopicName' | 'RecordName' | 'TopicRecordName'

/** The subject of what is written there. */
export function subjectOf(
  strategy: SubjectStrategy,
  { topic, part }: SerdePlace,
  recordName: string,
): string {
  switch (strategy) {
    case 'TopicName':
      return `${topic}-${part}`
    case 'RecordName':
      return recordName
    case 'TopicRecordName':
      return `${topic}-${recordName}`
  }
}
