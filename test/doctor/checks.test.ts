import { describe, expect, test } from "bun:test"
import { synchronization } from "../../src/doctor/clock.ts"
import { discard, fileSystem, secretsApart } from "../../src/doctor/disk.ts"
import { openFiles } from "../../src/doctor/limits.ts"
import { coreDumps, swap } from "../../src/doctor/memory.ts"
import { proxyTime } from "../../src/doctor/reach.ts"
import { mountOf } from "../../src/doctor/system.ts"

const mounts = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:40 / /var/lib rw shared:1 master:2 - btrfs /dev/sdb1 rw,space_cache
41 27 0:41 / /var/lib/my\\040data rw - xfs /dev/sdc1 rw
42 27 0:42 / /var/lib/twice rw - nfs4 server:/x rw
43 42 0:43 / /var/lib/twice rw - tmpfs tmpfs rw
`

function typeAt(path: string) {
  return mountOf(mounts, path)?.type
}

function mount(type: string, ...options: readonly string[]) {
  return { point: "/", type, device: "8:1", options }
}

describe("the mount of a path", () => {
  test("is the deepest one above it, and the last of those in one place", () => {
    expect(typeAt("/srv/cinder")).toBe("ext4")
    expect(typeAt("/var/lib/cinder")).toBe("btrfs")
    expect(typeAt("/var/library")).toBe("ext4")
    expect(typeAt("/var/lib")).toBe("btrfs")
    expect(typeAt("/var/lib/my data/x")).toBe("xfs")
    expect(typeAt("/var/lib/twice/x")).toBe("tmpfs")
  })
  test("is unknown where the system does not say", () => {
    expect(mountOf("", "/srv")).toBeUndefined()
    expect(fileSystem(undefined).level).toBe("warn")
  })
})

describe("file systems", () => {
  for (const [level, type, ...options] of [
    ["ok", "ext4"],
    ["ok", "xfs"],
    ["fail", "ext4", "rw", "data=journal"],
    ["fail", "btrfs"],
    ["fail", "zfs"],
    ["fail", "bcachefs"],
    ["fail", "nfs4"],
    ["fail", "fuse.sshfs"],
    ["warn", "overlay"],
    ["warn", "tmpfs"],
    ["warn", "something"],
  ] as const) {
    test(`${[type, ...options].join(" ")}: ${level}`, () => {
      expect(fileSystem(mount(type, ...options)).level).toBe(level)
    })
  }

  test("are told of free blocks, or need not be", () => {
    expect(discard(mount("ext4", "discard"), true, false).level).toBe("ok")
    expect(discard(mount("btrfs", "discard=async"), true, false).level).toBe("ok")
    expect(discard(mount("ext4", "nodiscard"), true, false).level).toBe("warn")
    expect(discard(mount("ext4"), undefined, false).words).toContain("may be flash")
    expect(discard(mount("ext4"), true, true).words).toContain("fstrim.timer")
    expect(discard(mount("ext4"), false, false).level).toBe("ok")
    expect(discard(mount("tmpfs"), undefined, false).level).toBe("ok")
  })

  test("should not be one for data and secrets", () => {
    expect(secretsApart(mount("ext4"), mount("ext4")).level).toBe("warn")
    expect(secretsApart(mount("ext4"), { ...mount("tmpfs"), device: "0:9" }).level).toBe("ok")
    expect(secretsApart(undefined, undefined).level).toBe("warn")
  })
})

describe("swap", () => {
  const head = "Filename\tType\tSize\tUsed\tPriority\n"
  const never = () => false
  test("is nowhere, or in memory, or encrypted, and otherwise told of by name", () => {
    expect(swap(head, never).level).toBe("ok")
    expect(swap(`${head}/dev/zram0 partition 1 0 100\n`, never).level).toBe("ok")
    expect(swap(`${head}/dev/dm-1 partition 1 0 -2\n`, () => true).level).toBe("ok")
    const open = swap(`${head}/dev/zram0 partition 1 0 1\n/swap.img file 1 0 -2\n`, never)
    expect(open.level).toBe("warn")
    expect(open.words).toContain("(/swap.img)")
  })
})

describe("dumps of memory", () => {
  test("fail where the server cannot forbid them, and are warned of where the kernel makes them", () => {
    expect(coreDumps([], false).level).toBe("ok")
    expect(coreDumps(["keys may be swapped"], false).level).toBe("ok")
    expect(coreDumps(["core dumps could not be forbidden"], false).level).toBe("fail")
    expect(coreDumps([], true).level).toBe("warn")
  })
})

describe("the limit of open files", () => {
  const limits = (hard: string) => `Max open files            1024                 ${hard}   files\n`
  test("is enough for all streams, for some, or for none", () => {
    expect(openFiles(limits("1048576")).level).toBe("ok")
    expect(openFiles(limits("unlimited")).level).toBe("ok")
    expect(openFiles(limits("20000")).level).toBe("warn")
    expect(openFiles(limits("512")).level).toBe("fail")
    expect(openFiles("").level).toBe("warn")
  })
})

describe("time", () => {
  test("is synchronized, or not, or it cannot be seen", () => {
    expect(synchronization(0).level).toBe("ok")
    for (const state of [5, -1, undefined]) expect(synchronization(state).level).toBe("warn")
  })
  test("is not changed by a proxy", () => {
    const now = Date.parse("2026-11-25T12:00:00Z")
    expect(proxyTime("Wed, 25 Nov 2026 12:00:01 GMT", now).level).toBe("ok")
    for (const date of ["Wed, 25 Nov 2026 12:01:00 GMT", "soon", null])
      expect(proxyTime(date, now).level).toBe("fail")
  })
})
