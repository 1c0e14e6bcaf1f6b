import { expect, test } from "bun:test"
import { localWakeups } from "../../src/store/wakeups.ts"

/** Listeners that write down what they hear. */
function ears() {
  const heard: string[] = []
  return { heard, ear: (name: string) => ({ wake: () => void heard.push(name) }) }
}

test("a wake-up reaches the listeners of its key, and no others, after the caller has gone on", async () => {
  const wakeups = localWakeups()
  const { heard, ear } = ears()
  wakeups.subscribe(Uint8Array.of(1, 2), ear("first"))
  wakeups.subscribe(Uint8Array.of(1, 2), ear("second"))
  wakeups.subscribe(Uint8Array.of(1), ear("other"))
  wakeups.wake(Uint8Array.of(0, 1, 2).subarray(1))
  expect(heard).toEqual([])
  await Promise.resolve()
  expect(heard).toEqual(["first", "second"])
})

test("an ended subscription hears nothing, not even what was on its way", async () => {
  const wakeups = localWakeups()
  const { heard, ear } = ears()
  const key = Uint8Array.of(7)
  const ended = ear("ended")
  wakeups.subscribe(key, ended)
  wakeups.subscribe(key, ear("stays"))
  wakeups.wake(key)
  wakeups.unsubscribe(key, ended)
  wakeups.unsubscribe(key, ended)
  await Promise.resolve()
  wakeups.wake(key)
  await Promise.resolve()
  expect(heard).toEqual(["stays", "stays"])
})
