import { afterAll, beforeAll, expect, test } from "bun:test"
import { STREAM_WINDOW_ENTRIES } from "../../src/limits.ts"
import { Homeserver } from "./homeserver.ts"
import { type Person, party } from "./person.ts"
import { LoopbackProxy } from "./proxy.ts"
import { seeded } from "./random.ts"
import { RawStream } from "./raw-stream.ts"

/** Each is several entries. */
const MESSAGES = 1000
const MESSAGE_CHARACTERS = 3000
/** Generous: a server that only forwards these messages grows by half of it. */
const GROWTH_BYTES_MAX = 192 * 1024 * 1024

let server: Homeserver
beforeAll(async () => {
  server = await Homeserver.start()
})
afterAll(() => server.end())

test(
  "a stream whose connection is cut again and again after any byte loses, doubles and reorders nothing",
  () =>
    seeded(async (random) => {
      const proxy = await LoopbackProxy.start(() => server.port, {
        cut: () =>
          random() < 0.8
            ? { direction: "down", bytes: Math.floor(random() * 24_000) }
            : { direction: "up", bytes: Math.floor(random() * 1500) },
      })
      const [sender, ...readers] = await party([
        { url: server.url },
        { url: server.url, webSocket: proxy.webSocket },
        { url: server.url, webSocket: proxy.webSocket },
      ])
      const texts = Array.from({ length: 120 }, (_, i) => `${i} ${"x".repeat(random() ** 3 * 12_000)}`)
      for (const text of texts) await sender.say(text)
      for (const reader of readers) {
        await reader.untilHeard(texts.at(-1) as string)
        expect(reader.heard().map(({ text }) => text)).toEqual(texts)
      }
      expect(proxy.cuts).toBeGreaterThan(10)
      for (const person of [sender, ...readers]) await person.stop()
      await proxy.stop()
    }),
  60_000,
)

test("readers that stop reading or never acknowledge cost the server no memory and nobody else a message, and get all later", async () => {
  const proxy = await LoopbackProxy.start(() => server.port)
  const [sender, listener, silent, stuck] = (await party([1, 2, 3, 4].map(() => ({ url: server.url })))) as [
    Person,
    Person,
    Person,
    Person,
  ]
  await silent.stop()
  await stuck.stop()
  const texts = Array.from({ length: MESSAGES }, (_, i) => `${i} ${"x".repeat(MESSAGE_CHARACTERS)}`)
  const [first = ""] = texts
  await sender.say(first)
  const neverAcknowledging = await RawStream.open(server.url, silent.store, (url) => new WebSocket(url))
  const neverReading = await RawStream.open(server.url, stuck.store, proxy.webSocket)
  await neverAcknowledging.until(({ entries }) => entries > 0)
  await neverReading.until(({ entries }) => entries > 0)
  proxy.passages[0]?.stall()
  const before = server.residentBytes()

  let highest = before
  for (const [i, text] of texts.slice(1).entries()) {
    await sender.say(text)
    if (i % 50 === 0) highest = Math.max(highest, server.residentBytes())
  }
  await listener.untilHeard(texts.at(-1) as string)
  expect(listener.heard().map(({ text }) => text)).toEqual(texts)
  await neverAcknowledging.until(({ entries }) => entries >= STREAM_WINDOW_ENTRIES)
  expect(neverAcknowledging.entries).toBe(STREAM_WINDOW_ENTRIES)
  expect(highest - before).toBeLessThan(GROWTH_BYTES_MAX)

  neverAcknowledging.close()
  neverReading.close()
  for (const person of [silent, stuck]) {
    await person.start()
    await person.untilHeard(texts.at(-1) as string)
    expect(person.heard().map(({ text }) => text)).toEqual(texts)
  }
  for (const person of [sender, listener, silent, stuck]) await person.stop()
  await proxy.stop()
}, 60_000)
