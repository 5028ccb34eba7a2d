/**
 * One script for `tcplab run`: its file, the run, the recording.
 *
 * Owns: what an unreadable one becomes, real time's limit, what a true shell is. Must not know: how reports look.
 */
import { PcapngRecorder } from "../observe/pcapng_recorder.ts";
import { parseScript } from "../script/parse_script.ts";
import { profileAskedFor } from "../script/run_config.ts";
import { type RunOptions, runScript, type TraceEntry, type Verdict } from "../script/runner.ts";
import { ScriptError } from "../script/script_error.ts";
import { createKernel } from "../script/sockets/create_kernel.ts";
import type { TrueShell } from "../script/shell_steps.ts";
import type { LiveWire } from "../script/world.ts";
import type { Script } from "../script/values.ts";
import type { TcpEvent } from "../tcp/events.ts";
import { PROFILES } from "../tcp/profiles.ts";
import { CliError } from "./command.ts";
import { cannotWrite, openOutputFile } from "./output_file.ts";
import { readScript } from "./run_files.ts";
import { reportOf, type ScriptReport } from "./run_report.ts";
import type { RunSettings } from "./run_options.ts";
import { VERSION } from "./version.ts";

/** Names that a profile defines, as the original defines the system that it was built on. */
const PROFILE_DEFINES: Readonly<Record<string, readonly string[]>> = {
  linux: ["Linux"],
  freebsd: ["FreeBSD"],
  rfc: [],
};

/** How often a script is played on the virtual clock before it is played in real time. Local choice: V8 compiles what runs some times. */
const WARM_UPS = 5;

/** Octets of what a true shell says on standard error that are told. Local choice: a screen. */
const MOST_SHELL_BYTES = 0x1000;

/** What is wanted of a run beside its report. */
export interface ScriptWishes {
  readonly settings: RunSettings;
  readonly onTrace?: (entry: TraceEntry) => void;
  /** The wire that the stack is to stand on; null: none. */
  readonly wire: LiveWire | null;
}

/** Runs the script of a file. Never throws for what is in it; throws {@link CliError} where the recording cannot be written. */
export async function runScriptFile(path: string, wishes: ScriptWishes): Promise<ScriptReport> {
  const beganMs = performance.now();
  const read = await readScript(path);
  if ("error" in read) return errorReport(path, { message: read.error, beganMs });
  const { text } = read;
  const { settings } = wishes;
  let script: Script;
  try {
    script = parseScript(text, path, { defines: settings.defines });
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    const found = error.token === "" ? "the end of the script" : `"${error.token}"`;
    return reportOf(path, {
      verdict: {
        kind: "error",
        place: { line: error.line, column: error.column },
        message: `expected ${error.expected}, found ${found}`,
      },
      lines: text.split("\n"),
      times: { virtualMs: 0, realMs: performance.now() - beganMs },
    });
  }
  const recording = settings.writeFile === null ? null : new Recording(settings.writeFile);
  try {
    const { verdict, virtualUs } = run(script, { ...wishes, recording, beganMs });
    return reportOf(path, {
      verdict,
      lines: text.split("\n"),
      times: { virtualMs: virtualUs / 1000, realMs: performance.now() - beganMs },
    });
  } finally {
    recording?.finish();
  }
}

