// The console's HTTPS face against rude peers: credentials, methods, sizes,
// slow senders, foreign pages on the live stream, TLS floor, memory of a large
// export. CTest sets PROVLINE_BENCH.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import https from "node:https";
import { join } from "node:path";
import { after, before, test } from "node:test";
import tls from "node:tls";
import { ADMIN, OPERATOR, startBench } from "./bench.mjs";

const ROWS = 50000;
let bench, ca;

before(async () => {
  bench = await startBench(process.env.PROVLINE_BENCH, "", ROWS);
  ca = readFileSync(join(bench.dir, "ca.pem"));
});
after(async () => assert.equal(await bench.stop(), 0, bench.log()));

function request(method, path, { token, headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Length"] = Buffer.byteLength(body);
    const rq = https.request(
      { host: "localhost", port: bench.port, ca, method, path, headers, agent: false },
      (reply) => {
        let length = 0;
        const parts = [];
        reply.on("data", (part) => {
          length += part.length;
          if (length < 1e6) parts.push(part);
        });
        reply.on("end", () => {
          const text = Buffer.concat(parts).toString();
          const json = /json/.test(reply.headers["content-type"] ?? "");
          resolve({ status: reply.statusCode, headers: reply.headers, length, text,
            json: json && length < 1e6 ? JSON.parse(text) : undefined });
        });
        reply.on("error", reject);
      },
    );
    rq.on("error", reject);
    rq.end(body);
  });
}

function socket(options = {}) {
  return new Promise((resolve, reject) => {
    const s = tls.connect({ host: "localhost", port: bench.port, ca, ...options }, () => resolve(s));
    s.on("error", reject);
  });
}

// What comes until the peer closes, or until enough is there.
function readAll(s, enough = Infinity) {
  return new Promise((resolve) => {
    let text = "";
    s.on("data", (data) => {
      text += data.toString("latin1");
      if (text.length >= enough) resolve(text);
    });
    s.on("close", () => resolve(text));
    s.on("error", () => resolve(text));
  });
}

