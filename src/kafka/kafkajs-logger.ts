import type { Logger } from '../logger.ts'
import type { KafkajsLogger } from './internals.ts'

/**
 * kafkajs calls each lost connection an error and logs each request: all of it is detail here. What an operator
 * should know is said, in a sentence, by the part of the edge that retries.
 */
export function kafkajsLogger(logger: Logger): KafkajsLogger {
  const detail = (message: string, extra?: object) => logger.debug({ kafkajs: extra }, message)
  const request = (message: string, extra?: object) => logger.trace({ kafkajs: extra }, message)
  const self: KafkajsLogger = {
    namespace: () => self,
    debug: request,
    info: detail,
    warn: detail,
    error: detail,
  }
  return self
}
