import type { InsertTarget } from './client.ts'
import { RowWriter } from './row-writer.ts'

/**
 * How rows are sent: RowBinary, which says nothing of types, behind a header that does. So a table that was changed
 * meanwhile refuses the rows, instead of reading other values in them.
 */
export const rowsFormat = 'RowBinaryWithNamesAndTypes'

/** What stands in front of the rows. */
export function headerOf({ columns }: InsertTarget): Buffer {
  const header = new RowWriter()
  header.count(columns.length)
  for (const { name } of columns) header.text(name)
  for (const { type } of columns) header.text(type)
  return header.bytes
}

/** As they stand in a statement. */
export function namesOf({ columns }: InsertTarget): string {
  return columns.map(({ name }) => name).join(', ')
}
