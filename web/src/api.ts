// The controller's REST interface as the console uses it: types of what comes
// back, and one function that turns problem documents into exceptions.

export interface Counts {
  units: number;
  passed: number;
  failed: number;
  indeterminate: number;
  in_progress: number;
  attempts: number;
  first_pass: number;
}

export interface Totals {
  units: number;
  passed: number;
  fpy: number | null;
  rty: number | null;
  uph: number | null;
  cycle_s: { median: number | null; p95: number | null };
}

export interface Lot {
  lot: string;
  product: string;
  image_sha256: string;
  quantity: number;
  max_attempts: number;
  state: string;
  created_at: string | null;
  started_at: string | null;
  closed_at: string | null;
  counts: Counts;
  quota_left: number;
  totals?: Totals;
}

export interface Harness {
  harness: string;
  state: string;
  step: string;
  attempt: string;
  uid: string;
  board_serial: string;
  failure_code: string;
  percent: number;
  note: string;
  assigned_lot: string;
}

export interface Card {
  card_serial: string;
  fwid: string;
  counter: number;
  maximum: number;
  state: string;
}

export interface Station {
  station: string;
  state: string;
  agent_version: string;
  last_seen: string | null;
  spooled: number;
  harnesses: Harness[];
  cards: Card[];
}

export interface Alarm {
  code: string;
  text: string;
}

export interface Status {
  type: "status";
  controller: { version: string; started_at: string };
  lots: Lot[];
  stations: Station[];
  record: { seq: number; hash: string };
  alarms: Alarm[];
}

export interface LogMessage {
  type: "log";
  station: string;
  harness: string;
  attempt: string;
  text: string;
}

export interface Unit {
  lot: string;
  uid: string;
  device_id: string;
  board_serial: string;
  outcome: string;
  failure_code: string;
  failure_step: string;
  disposition: string;
  attempts: number;
  cert_sha256: string;
  finished_at: string | null;
}

export interface Step {
  step: string;
  state: string;
  started_ms: number;
  took_ms: number;
}

export interface Measurement {
  step: string;
  name: string;
  value: string;
  unit: string;
  low: string;
  high: string;
  pass: boolean;
}

export interface Attempt {
  attempt: string;
  attempt_no: number | null;
  outcome: string;
  failure_code: string;
  failure_step: string;
  failure_text: string;
  station: string;
  harness: string;
  started_at: string;
  finished_at: string;
  cycle_s: number | null;
  steps: Step[];
  measurements: Measurement[];
  account: Record<string, number> | null; // ms; null before it was kept
  log?: string;
}

export interface UnitDetail extends Unit {
  history: Attempt[];
  certificate: string | null;
}

export interface FailureRow {
  failure_code: string;
  failure_step: string;
  attempts: number;
  what: string;
  hint: string;
}

export interface Identity {
  name: string;
  role: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}

const BASE = "/api/v1";

async function problem(reply: Response): Promise<ApiError> {
  try {
    const doc = await reply.json();
    const text = String(doc.detail ?? doc.title ?? reply.statusText);
    return new ApiError(reply.status, String(doc.code ?? ""), text);
  } catch {
    return new ApiError(reply.status, "", `HTTP ${reply.status}`);
  }
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Provline"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const reply = await fetch(BASE + path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  });
  if (!reply.ok) throw await problem(reply);
  return reply.status === 204 ? (undefined as T) : reply.json();
}

const q = encodeURIComponent;

export const api = {
  whoAmI: () => call<Identity>("GET", "/session"),
  signIn: (token: string) => call<void>("POST", "/session", { token }),
  signOut: () => call<void>("DELETE", "/session"),
  units: (lot: string, cursor: string, limit: number) =>
    call<{ units: Unit[]; next: string | null }>(
      "GET",
      `/units?limit=${limit}` + (lot ? `&lot=${q(lot)}` : "") + (cursor ? `&cursor=${q(cursor)}` : ""),
    ),
  unit: (uid: string) => call<UnitDetail>("GET", `/units/${q(uid)}`),
  failures: (lot: string) =>
    call<{ rows: FailureRow[] }>("GET", `/reports/failures?lot=${q(lot)}`),
};