function run(
  script: Script,
  about: ScriptWishes & { readonly recording: Recording | null; readonly beganMs: number },
): { readonly verdict: Verdict; readonly virtualUs: number } {
  const { settings, onTrace, wire, recording, beganMs } = about;
  const limitMs = beganMs + settings.timeoutMs;
  const profile = settings.profile ?? profileAskedFor(script) ?? PROFILES.linux;
  const defined = new Set([...settings.defines.keys(), ...PROFILE_DEFINES[profile.name]]);
  const common: RunOptions = {
    profile,
    kernel: createKernel,
    wishes: {
      strict: settings.isStrict,
      defined,
      options: settings.scriptOptions,
      ...(settings.ipVersion === null ? {} : { ipVersion: settings.ipVersion }),
      ...(settings.live === null ? {} : { localAddress: settings.live.address }),
    },
    isOutOfTime: () => performance.now() > limitMs,
  };
  if (wire !== null) {
    // Code that has never run is slow by milliseconds, which would count in real time; and what fails for want of a construct fails here.
    for (let times = 0; times < WARM_UPS; times++) {
      const { verdict, virtualUs } = runScript(script, common);
      if (verdict.kind === "unsupported" || verdict.kind === "error") return { verdict, virtualUs };
    }
  }
  return runScript(script, {
    ...common,
    ...(wire === null ? {} : { wire: recording === null ? wire : recordedWire(wire, recording) }),
    ...(onTrace === undefined ? {} : { onTrace }),
    ...(recording === null
      ? {}
      : { tap: recording.recorder, observe: recording.observe, epochUs: recording.epochUs }),
    ...(settings.allowsShell ? { shell: trueShellUntil(limitMs) } : {}),
  });
}

/** A recording of one run; its times begin with the hour at which it is made. */
class Recording {
  readonly recorder: PcapngRecorder;
  readonly epochUs = Date.now() * 1000;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #nowUs: number;
  #failure: CliError | null = null;

  constructor(path: string) {
    this.#path = path;
    this.#nowUs = this.epochUs;
    this.#file = openOutputFile(path, { option: "--write" });
    this.recorder = new PcapngRecorder({
      write: (bytes) => this.#file.writeSync(bytes),
      onError: (error) => {
        this.#failure = new CliError(`${cannotWrite(this.#path, error)}: the recording is not whole`);
      },
      nowEpochUs: () => this.#nowUs,
      device: "script",
      application: `tcplab ${VERSION}`,
    });
  }

  readonly observe = (event: TcpEvent): void => {
    this.#nowUs = Math.max(this.#nowUs, Math.round(event.time * 1e6));
    this.recorder.observe(event);
  };

  finish(): void {
    this.recorder.finish();
    this.#file.close();
    if (this.#failure !== null) throw this.#failure;
  }
}

/** While nothing is due the recording is brought up to date: what ends a run in real time is often a person's Ctrl-C. */
function recordedWire(wire: LiveWire, { recorder }: Recording): LiveWire {
  return {
    ...wire,
    sleep: (us) => {
      recorder.flush();
      wire.sleep(us);
    },
  };
}

/**
 * Runs $1 with its standard error in the file $2, for $3 seconds at most. Nothing else goes on in this process meanwhile, so the limit is
 * the shell's: Deno's own has none there, and that of node:child_process wants to read the whole environment, which the compiled program
 * may not. Not a pipe: what the command leaves in the background would hold it open.
 */
const WATCHED_SHELL = `
sh -c "$1" 2>"$2" &
command=$!
(trap 'kill $!; exit' TERM; sleep "$3" & wait $!; kill -9 $command) &
watch=$!
wait $command
status=$?
kill $watch
exit $status`;

/** `sh -c`, with the rights of whoever runs tcplab; null when it went well. It has the rest of the script's time. */
function trueShellUntil(limitMs: number): TrueShell {
  return (text) => {
    const errors = Deno.makeTempFileSync();
    try {
      const seconds = Math.max(1, Math.ceil((limitMs - performance.now()) / 1000));
      const { success, code } = new Deno.Command("sh", {
        args: ["-c", WATCHED_SHELL, "sh", text, errors, `${seconds}`],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).outputSync();
      if (success) return null;
      if (performance.now() >= limitMs) return "not ended when the time limit was over";
      const said = beginningOf(errors).trim();
      return `exit status ${code}${said === "" ? "" : `: ${said}`}`;
    } finally {
      Deno.removeSync(errors);
    }
  };
}

function beginningOf(path: string): string {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(MOST_SHELL_BYTES);
  return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
}

function errorReport(
  path: string,
  about: { readonly message: string; readonly beganMs: number },
): ScriptReport {
  return reportOf(path, {
    verdict: { kind: "error", place: { line: 0, column: 0 }, message: about.message },
    lines: [],
    times: { virtualMs: 0, realMs: performance.now() - about.beganMs },
  });
}
