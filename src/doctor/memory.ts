import { protectMemory } from "../memory/process.ts"
import { readText } from "../system-text.ts"
import { type Examination, type Finding, fail, ok, warn } from "./finding.ts"

/** Whether keys that are in memory for the time of a request may come to lie on a disk. */
export const memory: Examination = () => [
  swap(readText("/proc/swaps"), isEncrypted),
  coreDumps(complaintsOfProtection(), readText("/sys/kernel/kexec_crash_loaded").trim() === "1"),
]

/** `encrypted` tells of a device or file whether it is. */
export function swap(swaps: string, encrypted: (device: string) => boolean): Finding {
  const id = "swap"
  const areas = swaps
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(/\s/)[0] as string)
  const open = areas.filter((area) => !area.startsWith("/dev/zram") && !encrypted(area))
  if (open.length === 0) {
    const words =
      areas.length === 0 ? "there is no swap" : "swap is encrypted, or compressed memory, and nothing else"
    return ok(id, words, "Keys in memory come to lie on no disk.")
  }
  return warn(
    id,
    `there is swap that is not encrypted (${open.join(", ")}): turn it off, or let the server lock its memory with LimitMEMLOCK=infinity`,
    "Unless the server locks its memory, keys of groups that a request brought may lie on the disk for years.",
  )
}

function isEncrypted(device: string): boolean {
  const name = /^\/dev\/(dm-\d+)$/.exec(device)?.[1]
  return name !== undefined && readText(`/sys/block/${name}/dm/uuid`).startsWith("CRYPT-")
}

/** `complaints`: what a server says that tries to protect its memory here. */
export function coreDumps(complaints: readonly string[], kernelDumps: boolean): Finding {
  const id = "core-dumps"
  const leak = "A dump of the memory holds the keys of whoever was being served, and the secrets."
  const complaint = complaints.find((sentence) => sentence.includes("core dumps"))
  if (complaint !== undefined) return fail(id, complaint, leak)
  if (kernelDumps) {
    return warn(
      id,
      "the kernel writes the whole memory to a disk when it crashes (kdump): turn that off",
      leak,
    )
  }
  return ok(id, "the server can forbid core dumps for itself", "A crash leaves no copy of the memory.")
}

function complaintsOfProtection(): string[] {
  const complaints: string[] = []
  protectMemory((sentence) => complaints.push(sentence))
  return complaints
}
