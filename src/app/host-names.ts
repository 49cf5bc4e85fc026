/** Whether who listens there can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host)
}

/**
 * Whether a request's `Host` is a name of this server. On loopback it must be, unless it is told of others: a name that somebody
 * else has led there is that of a page of theirs, which may read what it gets (DNS rebinding). Elsewhere nobody knows all
 * names.
 */
export function isOwnName(hostHeader: string, listens: string, allowed: readonly string[]): boolean {
  if (!isLoopback(listens)) return true
  const name = hostHeader.replace(/:\d+$/, '').toLowerCase()
  return isLoopback(name) || allowed.some((each) => each.toLowerCase() === name)
}
