import { existsSync, realpathSync } from "node:fs"
import { dirname } from "node:path"
import { readText } from "../system-text.ts"
import { type Examination, type Finding, fail, ok, warn } from "./finding.ts"
import { type Mount, mountOf } from "./system.ts"

/** Whether the disk forgets what the server overwrites and deletes. */
export const disk: Examination = ({ config: { dataDirectory, secretsFile } }) => {
  const mounts = readText("/proc/self/mountinfo")
  const mount = mountOf(mounts, realpathSync(dataDirectory))
  return [
    fileSystem(mount),
    discard(mount, mount && isFlash(mount.device), isTrimmed()),
    secretsApart(mount, mountOf(mounts, existing(secretsFile))),
  ]
}

const IN_PLACE = ["ext2", "ext3", "ext4", "xfs"]
const COPY_ON_WRITE = ["btrfs", "zfs", "bcachefs", "nilfs2", "f2fs", "apfs", "ubifs"]
const IN_MEMORY = ["tmpfs", "ramfs"]
const ELSEWHERE = ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse", "virtiofs"]

export function fileSystem(mount: Mount | undefined): Finding {
  const id = "file-system"
  const erased = "What is overwritten and deleted is gone: a copy of the disk shows the present alone."
  const kept =
    "Old blocks stay on the disk, so whoever takes it sees history: who was written to together, and what was deleted."
  if (mount === undefined) {
    return warn(id, "the file system of the data is unknown: see that it is ext4 or xfs", kept)
  }
  const { type, options } = mount
  const family = type.replace(/\..*$/, "")
  if (COPY_ON_WRITE.includes(type)) {
    return fail(id, `the data lies on ${type}, which never writes in place: move it to ext4 or xfs`, kept)
  }
  if (ELSEWHERE.includes(family)) {
    return fail(
      id,
      `the data lies on ${type}, on another machine or under another program's care: move it to a disk of this machine`,
      `${kept} Locks may not hold either.`,
    )
  }
  if (options.includes("data=journal")) {
    return fail(
      id,
      `the data lies on ${type} with data=journal, which writes everything twice: mount it with data=ordered`,
      kept,
    )
  }
  if (type === "overlay") {
    return warn(id, "the data lies in a container's own layer (overlay): put it on a volume of its own", kept)
  }
  if (IN_MEMORY.includes(type)) {
    return warn(
      id,
      `the data lies in memory (${type}): it is gone with the next start of the machine`,
      "Nothing stays; nor does what the server acknowledged.",
    )
  }
  if (IN_PLACE.includes(type)) return ok(id, `the data lies on ${type}, which writes in place`, erased)
  return warn(id, `the data lies on ${type}, of which it is not known whether it writes in place`, kept)
}

/** `flash`: undefined if it is not known what the file system lies on; `trimmed`: at times, by a timer. */
export function discard(mount: Mount | undefined, flash: boolean | undefined, trimmed: boolean): Finding {
  const id = "discard"
  const erased = "The drive is told which blocks are free and may erase them."
  if (mount === undefined || IN_MEMORY.includes(mount.type))
    return ok(id, "there is no disk that would have to be told", erased)
  if (mount.options.some((option) => option === "discard" || option.startsWith("discard=")))
    return ok(id, "free blocks are discarded at once", erased)
  if (flash === false) return ok(id, "the disk overwrites in place and need not be told", erased)
  if (trimmed) {
    return warn(
      id,
      "free blocks are discarded by fstrim.timer only, about once a week: mount the data with discard",
      "What was deleted may stay readable in the drive's flash for a week and longer.",
    )
  }
  const drive = flash === true ? "the drive is flash" : "the drive may be flash"
  return warn(
    id,
    `${drive}, and free blocks are never discarded: mount the data with discard, or enable fstrim.timer`,
    "What was overwritten or deleted may stay readable in the drive's flash, for whoever takes it apart.",
  )
}

export function secretsApart(data: Mount | undefined, secrets: Mount | undefined): Finding {
  const id = "secrets-apart"
  if (data !== undefined && secrets !== undefined && data.device !== secrets.device) {
    return ok(
      id,
      "data and secrets lie on different file systems",
      "Whoever takes the one has not got the other; they open only together.",
    )
  }
  return warn(
    id,
    "the secrets lie on the same file system as the data: hand them over as a credential (LoadCredential), encrypted or from elsewhere",
    "Whoever takes this disk has both: with a member's key they learn the queues of a group, and they can try passwords.",
  )
}

/** The rotational flag of a partition is its disk's; that of a virtual disk says nothing. */
function isFlash(device: string): boolean | undefined {
  const block = `/sys/dev/block/${device}`
  if (existsSync(block) && realpathSync(block).includes("/virt")) return undefined
  const flag = (readText(`${block}/queue/rotational`) || readText(`${block}/../queue/rotational`)).trim()
  return flag === "" ? undefined : flag === "0"
}

function isTrimmed(): boolean {
  const wanted = "timers.target.wants/fstrim.timer"
  return ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"].some((directory) =>
    existsSync(`${directory}/${wanted}`),
  )
}

/** The path itself, or the deepest directory above it that there is. */
function existing(path: string): string {
  return existsSync(path) ? realpathSync(path) : existing(dirname(path))
}
