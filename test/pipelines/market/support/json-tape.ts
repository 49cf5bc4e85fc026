import type { Tape } from '../../../../pipelines/market/resume.ts'
import type { Trade } from '../../../../pipelines/market/trade.ts'
import { topic } from '../../../../src/stream/topic.ts'

const text = { name: 'text', serialize: (value: string) => Buffer.from(value), deserialize: String }
const json = {
  name: 'json',
  serialize: (value: Trade) => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes: Buffer): Trade => JSON.parse(String(bytes)),
}

/** A topic of trades as they are. */
export const tape: Tape<string, Trade> = {
  topic: topic('ticks', { key: text, value: json }),
  positionOf: ({ value }) => value,
}
