import { serdes, topic, topology } from 'rivulet'
import { program, setting } from 'rivulet/app'
import { NEVER, startWith } from 'rxjs'

const words = topic('words', { key: serdes.string, value: serdes.string })

/** Ends as it is told, a moment after its status block has come. */
export const ending = program({
  name: 'ending',
  summary: 'Ends as it is told.',
  settings: {
    by: setting.oneOf(['crash', 'memory', 'waiting'], { description: 'how it ends', default: 'waiting' }),
  },
  topology: topology('ending', ({ source }) => {
    source('said', NEVER.pipe(startWith('so')))
      .map((word) => [word, word])
      .to(words)
  }),
  terminalLines: ({ config, running }) => {
    if (running.ready().ready && config.by !== 'waiting') setTimeout(endings[config.by], 100)
    return { lines: [running.ready().ready ? 'it runs' : 'it starts'] }
  },
})

const endings = {
  crash() {
    process.stdout.write('about to crash\n')
    throw new Error('nobody has caught it')
  },
  memory() {
    process.stdout.write('about to run out of memory\n')
    const kept: unknown[] = []
    for (;;) kept.push(Array.from({ length: 1_000 }, () => ({})))
  },
}

await ending.main(import.meta.url)
