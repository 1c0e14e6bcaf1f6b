import { ClientError } from "./errors.ts"

/** Waiting that looks like nobody's clock: whatever the client does by itself is spread at random. */

const BACKOFF_FIRST_MILLISECONDS = 150
const BACKOFF_MILLISECONDS_MAX = 8_000

/** A delay before attempt number `attempt` (from 1): exponential, between half and all of its bound. */
export function backoffMilliseconds(attempt: number, random: () => number = Math.random): number {
  const bound = Math.min(
    BACKOFF_FIRST_MILLISECONDS * 2 ** Math.min(attempt - 1, 16),
    BACKOFF_MILLISECONDS_MAX,
  )
  return bound * (0.5 + random() / 2)
}

/** A delay with the given mean whose length says nothing about the one before: exponentially distributed, bounded. */
export function spreadMilliseconds(mean: number, random: () => number = Math.random): number {
  return Math.min(-Math.log(1 - random()) * mean, 8 * mean)
}

/** A time around the mean, from half of it to one and a half: for what may not be too early either. */
export function around(mean: number, random: () => number = Math.random): number {
  return mean * (0.5 + random())
}

/**
 * When something that ends is replaced, in seconds: in the last third of its life, and before the last sixth. Credentials
 * of one month all end at the same time; their clients must neither all come at once nor be told apart by an order.
 */
export function renewalTime(
  life: { readonly notBefore: number; readonly notAfter: number },
  random: () => number = Math.random,
): number {
  const { notBefore, notAfter } = life
  return Math.floor(notAfter - ((notAfter - notBefore) / 6) * (1 + random()))
}

/** Resolves after the time given; rejects with ClientError `client.closed` as soon as the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new ClientError("client.closed"))
      return
    }
    const stop = (): void => {
      clearTimeout(timer)
      reject(new ClientError("client.closed"))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop)
      resolve()
    }, milliseconds)
    signal.addEventListener("abort", stop, { once: true })
  })
}