test("every answer carries the security headers", async () => {
  for (const path of ["/healthz", "/api/v1/lots", "/nothing"]) {
    const { headers } = await request("GET", path);
    assert.match(headers["content-security-policy"], /default-src 'self'/);
    assert.doesNotMatch(headers["content-security-policy"], /unsafe/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
    assert.match(headers["strict-transport-security"], /max-age=\d+/);
  }
});

test("the description lists every endpoint; none answers without a credential", async () => {
  const { json: doc } = await request("GET", "/api/v1/openapi.json", { token: ADMIN });
  assert.equal(doc.openapi, "3.1.0");
  const patch = doc.paths["/api/v1/images/uploads/{upload}"].patch;
  assert.deepEqual(Object.keys(patch.requestBody.content), ["application/octet-stream"]);
  const offset = patch.parameters.find((p) => p.name === "offset");
  assert.deepEqual([offset.in, offset.required, offset.schema.type], ["query", true, "integer"]);
  assert.deepEqual(Object.keys(doc.paths["/api/v1/images/uploads/{upload}/finish"].post.responses).sort(),
    ["200", "201", "default"]);
  let tried = 0;
  for (const [path, item] of Object.entries(doc.paths))
    for (const [method, operation] of Object.entries(item)) {
      if (operation.security?.length === 0) continue;
      const real = path.replace(/\{\w+\}/g, "x1");
      const required = operation.requestBody?.content?.["application/json"]?.schema;
      const body = {};
      for (const name of required?.required ?? []) {
        const field = required.properties[name];
        body[name] = field.type === "integer" ? field.minimum : "a".repeat(Math.max(1, field.minLength));
      }
      const reply = await request(method.toUpperCase(), real,
        method === "get" ? {} : { body: required ? JSON.stringify(body) : operation.requestBody ? "x" : "" });
      assert.equal(reply.status, 401, `${method} ${path}`);
      assert.equal(reply.json.code, "unauthorised");
      tried++;
    }
  assert.ok(tried > 20);
});

test("operators change nothing; bodies are strict; sizes are bounded", async () => {
  const refused = await request("POST", "/api/v1/lots/A17/pause", { token: OPERATOR });
  assert.equal(refused.status, 403);
  const cases = [
    ["{", 400, "malformed"], ["[]", 400, "input"], ['{"station":"a","more":1}', 400, "input"],
    ['{"station":"a","station":"b"}', 400, "malformed"], ['{"station":5}', 400, "input"],
    ['{"station":"' + "x".repeat(70000) + '"}', 413, "too-big"],
  ];
  for (const [body, status, code] of cases) {
    const reply = await request("POST", "/api/v1/stations", { token: ADMIN, body });
    assert.deepEqual([reply.status, reply.json.code], [status, code], body.slice(0, 40));
  }
  const unknown = await request("GET", "/api/v1/units?lot=A17&order=x", { token: ADMIN });
  assert.equal(unknown.status, 400);
});

const UPLOADS = "/api/v1/images/uploads";

async function beginUpload(bytes, sha256 = createHash("sha256").update(bytes).digest("hex"), token = ADMIN) {
  const body = JSON.stringify({ sha256, len_bytes: bytes.length });
  return { sha256, reply: await request("POST", UPLOADS, { token, body }) };
}

test("an image that is none leaves nothing behind", async () => {
  const bytes = randomBytes(300000);
  const { sha256, reply } = await beginUpload(bytes);
  assert.deepEqual([reply.status, reply.json.offset, reply.json.known], [200, 0, false]);
  const refused = await request("PATCH", `${UPLOADS}/${sha256}?offset=0`, { token: OPERATOR, body: bytes });
  assert.equal(refused.status, 403);
  const nobody = await request("PATCH", `${UPLOADS}/${sha256}?offset=0`, { body: bytes });
  assert.equal(nobody.status, 401);
  const sent = await request("PATCH", `${UPLOADS}/${sha256}?offset=0`, { token: ADMIN, body: bytes });
  assert.deepEqual([sent.status, sent.json.code], [400, "integrity"]);
  assert.deepEqual(readdirSync(join(bench.dir, "images")), ["uploads"]);
  assert.deepEqual(readdirSync(join(bench.dir, "images/uploads")), []);
});

test("pieces go where the offset says, or nowhere", async () => {
  const bytes = randomBytes(90000);
  const { sha256 } = await beginUpload(bytes);
  const path = `${UPLOADS}/${sha256}`;
  const patch = (query, body) => request("PATCH", path + query, { token: ADMIN, body });
  assert.equal((await patch("?offset=0", bytes.subarray(0, 10000))).json.offset, 10000);
  assert.equal((await beginUpload(bytes)).reply.json.offset, 10000);
  for (const [query, status, code] of [
    ["", 400, "input"], ["?offset=-1", 400, "input"], ["?offset=1e3", 400, "input"], ["?offset=", 400, "input"],
    ["?offset=0", 409, "conflict"], ["?offset=10001", 409, "conflict"], ["?offset=18446744073709551616", 400, "input"],
  ]) {
    const reply = await patch(query, bytes.subarray(0, 5000));
    assert.deepEqual([reply.status, reply.json.code], [status, code], query);
  }
  const over = await patch("?offset=10000", Buffer.alloc(80001));
  assert.deepEqual([over.status, over.json.code], [413, "too-big"]);
  const huge = await patch("?offset=10000", Buffer.alloc((1 << 20) + 1));
  assert.equal(huge.status, 413);
  assert.equal((await patch("?offset=10000", undefined)).status, 400);
  const early = await request("POST", `${path}/finish`, { token: ADMIN });
  assert.deepEqual([early.status, early.json.code], [409, "state"]);
  assert.equal((await request("GET", path, { token: ADMIN })).json.offset, 10000);
  assert.equal((await request("GET", UPLOADS, { token: ADMIN })).json.uploads.length, 1);
  assert.equal((await request("DELETE", path, { token: ADMIN })).status, 204);
  assert.equal((await request("GET", path, { token: ADMIN })).status, 404);
  for (const body of ['{"sha256":"' + "A".repeat(64) + '","len_bytes":5}', '{"sha256":"../x","len_bytes":5}',
    '{"sha256":"' + "a".repeat(64) + '","len_bytes":67108865}', '{"sha256":"' + "a".repeat(64) + '","len_bytes":0}'])
    assert.equal((await request("POST", UPLOADS, { token: ADMIN, body })).status, 400, body);
});

test("bodies of every length arrive whole, whatever TLS cuts them into", async () => {
  for (const length of [100, 4079, 4096, 8192, 12288, 12289, 16384, 20000, 32768, 40960, 65536, 131072, 1048576]) {
    const bytes = Buffer.alloc(length);
    const { sha256 } = await beginUpload(bytes);
    const reply = await request("PATCH", `${UPLOADS}/${sha256}?offset=0`, { token: ADMIN, body: bytes });
    assert.equal(reply.status, 400, `${length} bytes`);
  }
  for (const length of [4000, 8192, 16384, 40960, 65000]) {
    const body = JSON.stringify({ station: "x".repeat(length - 14) });
    const reply = await request("POST", "/api/v1/stations", { token: ADMIN, body });
    assert.deepEqual([reply.status, reply.json.code], [400, "input"], `${length} bytes`);
  }
});

test("a large export is whole, and others are served meanwhile", async () => {
  const big = request("GET", "/api/v1/exports/traceability?lot=A17", { token: ADMIN });
  const begin = Date.now();
  assert.equal((await request("GET", "/healthz")).status, 200);
  assert.ok(Date.now() - begin < 1000);
  const reply = await big;
  assert.equal(reply.status, 200);
  assert.ok(reply.length > ROWS * 400);
});

test("an attempt says where its time went, and it adds up", async () => {
  const reply = await request("GET", "/api/v1/exports/attempts?lot=A17&format=jsonl", { token: ADMIN });
  const row = JSON.parse(reply.text.slice(0, reply.text.indexOf("\n")));
  const times = Object.entries(row).filter(([name]) => name.endsWith("_ms") && name !== "cycle_ms");
  assert.equal(times.length, 14);
  assert.equal(times.reduce((sum, [, ms]) => sum + ms, 0), row.cycle_ms);
});

test("a one-time sign-in opens one session, however often it is tried at once", async () => {
  const { json } = await request("POST", "/api/v1/sign-ins", { token: ADMIN });
  const body = JSON.stringify({ token: json.token });
  let opened = 0;
  for (let i = 0; i < 20; i++) {
    const tries = Array.from({ length: 5 }, () => request("POST", "/api/v1/session", { body }));
    for (const reply of await Promise.all(tries)) opened += reply.status === 204 ? 1 : 0;
  }
  assert.equal(opened, 1);
});

test("slow senders are cut, others do not notice", { timeout: 60000 }, async () => {
  const slow = [];
  for (let i = 0; i < 60; i++) {
    const s = await socket();
    s.on("error", () => undefined);
    s.write(i % 2 ? "GET /healthz HT" : "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{");
    slow.push(new Promise((resolve) => s.on("close", resolve)));
    s.resume();
  }
  const begin = Date.now();
  let worst = 0;
  while (Date.now() - begin < 3000) {
    const one = Date.now();
    assert.equal((await request("GET", "/healthz")).status, 200);
    worst = Math.max(worst, Date.now() - one);
  }
  assert.ok(worst < 1000, `worst ${worst} ms`);
  await Promise.all(slow);
  assert.ok(Date.now() - begin < 30000);
});

function upgrade(headers) {
  return `GET /api/v1/stream HTTP/1.1\r\nHost: localhost:${bench.port}\r\nConnection: Upgrade\r\n` +
    `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n` +
    `${headers}\r\n`;
}

test("the live stream: foreign pages and strangers get nothing", async () => {
  const auth = `Authorization: Bearer ${ADMIN}\r\n`;
  for (const [headers, wanted] of [
    [auth + "Origin: https://evil.example\r\n", /^HTTP\/1\.[01] 403/],
    [auth + "Origin: null\r\n", /^HTTP\/1\.[01] 403/],
    [`Origin: https://localhost:${bench.port}\r\n`, /^HTTP\/1\.[01] 401/],
  ]) {
    const s = await socket();
    s.write(upgrade(headers));
    assert.match(await readAll(s), wanted);
  }
  const wrong = await socket();
  wrong.write(upgrade(`Authorization: Bearer ${"f".repeat(64)}\r\n`));
  assert.doesNotMatch(await readAll(wrong), /"status"/);
  const good = await socket();
  good.write(upgrade(auth));
  const text = await readAll(good, 1500);
  assert.match(text, /^HTTP\/1\.1 101/);
  assert.match(text, /"type":"status"/);
  good.destroy();
});

test("a reader that does not read is dropped, the others go on", { timeout: 40000 }, async () => {
  const s = await socket();
  s.on("error", () => undefined);
  s.write(upgrade(`Authorization: Bearer ${ADMIN}\r\n`));
  await new Promise((resolve) => setTimeout(resolve, 500));
  s.pause();
  const line = "log " + "x".repeat(3500);
  for (let i = 0; i < 4000 && !bench.log().includes("STREAM_DROPPED"); i++) {
    bench.say(line);
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (let i = 0; i < 100 && !bench.log().includes("STREAM_DROPPED"); i++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.match(bench.log(), /STREAM_DROPPED/);
  assert.equal((await request("GET", "/healthz")).status, 200);
  s.destroy();
});

function openssl(...args) {
  return new Promise((resolve) => {
    const child = execFile("openssl", ["s_client", "-connect", `localhost:${bench.port}`, ...args],
      (error, out) => resolve(error ? "" : out));
    child.stdin.end();
  });
}

test("TLS 1.2 with ECDHE and AEAD, or 1.3; nothing below", async () => {
  assert.match(await openssl("-tls1_3"), /Cipher is TLS_/);
  assert.match(await openssl("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), /Cipher is ECDHE/);
  for (const args of [
    ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"],
  ])
    assert.equal(await openssl(...args), "", args.join(" "));
});
