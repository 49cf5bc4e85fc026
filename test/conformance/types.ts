import type { Serde } from '../../src/serdes/serde.ts'
import { nullable, serdes } from '../../src/serdes/serdes.ts'
import { windowedSerde } from '../../src/windows/windowed-serde.ts'
import type { Windowed } from '../../src/windows/windows.ts'
import type { Type } from './case.ts'

/** What a key or value of a case can be: the order of serialized keys depends on it. */
export type ValueType = Type | { readonly windowed: ValueType }

/**
 * The serde without null, as stores and groups have it. The DSL knows the types of what it handles and the cases do
 * not: what a case calls a `long` is whatever the DSL wants here.
 */
export function serdeOf<T = unknown>(type: ValueType): Serde<T> {
  return untypedSerdeOf(type) as Serde<T>
}

function untypedSerdeOf(type: ValueType): Serde<unknown> {
  if (typeof type === 'object') return windowedSerde(serdeOf(type.windowed))
  return type === 'string' ? serdes.string : serdes.long
}

/** The serde of a topic: in the cases any key and any value may be null. */
export function topicSerdeOf(type: ValueType): Serde<unknown> {
  return nullable(serdeOf(type))
}

export function isWindowed(x: unknown): x is Windowed<unknown> {
  return typeof x === 'object' && x !== null && 'startMs' in x
}
