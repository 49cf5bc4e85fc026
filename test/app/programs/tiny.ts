import { createRequire } from 'node:module'
import { serdes, topic, topology } from 'rivulet'
import { program, storeApi } from 'rivulet/app'
import { NEVER, startWith } from 'rxjs'

const words = topic('words', { key: serdes.string, value: serdes.string })

/** Counts two words; says over HTTP which packages it has loaded. */
export const tiny = program({
  name: 'tiny',
  summary: 'Counts two words.',
  topology: topology('tiny', ({ source, stream }) => {
    source('said', NEVER.pipe(startWith('so', 'so')))
      .map((word) => [word, word])
      .to(words)
    stream(words).groupByKey().count('words seen')
  }),
  routes(web, { running }) {
    web.route('/api', storeApi(running))
    web.get('/loaded', (context) => context.json(Object.keys(createRequire(import.meta.url).cache)))
  },
})

await tiny.main(import.meta.url)
