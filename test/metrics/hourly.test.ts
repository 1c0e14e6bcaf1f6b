import { describe, expect, test } from "bun:test"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { type MetricName, metrics } from "../../src/metrics/definitions.ts"
import { HourlyMetrics, type Measures } from "../../src/metrics/hourly.ts"
import { asPrometheusText } from "../../src/metrics/text.ts"
import { veiled } from "../../src/metrics/veil.ts"

const HOUR = 3_600_000
const random = (bytes: number) => crypto.random(bytes)

const quiet: Measures = {
  streams: 2,
  cpuMicroseconds: 0,
  looks: 0,
  late: 0,
  memoryBytes: 200_000_000,
  diskFree: 0.5,
  intermediateEnd: 1_900_000_000,
  certificateEnd: 0,
}

/** Metrics with a clock and measures that the test moves. */
function watched(time = 10 * HOUR) {
  const now = { time, measures: quiet }
  const hourly = new HourlyMetrics({
    version: "1.2.3",
    measure: () => now.measures,
    clock: () => now.time,
    random,
  })
  return { now, hourly, text: () => asPrometheusText(hourly.published()) }
}

function valueIn(text: string, line: string): number {
  const found = text.split("\n").find((one) => one.startsWith(`${line} `))
  return Number(found?.slice(line.length + 1))
}

describe("what is published within an hour", () => {
  test("does not change by a message, nor by a thousand, nor by defects, streams, work or memory", () => {
    const { now, hourly, text } = watched()
    const before = text()
    for (let i = 0; i < 1000; i++) hourly.request("answered", 2000)
    hourly.request("failed", 1)
    hourly.defect()
    now.measures = { ...quiet, streams: 5000, cpuMicroseconds: 1e9, memoryBytes: 4e9, diskFree: 0.1 }
    now.time += HOUR - 1
    expect(text()).toBe(before)
    now.time += 1
    const after = text()
    expect(after).not.toBe(before)
    expect(text()).toBe(after)
  })

  test("does not change with a clock that is set back", () => {
    const { now, text } = watched()
    const before = text()
    now.time -= 3 * HOUR
    expect(text()).toBe(before)
  })
})

describe("what is published of an hour", () => {
  /** The share of hours after which a guess of "something was sent" is made, by the best single threshold. */
  function advantage(value: (sent: boolean) => number, rounds: number): number {
    const quietHours = Array.from({ length: rounds }, () => value(false))
    const otherHours = Array.from({ length: rounds }, () => value(true))
    const values = [...new Set([...quietHours, ...otherHours])]
    const share = (hours: number[], v: number) => hours.filter((one) => one === v).length / rounds
    return values.reduce((sum, v) => sum + Math.abs(share(quietHours, v) - share(otherHours, v)), 0) / 2
  }

  test("does not tell whether one sender was there: the counts are as likely with and without a message", () => {
    const count = (sent: boolean) => {
      const { now, hourly, text } = watched()
      if (sent) for (let i = 0; i < 5; i++) hourly.request("answered", 5)
      now.time += HOUR
      return valueIn(text(), 'cinder_requests{outcome="answered"}')
    }
    expect(advantage(count, 4000)).toBeLessThan(0.06)
  })

  test("would tell without the noise, by this very attack", () => {
    expect(advantage((sent) => (sent ? 5 : 0), 100)).toBe(1)
    const roundedUp = (sent: boolean) => Math.ceil((sent ? 1 : 0) / 100)
    expect(advantage(roundedUp, 100)).toBe(1)
  })

  test("does not tell by memory, processor or disk whether a message was handled", () => {
    const messages: readonly [line: MetricName, measures: Partial<Measures>][] = [
      ["cinder_memory_bytes", { memoryBytes: quiet.memoryBytes + 1_000_000 }],
      ["cinder_cpu_ratio", { cpuMicroseconds: 100_000 }],
      ["cinder_disk_free_ratio", { diskFree: 0.4999 }],
      ["cinder_lag_ratio", { looks: 720, late: 1 }],
      ["cinder_streams", { streams: 3 }],
    ]
    for (const [line, measures] of messages) {
      const value = (sent: boolean) => {
        const { now, text } = watched()
        now.measures = { ...quiet, looks: 720, ...(sent ? measures : {}) }
        now.time += HOUR
        return valueIn(text(), line)
      }
      expect(advantage(value, 3000), line).toBeLessThan(0.08)
    }
  })

  test("tells an operator how busy the server is", () => {
    const { now, hourly, text } = watched()
    for (let i = 0; i < 50_000; i++) hourly.request("answered", 5)
    for (let i = 0; i < 20_000; i++) hourly.request("overloaded", 1001)
    hourly.defect()
    const measures = {
      ...quiet,
      streams: 9000,
      cpuMicroseconds: 1.8e9,
      looks: 100,
      late: 50,
      memoryBytes: 4e9,
    }
    now.measures = measures
    now.time += HOUR
    const near = (line: string, value: number, spread: number) =>
      expect(Math.abs(valueIn(text(), line) - value), line).toBeLessThan(spread)
    near('cinder_requests{outcome="answered"}', 50_000, 3000)
    near('cinder_requests{outcome="overloaded"}', 20_000, 3000)
    near("cinder_slow_requests", 20_000, 3000)
    near("cinder_streams", 9000, 3000)
    near("cinder_cpu_ratio", 0.5, 0.5)
    near("cinder_lag_ratio", 0.5, 0.5)
    near("cinder_memory_bytes", 4e9, 2e9)
    expect(valueIn(text(), "cinder_defects")).toBe(1)
    now.time += HOUR
    near('cinder_requests{outcome="answered"}', 0, 3000)
    expect(valueIn(text(), "cinder_defects")).toBe(1)
  })

  test("has the same series whatever happens, and each with help and type", () => {
    const series = (text: string) => text.replaceAll(/ [^ ]+$/gm, "")
    const { now, hourly, text } = watched()
    const before = text()
    hourly.request("failed", 5000)
    now.time += 5 * HOUR
    expect(series(text())).toBe(series(before))
    for (const [name, { help }] of Object.entries(metrics)) {
      expect(before).toContain(`# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name}`)
    }
    expect(before).toContain('cinder_info{version="1.2.3"} 1\n')
  })
})

describe("noise", () => {
  test("changes the odds of any result by no more than its bound", () => {
    const veil = { step: 100, noise: 100 }
    const rounds = 20_000
    const share = (value: number) => {
      let none = 0
      for (let i = 0; i < rounds; i++) if (veiled(value, veil, random) === 0) none++
      return none / rounds
    }
    const [without, withHundred] = [share(0), share(100)]
    expect(without / withHundred).toBeLessThan(Math.E * 1.1)
    expect(without / withHundred).toBeGreaterThan(1.5)
  })

  test("leaves multiples of the step, and none below nothing", () => {
    for (let i = 0; i < 1000; i++) {
      const value = veiled(3, { step: 0.05, noise: 4 }, random)
      expect(value).toBeGreaterThanOrEqual(0)
      expect(Math.round(value * 20) / 20).toBe(value)
    }
  })
})
