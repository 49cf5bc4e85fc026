import type { Case } from './case.ts'

/** Faults of Kafka Streams that are not copied, and what is done instead. */
const notCopied: readonly {
  readonly shownBy: (topology: Case['topology']) => boolean
  readonly why: string
}[] = [
  {
    shownBy: (topology) =>
      topology.some(({ op, emit }) => op === 'windowedBy' && emit === 'onWindowClose') &&
      topology.every(({ retentionMs }) => retentionMs === undefined),
    why: 'not copied: Kafka Streams loses closed windows when stream time jumps; here they are emitted before the store forgets them',
  },
]

/** Why a case that differs is no failure; undefined: it is one. */
export function whyNotCopied({ quirk, topology }: Case): string | undefined {
  return quirk ? notCopied.find(({ shownBy }) => shownBy(topology))?.why : undefined
}
