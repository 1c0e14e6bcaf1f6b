import { test } from "bun:test"

const NAMES = ["chromium", "chromium-browser", "google-chrome"]
const MISSING = `Chromium was not found (as $CHROMIUM, ${NAMES.join(", ")})`

/** Chromium's own sandbox works neither for root nor in most containers; the pages here are the test's. */
export const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]

/**
 * Defines tests that need Chromium, given its path. Where there is none they are left out, which one line says; but not with
 * `CI=true`: there that is a failure.
 */
export function withChromium(define: (executable: string) => void): void {
  const { CHROMIUM, CI } = process.env
  const found = (CHROMIUM === undefined ? NAMES : [CHROMIUM]).map((name) => Bun.which(name))
  const executable = found.find((path) => path !== null)
  if (typeof executable === "string") define(executable)
  else if (CI !== "true") console.log(`${MISSING}: the tests in a browser are left out.`)
  else {
    test("Chromium is there", () => {
      throw new Error(MISSING)
    })
  }
}
