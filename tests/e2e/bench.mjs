// Starts the console over the tests' own store, with a CA made for the
// occasion, and talks to it. Used by the tests here.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const HEX = "0123456789abcdef0123456789abcdef";
export const ADMIN = "a".repeat(32) + HEX;
export const OPERATOR = "b".repeat(32) + HEX;

function openssl(dir, ...args) {
  execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
}

function makeCertificates(dir) {
  const key = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"];
  openssl(dir, ...key, "ca.key");
  openssl(dir, "req", "-x509", "-new", "-key", "ca.key", "-out", "ca.pem", "-days", "2",
    "-subj", "/CN=Provline test CA");
  openssl(dir, ...key, "server.key");
  openssl(dir, "req", "-new", "-key", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(join(dir, "ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  openssl(dir, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
    "-CAcreateserial", "-extfile", "ext", "-out", "server.pem", "-days", "2");
  for (const name of ["ca.key", "server.key"]) chmodSync(join(dir, name), 0o600);
}

async function launch(dir, program, web, more) {
  const child = spawn(
    program,
    ["server.pem", "server.key", "ca.pem", "ca.key", web, "images", ...more.map(String)],
    { cwd: dir, stdio: ["pipe", "pipe", "pipe"] },
  );
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  const port = await new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => line.startsWith("port ") && resolve(Number(line.slice(5))));
    child.on("exit", (code) => reject(new Error(`console-bench left with ${code}: ${log}`)));
  });
  return { child, port, log: () => log };
}

function left(child) {
  return new Promise((resolve) => {
    child.on("exit", (code, signal) => resolve(code ?? signal));
    child.stdin.end();
  });
}

// program: path of console-bench; web: the built web console, or "".
export async function startBench(program, web, rows = 20) {
  const dir = mkdtempSync(join(tmpdir(), "provline-e2e-"));
  mkdirSync(join(dir, "images"));
  makeCertificates(dir);
  // Used again by resume(): not one that the kernel gives to connections.
  const port = 10000 + Math.floor(Math.random() * 22000);
  let run = await launch(dir, program, web, [rows, port]);
  return {
    dir,
    port,
    url: `https://localhost:${port}`,
    pid: () => run.child.pid,
    log: () => run.log(),
    say: (line) => run.child.stdin.write(line + "\n"),
    // The exit code.
    pause: () => left(run.child),
    resume: async () => {
      run = await launch(dir, program, web, [rows, port]);
    },
    stop: async () => {
      const code = run.child.exitCode ?? (await left(run.child));
      rmSync(dir, { recursive: true, force: true });
      return code;
    },
  };
}
