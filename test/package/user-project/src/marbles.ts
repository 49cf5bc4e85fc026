// With two copies of rxjs in one project nothing would come out: the package's virtual time is not this project's.
import { serdes, topic, topology } from 'rivulet'
import { marbles } from 'rivulet/testing'
import { delay, type Observable } from 'rxjs'

const lines = topic('lines', { key: serdes.string, value: serdes.string })
const copies = topic('copies', { key: serdes.string, value: serdes.string })
const copied = (text: Observable<string>) =>
  topology('copied', ({ source, stream }) => {
    source('text', text.pipe(delay(10)))
      .map((line) => ['key', line])
      .to(lines)
    stream(lines).to(copies)
  })

marbles(({ hot, drive, expectObservable }) => {
  const written = drive(copied(hot('-a 20ms |'))).topic(copies)
  expectObservable(written).toBe('11ms a 10ms |', {
    a: { key: 'key', value: 'a', timestampMs: 11, offset: 0 },
  })
})
