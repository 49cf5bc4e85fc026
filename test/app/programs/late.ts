import { serdes, topic, topology } from 'rivulet'
import { program } from 'rivulet/app'
import { fromEvent } from 'rxjs'

const signals = topic('signals', { key: serdes.string, value: serdes.string })

/** Is told something when it is stopped, which it can't write. */
export const late = program({
  name: 'late',
  summary: 'Fails at the last moment.',
  topology: topology('late', ({ source }) => {
    source('signals', fromEvent(process, 'SIGTERM'), { key: () => 'k' })
      .mapValues('refused', (): string => {
        throw new Error('no room')
      })
      .to(signals)
  }),
})

await late.main(import.meta.url)
