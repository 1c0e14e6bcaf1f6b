/** The code of an error of SQLite or the operating system: safe to show, unlike its message. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  return typeof code === "string" ? code : "unknown"
}
