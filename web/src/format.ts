// Numbers, times and states as people read them.

export function percent(value: number | null | undefined): string {
  return value === null || value === undefined || !isFinite(value)
    ? "–"
    : `${(100 * value).toFixed(1)} %`;
}

export function perHour(value: number | null | undefined): string {
  return value ? (value < 100 ? value.toFixed(1) : value.toFixed(0)) : "–";
}

export function seconds(value: number | null | undefined): string {
  return value ? `${value.toFixed(1)} s` : "–";
}

export function clock(text: string | null): string {
  if (!text) return "–";
  // Local time, written year first: the same for every reader.
  return new Date(text).toLocaleString("sv-SE");
}

export function duration(hours: number): string {
  if (!isFinite(hours) || hours < 0) return "–";
  const minutes = Math.round(hours * 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

// "spi-flash" as it stands in a table; "SPI flash" for people.
const STEPS: Record<string, string> = {
  detect: "Detect",
  identify: "Identify",
  permit: "Permit",
  "spi-flash": "SPI flash",
  licence: "Licence",
  "sfi-load": "SFI load",
  "lock-down": "Lock down",
  "sfi-install": "SFI install",
  "hardware-test": "Hardware test",
  identity: "Identity",
  certificate: "Certificate",
  "microvisor-install": "Kernel install",
  "app-test": "Application test",
  "app-install": "Application install",
  record: "Record",
};

export function stepName(step: string): string {
  return STEPS[step] ?? step;
}

// Rows of proto/account.def for people.
const TIMES: Record<string, string> = {
  wire_ms: "SWD wire",
  usb_ms: "USB",
  nor_erase_ms: "SPI flash erase",
  nor_program_ms: "SPI flash program",
  nor_verify_ms: "SPI flash verify",
  flash_ms: "Internal flash",
  option_reload_ms: "Option bytes",
  uart_ms: "UART",
  cpu_ms: "Board's firmware",
  card_ms: "SFI card",
  cloud_ms: "Cloud",
  controller_ms: "Controller",
  wait_ms: "Waits on purpose",
  rest_ms: "Rest",
};

export function timeName(row: string): string {
  return TIMES[row] ?? row;
}

// A state is never told by colour alone: word and symbol go with it.
export interface Light {
  tone: "idle" | "busy" | "good" | "bad" | "warn";
  word: string;
  symbol: string;
}

const HARNESS: Record<string, Light> = {
  empty: { tone: "idle", word: "Ready", symbol: "○" },
  busy: { tone: "busy", word: "Working", symbol: "▶" },
  pass: { tone: "good", word: "Pass", symbol: "✓" },
  fail: { tone: "bad", word: "Fail", symbol: "✕" },
  retry: { tone: "warn", word: "Try again", symbol: "↻" },
  error: { tone: "bad", word: "Station error", symbol: "!" },
};

const OUTCOME: Record<string, Light> = {
  pass: { tone: "good", word: "Pass", symbol: "✓" },
  fail: { tone: "bad", word: "Fail", symbol: "✕" },
  indeterminate: { tone: "warn", word: "Unclear", symbol: "?" },
  "in-progress": { tone: "busy", word: "In progress", symbol: "▶" },
};

const STATION: Record<string, Light> = {
  online: { tone: "good", word: "Online", symbol: "●" },
  offline: { tone: "bad", word: "Offline", symbol: "✕" },
  enrolled: { tone: "idle", word: "Enrolled", symbol: "○" },
  invited: { tone: "idle", word: "Invited", symbol: "○" },
  revoked: { tone: "bad", word: "Revoked", symbol: "✕" },
};

function light(table: Record<string, Light>, state: string): Light {
  return table[state] ?? { tone: "warn", word: state, symbol: "?" };
}

export const harnessLight = (state: string) => light(HARNESS, state);
export const outcomeLight = (state: string) => light(OUTCOME, state);
export const stationLight = (state: string) => light(STATION, state);
