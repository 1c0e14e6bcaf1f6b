/** A line of /proc/self/mountinfo (proc(5)). */
export interface Mount {
  readonly point: string
  /** `ext4`, `btrfs`, … */
  readonly type: string
  /** `major:minor` */
  readonly device: string
  /** Of the mount and of the file system. */
  readonly options: readonly string[]
}

/** The mount that a path lies on: of those whose point is above it the deepest, and of several there the last. */
export function mountOf(mountinfo: string, path: string): Mount | undefined {
  const above = mountinfo
    .split("\n")
    .flatMap((line) => parseMount(line) ?? [])
    .filter(({ point }) => point === "/" || path === point || path.startsWith(`${point}/`))
  return above.reduce<Mount | undefined>(
    (deepest, mount) => (mount.point.length >= (deepest?.point.length ?? 0) ? mount : deepest),
    undefined,
  )
}

function parseMount(line: string): Mount | undefined {
  const [left = "", right = ""] = line.split(" - ")
  const [, , device, , point, mountOptions] = left.split(" ")
  const [type, , superOptions] = right.split(" ")
  if (device === undefined || point === undefined || type === undefined) return undefined
  return {
    point: unescaped(point),
    type,
    device,
    options: `${mountOptions ?? ""},${superOptions ?? ""}`.split(","),
  }
}

/** Spaces and the like are `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}
