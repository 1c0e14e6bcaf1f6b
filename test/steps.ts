/** For tries of what is built, one step after the other. Their last line is `N passed, N failed`. */

let passed = 0
let failed = 0

/** What throws does not hold, and is printed. */
export async function step(name: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const ok = await Promise.resolve()
    .then(holds)
    .catch((error: unknown) => {
      console.log(error)
      return false
    })
  console.log(`${ok ? "ok  " : "FAIL"} ${name}`)
  if (ok) passed++
  else failed++
}

/** Says why nothing was tried that should have been. */
export function refuse(why: string): void {
  console.log(why)
  failed++
}

export function end(): never {
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed > 0 ? 1 : 0)
}

export interface Ran {
  readonly code: number
  readonly text: string
}

/** Runs a command to its end; the text is all that it printed. */
export function run(...words: readonly string[]): Ran {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], { stdin: "ignore" })
  return { code: exitCode, text: `${stdout}${stderr}` }
}

/** What a command printed, which has to end with 0. */
export function succeeds(...words: readonly string[]): string {
  const { code, text } = run(...words)
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${text}`)
  return text
}

/** `user mode` */
export function rightsOf(path: string): string {
  return succeeds("stat", "-c", "%U %a", path).trim()
}

/** What the package makes, and leaves as it is when it goes. */
export const OWN = ["/etc/cinder", "/var/lib/cinder", "/var/backups/cinder"]
export const CONFIG = "/etc/cinder/cinder.toml"

/** Makes what a server needs, with the words that the package says when it is installed. */
export function initAsSaid(): void {
  const where = ["--secrets", "/etc/cinder/cinder.secrets", "--data", "/var/lib/cinder/data"]
  succeeds("cinder", "init", "--config", CONFIG, ...where, "--domain", "example.org", "--yes")
}
