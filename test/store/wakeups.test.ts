import { expect, test } from "bun:test"
import { localWakeups } from "../../src/store/wakeups.ts"

test("a wake-up reaches the listeners of its key, and no others, after the caller has gone on", async () => {
  const wakeups = localWakeups()
  const heard: string[] = []
  wakeups.subscribe(Uint8Array.of(1, 2), () => heard.push("first"))
  wakeups.subscribe(Uint8Array.of(1, 2), () => heard.push("second"))
  wakeups.subscribe(Uint8Array.of(1), () => heard.push("other"))
  wakeups.wake(Uint8Array.of(0, 1, 2).subarray(1))
  expect(heard).toEqual([])
  await Promise.resolve()
  expect(heard).toEqual(["first", "second"])
})

test("an ended subscription hears nothing, not even what was on its way", async () => {
  const wakeups = localWakeups()
  const heard: string[] = []
  const key = Uint8Array.of(7)
  const end = wakeups.subscribe(key, () => heard.push("ended"))
  wakeups.subscribe(key, () => heard.push("stays"))
  wakeups.wake(key)
  end()
  end()
  await Promise.resolve()
  wakeups.wake(key)
  await Promise.resolve()
  expect(heard).toEqual(["stays", "stays"])
})
