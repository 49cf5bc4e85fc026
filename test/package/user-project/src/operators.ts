import { chunkOf, type Kafka, producer } from 'rivulet'
import { ChunkBuilder, chunkOperator, eachRecord, filter, mapValues, standalone } from 'rivulet/operators'
import { of } from 'rxjs'
import { amounts } from './topology.ts'

export const doubled = mapValues((amount: number, _id: string) => amount * 2)
export const large = filter((amount: number, _id: string) => amount > 100)
export const context = standalone()
export const chunks = of(chunkOf([{ key: 'a', value: 60, timestampMs: 1 }])).pipe(doubled, large)
export const own = { ChunkBuilder, chunkOperator, eachRecord }
export const amountsOf = (kafka: Kafka) => producer(kafka, amounts)
