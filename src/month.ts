/**
 * Months since January 2020 in UTC: the only measure of time in group records and QS client records, and of the pool, which
 * has a partition for each.
 */
export function monthOf(milliseconds: number): number {
  const date = new Date(milliseconds)
  return (date.getUTCFullYear() - 2020) * 12 + date.getUTCMonth()
}

/** Year and month as six digits (202611), as in a partition's name. */
export function monthDigits(month: number): string {
  const year = 2020 + Math.floor(month / 12)
  return `${year}${String((month % 12) + 1).padStart(2, "0")}`
}

/** The reverse of {@link monthDigits}; undefined for anything else. */
export function monthFromDigits(digits: string): number | undefined {
  if (!/^[0-9]{6}$/.test(digits)) return undefined
  const month = Number(digits.slice(4))
  if (month < 1 || month > 12) return undefined
  return (Number(digits.slice(0, 4)) - 2020) * 12 + month - 1
}

/** When the month began: the only time that files have. */
export function beginningOfMonth(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()))
}
