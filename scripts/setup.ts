/**
 * Set-up: looks for what the demo or the tests need on this machine, and installs what is missing where it may.
 *
 * Owns: the list of programs and libraries with the name of their package on each kind of system. As root it asks
 * the system's package manager, saying so; as anybody else it names what is missing in one line. It never fails:
 * the demo runs without a device where it must, and a live test that lacks something is reported as ignored.
 *
 * `setup.ts demo` or `setup.ts test`; silent and quick when all is there.
 */
import { pcapLibrary } from "../ffi/pcap_library.ts";

/** What a task may need, and where it comes from. */
interface Requirement {
  readonly name: string;
  /** Programs that show it is there; none for libpcap, which is opened instead. */
  readonly programs: readonly string[];
  readonly neededBy: readonly Purpose[];
  readonly packages: Readonly<Record<PackageManager, string>>;
}

/** What set-up can be asked to prepare. */
type Purpose = "demo" | "test";

/** The package managers that set-up knows. */
type PackageManager = "apt-get" | "dnf" | "apk" | "pacman";

const BOTH: readonly Purpose[] = ["demo", "test"];
const TEST_ONLY: readonly Purpose[] = ["test"];

/** One name for all four package managers. */
function everywhere(name: string): Requirement["packages"] {
  return { "apt-get": name, dnf: name, apk: name, pacman: name };
}

/** All that may be needed. */
export const REQUIREMENTS: readonly Requirement[] = [
  {
    name: "libpcap",
    programs: [],
    neededBy: BOTH,
    packages: { ...everywhere("libpcap"), "apt-get": "libpcap0.8" },
  },
  { name: "ip", programs: ["ip"], neededBy: BOTH, packages: { ...everywhere("iproute2"), dnf: "iproute" } },
  { name: "unshare", programs: ["unshare", "nsenter"], neededBy: BOTH, packages: everywhere("util-linux") },
  {
    name: "tshark",
    programs: ["tshark", "dumpcap"],
    neededBy: TEST_ONLY,
    packages: { "apt-get": "tshark", apk: "tshark", dnf: "wireshark-cli", pacman: "wireshark-cli" },
  },
  { name: "nft", programs: ["nft"], neededBy: TEST_ONLY, packages: everywhere("nftables") },
  {
    name: "nc",
    programs: ["nc"],
    neededBy: TEST_ONLY,
    packages: { ...everywhere("netcat-openbsd"), dnf: "netcat", pacman: "openbsd-netcat" },
  },
  { name: "curl", programs: ["curl"], neededBy: TEST_ONLY, packages: everywhere("curl") },
  {
    name: "python3",
    programs: ["python3"],
    neededBy: TEST_ONLY,
    packages: { ...everywhere("python3"), pacman: "python" },
  },
  { name: "ethtool", programs: ["ethtool"], neededBy: TEST_ONLY, packages: everywhere("ethtool") },
  { name: "nmap", programs: ["nmap"], neededBy: TEST_ONLY, packages: everywhere("nmap") },
  {
    name: "hping3",
    programs: ["hping3"],
    neededBy: TEST_ONLY,
    packages: { ...everywhere("hping3"), pacman: "hping" },
  },
  {
    name: "scapy",
    programs: ["scapy"],
    neededBy: TEST_ONLY,
    packages: { ...everywhere("python3-scapy"), apk: "scapy", pacman: "scapy" },
  },
  { name: "tmux", programs: ["tmux"], neededBy: TEST_ONLY, packages: everywhere("tmux") },
  // For the tests of the pages, which look at them as a person does.
  { name: "chromium", programs: ["chromium"], neededBy: TEST_ONLY, packages: everywhere("chromium") },
  {
    name: "ping",
    programs: ["ping"],
    neededBy: TEST_ONLY,
    packages: { ...everywhere("iputils"), "apt-get": "iputils-ping" },
  },
  {
    name: "ps",
    programs: ["ps"],
    neededBy: TEST_ONLY,
    packages: { ...everywhere("procps-ng"), "apt-get": "procps" },
  },
];

/** How each package manager installs without asking. */
const INSTALL_COMMANDS: Readonly<Record<PackageManager, readonly string[]>> = {
  "apt-get": ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"],
  dnf: ["dnf", "install", "--assumeyes", "--quiet"],
  apk: ["apk", "add", "--quiet"],
  pacman: ["pacman", "--sync", "--noconfirm", "--needed"],
};

const PACKAGE_MANAGERS: readonly PackageManager[] = ["apt-get", "dnf", "apk", "pacman"];

/** The system's own programs are found even where an ordinary user's search path leaves them out. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

function isInstalled(program: string): boolean {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), ...SYSTEM_FOLDERS];
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

function hasLibpcap(): boolean {
  try {
    pcapLibrary();
    return true;
  } catch {
    return false;
  }
}

function isMissing(requirement: Requirement): boolean {
  if (requirement.programs.length === 0) return !hasLibpcap();
  return !requirement.programs.every(isInstalled);
}

/** What `purpose` needs and this machine lacks. */
function missingFor(purpose: Purpose): Requirement[] {
  return REQUIREMENTS.filter((requirement) =>
    requirement.neededBy.includes(purpose) && isMissing(requirement)
  );
}

/** The command line that installs `missing` with `manager`. */
export function installCommand(manager: PackageManager, missing: readonly Requirement[]): string[] {
  return [...INSTALL_COMMANDS[manager], ...missing.map((requirement) => requirement.packages[manager])];
}

/** Runs a command, its output on our stderr so that stdout stays the task's own. True when it succeeded. */
function run(words: readonly string[]): boolean {
  const [program, ...args] = words;
  try {
    const { success, stdout, stderr } = new Deno.Command(program, {
      args,
      stdin: "null",
      env: { DEBIAN_FRONTEND: "noninteractive" },
    }).outputSync();
    if (!success) {
      Deno.stderr.writeSync(stdout);
      Deno.stderr.writeSync(stderr);
    }
    return success;
  } catch {
    return false;
  }
}

function install(manager: PackageManager, missing: readonly Requirement[]): void {
  const words = installCommand(manager, missing);
  console.error(`setup: ${words.join(" ")}`);
  // A fresh machine has no lists of packages yet, and old lists name versions that are gone.
  if (manager === "apt-get") run(["apt-get", "update", "--quiet"]);
  if (run(words)) return;
  // One package that this system does not have must not keep the others away.
  for (const requirement of missing) run(installCommand(manager, [requirement]));
}

function setUp(purpose: Purpose): void {
  if (Deno.build.os !== "linux") return;
  const missing = missingFor(purpose);
  if (missing.length === 0) return;
  const manager = PACKAGE_MANAGERS.find(isInstalled);
  if (manager !== undefined && Deno.uid() === 0) install(manager, missing);
  const still = missingFor(purpose);
  if (still.length === 0) return;
  const names = still.map((requirement) => requirement.name).join(", ");
  const advice = manager === undefined
    ? "install it with this system's package manager"
    : `as root: ${installCommand(manager, still).join(" ")}`;
  const effect = purpose === "demo" ? "the demo does without" : "live tests that need it are ignored";
  console.error(`setup: not installed: ${names}; ${effect} (${advice})`);
}

if (import.meta.main) setUp(Deno.args[0] === "test" ? "test" : "demo");
