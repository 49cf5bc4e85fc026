import type { Dropped } from '../operators/operator.ts'
import type { Windowed } from '../windows/windows.ts'
import { type Stage, sideOutput } from './builder.ts'
import { Stream } from './stream.ts'
import { Table } from './table.ts'

/** When a window is closed: `closesMs` of event time after its end. */
export interface WindowClosing {
  readonly closesMs: number
}

/** A table with a row for each key and window. */
export class WindowedTable<K, V> extends Table<Windowed<K>, V> {
  readonly closing: WindowClosing

  constructor(stage: Stage<Windowed<K>, V>, closing: WindowClosing) {
    super(stage)
    this.closing = closing
  }

  /** Records that came after their window had closed, once for each window that they missed. Each is counted too. */
  get late$(): Stream<unknown, Dropped<unknown>> {
    return new Stream(sideOutput(this.stage, 'late'))
  }
}
