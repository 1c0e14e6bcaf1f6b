import { expect, test } from "bun:test"
import { CROWD_SLICE_MILLISECONDS } from "../src/limits.ts"
import { Turns } from "../src/turns.ts"

/** As much work as one slice has time for. */
function busy(): void {
  const until = performance.now() + CROWD_SLICE_MILLISECONDS
  while (performance.now() < until);
}

test("work is done at once while there is no crowd", () => {
  const turns = new Turns()
  const done: number[] = []
  for (let i = 0; i < 3; i++) turns.take(() => done.push(i))
  expect(done).toEqual([0, 1, 2])
})

test("a crowd is served in the order of coming, each once, and others have their turn after each slice", async () => {
  const turns = new Turns()
  const done: string[] = []
  const CROWD = 6
  let others = 0
  const other = () => {
    done.push(`other ${others++}`)
    if (others < CROWD) setImmediate(other)
  }
  await new Promise<void>((resolve) => {
    for (let i = 0; i < CROWD; i++) {
      turns.take(() => {
        busy()
        done.push(`${i}`)
        if (i === CROWD - 1) resolve()
      })
    }
    setImmediate(other)
  })
  expect(done.filter((name) => !name.startsWith("other"))).toEqual(["0", "1", "2", "3", "4", "5"])
  for (let i = 1; i + 1 < CROWD; i++) {
    const between = done.slice(done.indexOf(`${i}`), done.indexOf(`${i + 1}`))
    expect([i, between.some((name) => name.startsWith("other"))]).toEqual([i, true])
  }
})

test("what is to be done later is not done now, and after what was there before", async () => {
  const turns = new Turns()
  const done: string[] = []
  await new Promise<void>((resolve) => {
    turns.later(() => done.push("first"))
    turns.take(() => done.push("second"))
    turns.later(resolve)
    expect(done).toEqual([])
  })
  expect(done).toEqual(["first", "second"])
})
