/** Of each thing, numbers on one scale; none where it has none. */
export type Marks = readonly (readonly number[])[]

/** Numbers looked at of each thing. */
const MARKS_MAX = 40

/** Sorted, and not too many. */
export function marksOf(numbers: readonly (readonly number[])[]): Marks {
  return numbers.map((some) => some.toSorted((a, b) => a - b).slice(-MARKS_MAX))
}

/**
 * How close the marks of two things are to each other, from 0 to 1: on average over all marks of both, by how far the nearest
 * one of the other's is. `unit` is far.
 */
export function closeness(one: readonly number[], other: readonly number[], unit: number): number {
  if (one.length === 0 || other.length === 0) return 0
  return (towards(one, other, unit) + towards(other, one, unit)) / (one.length + other.length)
}

function towards(marks: readonly number[], others: readonly number[], unit: number): number {
  let sum = 0
  let at = 0
  for (const mark of marks) {
    while (at + 1 < others.length && distance(others, at + 1, mark) <= distance(others, at, mark)) at += 1
    sum += 1 / (1 + distance(others, at, mark) / unit)
  }
  return sum
}

function distance(marks: readonly number[], at: number, from: number): number {
  return Math.abs((marks[at] as number) - from)
}
