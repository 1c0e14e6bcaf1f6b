/** Months since January 2020 in UTC, the only measure of time that group records hold; `now` in milliseconds. */
export function monthOf(now: number): number {
  const date = new Date(now)
  return (date.getUTCFullYear() - 2020) * 12 + date.getUTCMonth()
}
