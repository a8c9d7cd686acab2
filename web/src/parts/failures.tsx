// Failures of a lot, most frequent first. Asked again when the lot's counts
// change, and then at most every five seconds.
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api";
import type { FailureRow, Lot } from "../api";
import { stepName } from "../format";

const AGAIN_MS = 5000;

function useFailures(lot: Lot): FailureRow[] {
  const [rows, setRows] = useState<FailureRow[]>([]);
  const last = useRef(0);
  const key = `${lot.lot} ${lot.counts.attempts} ${lot.counts.failed}`;

  useEffect(() => {
    const wait = Math.max(0, last.current + AGAIN_MS - Date.now());
    const timer = window.setTimeout(() => {
      last.current = Date.now();
      api
        .failures(lot.lot)
        .then((reply) => setRows(reply.rows))
        .catch(() => undefined); // the link's banner tells already
    }, wait);
    return () => window.clearTimeout(timer);
  }, [key]);
  return rows;
}

export function Failures(props: { lot: Lot }) {
  const rows = useFailures(props.lot);
  const most = rows[0]?.attempts ?? 1;
  return (
    <section class="panel">
      <h2>Failures</h2>
      {rows.length === 0 && <p class="quiet">None so far.</p>}
      <ol class="pareto">
        {rows.slice(0, 8).map((row) => (
          <li key={row.failure_code + row.failure_step}>
            <div class="row">
              <span>
                <b>{row.failure_code}</b> <span class="quiet">{stepName(row.failure_step)}</span>
              </span>
              <b>{row.attempts}</b>
            </div>
            <meter min={0} max={most} value={row.attempts} aria-label="compared with the most frequent" />
            <div class="quiet small">{row.hint || row.what}</div>
          </li>
        ))}
      </ol>
    </section>
  );
}
