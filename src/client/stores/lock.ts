import { ClientError } from "../errors.ts"

/** A page that is reloaded may still hold its lock for a moment when the next one asks for it. */
const LOCK_WAIT_MILLISECONDS_MAX = 1000

/**
 * Takes a lock of the origin (Web Locks API), which ends with the page or worker at the latest; returns what gives it back.
 * Throws ClientError `client.store-in-use` if somebody else has it, `client.store-failed` where there are no such locks: in
 * pages that are no secure context.
 */
export async function holdLock(name: string): Promise<() => void> {
  const locks: LockManager | undefined = globalThis.navigator?.locks
  if (locks === undefined) throw new ClientError("client.store-failed")
  const released = Promise.withResolvers<void>()
  await new Promise<void>((resolve, reject) => {
    const signal = AbortSignal.timeout(LOCK_WAIT_MILLISECONDS_MAX)
    const held = locks.request(name, { mode: "exclusive", signal }, () => {
      resolve()
      return released.promise
    })
    held.catch((cause) => {
      reject(new ClientError(signal.aborted ? "client.store-in-use" : "client.store-failed", { cause }))
    })
  })
  return released.resolve
}
