// What each instance is: counts the records of the topic `words`.
import { connectKafka, type InstanceNumber, run, serdes, silentLogger, topic, topology } from 'rivulet'

const words = topic('words', { key: serdes.string, value: serdes.string })
const counts = topic('counts', { key: serdes.string, value: serdes.long })

export const counting = topology('counting', ({ stream }) => {
  stream(words)
    .peek((word) => {
      if (word === 'poison') throw new Error('poison was read')
      if (word === 'hang') for (;;);
    })
    .groupByKey()
    .count('seen')
    .toStream()
    .mapValues((count) => count ?? 0)
    .to(counts)
})

export default function start({ index }: InstanceNumber) {
  const brokers = [process.env.KAFKA_BROKERS ?? '']
  return run(counting, {
    kafka: connectKafka({ brokers, clientId: `instance-${index}`, logger: silentLogger }),
    logger: silentLogger,
  })
}
