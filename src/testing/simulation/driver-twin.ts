import { systemClock } from '../../clock.ts'
import { chunkOf } from '../../records/chunk.ts'
import type { RecordSerdes } from '../../runtime/destination.ts'
import type { Environment } from '../../runtime/environment.ts'
import { layOutAsDeclared } from '../../runtime/layout.ts'
import type { Topic } from '../../stream/topic.ts'
import type { Topology } from '../../stream/topology.ts'
import { DriverLoop } from '../driver-loop.ts'
import { add, textOf } from './comparison.ts'
import { outputsOf, type PlacedRecord } from './plan.ts'

/** What a changelog holds: the last value of each key, by partition and key, as text. */
export type ChangelogContents = Map<string, ChangelogValue>

export interface ChangelogValue {
  readonly text: string
  readonly partition: number
  readonly timestampMs: number
}

/** The topology as the test driver runs it, with what it writes as the bytes that a topic would have. */
export class DriverTwin {
  /** By topic and key. */
  readonly written = new Map<string, string[]>()
  /** By the changelog's name. */
  readonly changelogs = new Map<string, ChangelogContents>()
  readonly #outputs: ReadonlyMap<string, Topic<unknown, unknown>>
  readonly #loop: DriverLoop

  constructor(topology: Topology, environment: Pick<Environment, 'onCallbackError' | 'onDecodeError'> = {}) {
    const { onCallbackError = () => 'fail', onDecodeError = 'dead-letter' } = environment
    this.#outputs = outputsOf(topology)
    this.#loop = new DriverLoop({
      layout: layOutAsDeclared(topology),
      settings: { clock: systemClock, emitIntervalMs: 0, onCallbackError },
      now: () => 0,
      onDecodeError,
      answered: () => {},
      changed: (changelog, partition, changes) => {
        const contents = this.changelogs.get(changelog) ?? new Map()
        this.changelogs.set(changelog, contents)
        for (const each of changes) change(contents, partition, each)
      },
    })
  }

  /** What comes of it is written when this returns. */
  give({ to, key, value, timestampMs, partition }: PlacedRecord): void {
    const chunk = chunkOf([{ key, value, timestampMs }])
    this.#loop.pipe({ topic: to.name, serdes: to, chunk, partition })
    this.#collect()
  }

  /** The same for what a source emits. */
  emit(source: string, value: unknown): void {
    this.#loop.emit(source, [value])
    this.#collect()
  }

  #collect(): void {
    for (const topic of this.#outputs.values())
      for (const record of this.#loop.outputs.take(topic.name, topic))
        add(this.written, topic.name, bytesOf(record.key, topic.key), bytesOf(record.value, topic.value))
  }
}

/** Applies a change as compaction does. */
export function change(
  contents: ChangelogContents,
  partition: number,
  {
    key,
    value,
    timestampMs,
  }: { readonly key: Buffer | null; readonly value: Buffer | null; readonly timestampMs: number },
): void {
  const of = `${partition} ${textOf(key)}`
  if (value === null) contents.delete(of)
  else contents.set(of, { text: textOf(value), partition, timestampMs })
}

function bytesOf(value: unknown, serde: RecordSerdes<unknown, unknown>['key']): Buffer | null {
  return value === null ? null : serde.serialize(value)
}
