import type { Mutant } from './mutant.ts'

/** Safeguards of the sink. That who has slept looks again is held by a simulation of its own: seeds are too short for it. */
export const clickhouseMutants: readonly Mutant[] = [
  {
    name: 'insert-tokens',
    file: 'src/clickhouse/table-writer.ts',
    from: 'return losses === 0 || this.#options.replicated ? token :',
    to: 'return losses === 0 ? String(this.#options.context.clock.random()) :',
    why: 'an insert that is sent again, or by two, is done once',
    deployment: 'storing',
  },
  {
    name: 'resume-check',
    file: 'src/clickhouse/table-writer.ts',
    from: 'if (before && before.to >= range.from) return this.#nextBehind(part, before)',
    to: '',
    why: 'rows that are there already are not inserted',
    deployment: 'storing',
  },
  {
    name: 'another-token-after-a-loss',
    file: 'src/clickhouse/table-writer.ts',
    from: 'return losses === 0 || this.#options.replicated ? token :',
    to: 'return losses >= 0 ? token :',
    why: 'a token whose rows were lost is used up',
    deployment: 'storing',
  },
  {
    name: 'deduplication-is-asked-for',
    file: 'src/clickhouse/insert-settings.ts',
    from: 'insert_deduplicate: 1,',
    to: '',
    why: "tokens count whatever the user's profile says",
    deployment: 'storing',
  },
  {
    name: 'one-block-an-insert',
    file: 'src/clickhouse/insert-settings.ts',
    from: 'max_insert_block_size: 1_048_576,',
    to: '',
    why: "an insert is there or not, whatever the user's profile says of blocks",
    deployment: 'storing',
  },
  {
    name: 'look-behind-an-insert',
    file: 'src/clickhouse/table-writer.ts',
    from: 'if (!last || last.to < range.from) throw this.#lost(part)',
    to: 'if (!last) throw this.#lost(part)',
    why: 'an insert that was acknowledged and left no rows is done again',
    deployment: 'refusing',
  },
  {
    name: 'halves-of-what-is-refused',
    file: 'src/clickhouse/table-writer.ts',
    from: 'const halves = halvesOf(part)',
    to: 'const halves = part.rows < 0 ? halvesOf(part) : undefined',
    why: 'a row that is refused takes none of the others with it',
    deployment: 'refusing',
  },
  {
    name: 'refused-rows-are-letters',
    file: 'src/clickhouse/table-writer.ts',
    from: 'if (!halves) await refuse(part.range.from, error)',
    to: '',
    why: 'a row that is refused is a dead letter before anything goes on behind it',
    deployment: 'refusing',
  },
  {
    name: 'token-of-the-row-before',
    file: 'src/clickhouse/table-writer.ts',
    from: `#token({ topic, partition, losses }: BatchPart, before: PlaceRange | undefined): string {
    const token = \`\${this.#options.table.name}/\${topic}/\${partition}/\${before ? before.to + 1 : 0}\``,
    to: `#token({ topic, partition, losses, range }: BatchPart, _before: PlaceRange | undefined): string {
    const token = \`\${this.#options.table.name}/\${topic}/\${partition}/\${range.from}-\${range.to}\``,
    why: 'of all who go on from the same row the first one wins, wherever their batches end',
    deployment: 'sharing',
  },
]
