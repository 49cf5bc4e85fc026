export { type EmbeddedBroker, startBroker } from './broker.ts'
export type { BrokerLimits, BrokerOptions } from './options.ts'
