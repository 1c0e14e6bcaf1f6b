import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const DEVICE_BYTES = 96 * 1024 * 1024

function run(...words: readonly string[]): boolean {
  return Bun.spawnSync([...words], { stdout: "ignore", stderr: "ignore" }).exitCode === 0
}

/** An ext4 file system of its own in an image, mounted; what lies on its blocks can be read, whatever its files say. */
export class BlockDevice implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "cinder-device-"))
  readonly #image = join(this.#directory, "image")
  readonly path = join(this.#directory, "mounted")

  /** Undefined: this machine does not let this user mount one. */
  static mount(): BlockDevice | undefined {
    const device = new BlockDevice()
    if (device.#mount()) return device
    rmSync(device.#directory, { recursive: true })
    return undefined
  }

  #mount(): boolean {
    writeFileSync(this.#image, "")
    truncateSync(this.#image, DEVICE_BYTES)
    return (
      run("mkfs.ext4", "-q", this.#image) &&
      run("mkdir", this.path) &&
      run("mount", "-o", "loop", this.#image, this.path)
    )
  }

  /** The device itself, once all was written to it. */
  written(): string {
    if (!run("sync", "-f", this.path)) throw new Error("the file system could not be written out")
    return this.#image
  }

  [Symbol.dispose](): void {
    run("umount", this.path)
    rmSync(this.#directory, { recursive: true })
  }
}
