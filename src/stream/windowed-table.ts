import type { Dropped } from '../operators/operator.ts'
import type { BufferBounds } from '../operators/suppress.ts'
import type { Windowed } from '../windows/windows.ts'
import { type Stage, sideOutput } from './builder.ts'
import { type Named, splitName } from './named.ts'
import type { StoreOptions } from './store-options.ts'
import { Stream } from './stream.ts'
import {
  type FinalResultBounds,
  suppressionStep,
  type UntilTimeLimit,
  type UntilWindowCloses,
} from './suppression.ts'
import { Table } from './table.ts'
import type { TableRows } from './table-rows.ts'

/** Of the aggregation that makes the windows. */
export interface WindowClosing {
  /** A window is closed when stream time is this much past its end. */
  readonly closesMs: number
  /** Where its late records come out. */
  readonly aggregation: Stage<unknown, unknown>
}

/** A table with a row for each key and window. */
export class WindowedTable<K, V> extends Table<Windowed<K>, V> {
  readonly #closing: WindowClosing

  constructor(stage: Stage<Windowed<K>, V>, rows: TableRows<Windowed<K>, V>, closing: WindowClosing) {
    super(stage, rows)
    this.#closing = closing
  }

  /**
   * `untilWindowCloses`: each window once, with its last update, when stream time has reached its end plus grace (of a
   * session: plus gap and grace), in order of end, then of the serialized key; none that was deleted. If its `bounds` are
   * exceeded, the pipeline fails with `BUFFER_FULL`. `untilTimeLimit`: as for any table.
   */
  override suppress(
    ...args: Named<[until: UntilWindowCloses, bounds?: FinalResultBounds]>
  ): WindowedTable<K, V>
  override suppress(...args: Named<[until: UntilTimeLimit, bounds?: BufferBounds]>): WindowedTable<K, V>
  override suppress(
    ...args: Named<[until: UntilWindowCloses | UntilTimeLimit, bounds?: BufferBounds]>
  ): WindowedTable<K, V> {
    const [{ name }, until, bounds] = splitName(args)
    if (until.until === 'timeLimit') {
      const timeOf = (_: Windowed<K>, timestampMs: number) => timestampMs
      return this.#same(
        suppressionStep(this, name, { timeOf, waitMs: until.limitMs, tombstones: true, bounds }),
      )
    }
    const waitMs = this.#closing.closesMs
    return this.#same(
      suppressionStep(this, name, { timeOf: ({ endMs }) => endMs, waitMs, tombstones: false, bounds }),
    )
  }

  override filter<W extends V>(
    ...args: Named<[predicate: (value: V, key: Windowed<K>) => value is W, options?: StoreOptions<W>]>
  ): WindowedTable<K, W>
  override filter(
    ...args: Named<[predicate: (value: V, key: Windowed<K>) => boolean, options?: StoreOptions<V>]>
  ): WindowedTable<K, V>
  override filter(
    ...args: Named<[predicate: (value: V, key: Windowed<K>) => boolean, options?: StoreOptions<V>]>
  ): WindowedTable<K, V> {
    return this.#same(super.filter(...args))
  }

  override filterNot(
    ...args: Named<[predicate: (value: V, key: Windowed<K>) => boolean, options?: StoreOptions<V>]>
  ): WindowedTable<K, V> {
    return this.#same(super.filterNot(...args))
  }

  override mapValues<W>(
    ...args: Named<[mapper: (value: V, key: Windowed<K>) => W | null, options?: StoreOptions<W>]>
  ): WindowedTable<K, W> {
    return this.#same(super.mapValues(...args))
  }

  /** Records that came after their window had closed, once for each window that they missed. Each is counted too. */
  get late$(): Stream<unknown, Dropped<unknown>> {
    return new Stream(sideOutput(this.#closing.aggregation, 'late'))
  }

  /** The windows stay the same when what is in them changes. */
  #same<W>({ stage, rows }: Pick<Table<Windowed<K>, W>, 'stage' | 'rows'>): WindowedTable<K, W> {
    return new WindowedTable(stage, rows, this.#closing)
  }
}
