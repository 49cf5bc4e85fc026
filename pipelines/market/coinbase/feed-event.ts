import type { Message } from './message.ts'

/** A trade, a heartbeat, or what can't be decoded, with the frame that it came in. */
export type FeedData = Extract<Message, { type: 'trade' | 'heartbeat' | 'bad' }> & { readonly bytes: Buffer }

/** What the feed of an exchange says, in the order in which it happened. */
export type FeedEvent =
  | { readonly type: 'state'; readonly state: 'connecting' | 'live' | 'waiting' }
  /** Before anything is received on the connection. */
  | { readonly type: 'connected' }
  /** The exchange will not send these products, for as long as this connection lasts. */
  | { readonly type: 'rejected'; readonly products: readonly string[]; readonly reason: string }
  /** The exchange sends these products, but no heartbeats of them, as a recording may: nobody says how far they are. */
  | { readonly type: 'without heartbeats'; readonly products: readonly string[] }
  | FeedData
