import { NEVER, startWith } from 'rxjs'
import { program } from '../../src/app/program.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { unsignedToken } from './token-endpoint.ts'

const words = topic('words', { key: serdes.string, value: serdes.string })

/** What of a program no setting of its says. */
export interface CountingOptions {
  /** Of its own tokens, if it has such; below zero: they have expired. */
  readonly tokenSecondsLeft?: number
  /** Of its topics and groups. */
  readonly prefix?: string
}

/** Writes a word into a topic, reads it there, and keeps count: producing, transactions, a group, state. */
export const counting = ({ tokenSecondsLeft, prefix }: CountingOptions) =>
  program({
    name: 'counting',
    summary: 'Counts a word.',
    ...(tokenSecondsLeft !== undefined && {
      kafkaToken: async () => ({ value: unsignedToken('olga', { secondsLeft: tokenSecondsLeft }) }),
    }),
    prepare: async () => ({ ...(prefix !== undefined && { prefix }) }),
    topology: topology('counting', ({ source, stream }) => {
      source('said', NEVER.pipe(startWith('so')))
        .map((word) => [word, word])
        .to(words)
      stream(words).groupByKey().count('words seen')
    }),
  })

/** The variable that says it, as JSON, to the program in a process of its own. */
export const countingVariable = 'COUNTING'
/** What that writes when its code is there: from then on an operator waits for the program, not for its compiler. */
export const loadedLine = 'Loaded'

const { [countingVariable]: options } = process.env
if (options !== undefined) {
  process.stdout.write(`${loadedLine}\n`)
  await counting(JSON.parse(options)).main(import.meta.url)
}
