import { BytesColumn } from '../records/bytes-column.ts'
import type { Serde } from './serde.ts'

type Preparations = Pick<Serde<unknown>, 'prepareRead' | 'prepareWrite'>

/**
 * The preparations of a serde around another one: those of the inner serde, none where it has none. `innerBytesOf`
 * answers the bytes that the inner serde will read; absent: all of them.
 */
export function preparedAs(
  inner: Preparations,
  innerBytesOf?: (bytes: Buffer) => readonly Buffer[],
): Preparations {
  return {
    ...(inner.prepareRead && {
      prepareRead: (bytes, place) =>
        inner.prepareRead?.(innerBytesOf ? innerColumn(bytes, innerBytesOf) : bytes, place),
    }),
    ...(inner.prepareWrite && { prepareWrite: (place) => inner.prepareWrite?.(place) }),
  }
}

function innerColumn(outer: BytesColumn, innerBytesOf: (bytes: Buffer) => readonly Buffer[]): BytesColumn {
  const inner: Buffer[] = []
  for (const bytes of outer) {
    if (bytes === null) continue
    try {
      inner.push(...innerBytesOf(bytes))
    } catch {
      // Bytes that are wrong need no preparation: the reading tells.
    }
  }
  return BytesColumn.of(inner)
}
