// Units, a page at a time by the controller's cursor.
import { useEffect, useState } from "preact/hooks";
import { api } from "../api";
import type { Lot, Unit } from "../api";
import { clock, outcomeLight, stepName } from "../format";
import { LightBadge } from "../parts/light";

const PAGE = 50;

function Row(props: { unit: Unit }) {
  const u = props.unit;
  const key = u.uid || u.board_serial;
  return (
    <tr>
      <td>
        <a href={`#/units/${key}`}>{u.board_serial || u.uid || "unread"}</a>
      </td>
      <td class="mono">{u.uid}</td>
      <td>{u.lot}</td>
      <td>
        <LightBadge light={outcomeLight(u.outcome)} />
      </td>
      <td>
        {u.failure_code} <span class="quiet">{u.failure_step && stepName(u.failure_step)}</span>
      </td>
      <td class="num">{u.attempts}</td>
      <td>{u.disposition}</td>
      <td>{clock(u.finished_at)}</td>
    </tr>
  );
}

export function UnitsView(props: { lots: Lot[] }) {
  const [lot, setLot] = useState("");
  const [cursors, setCursors] = useState<string[]>([""]);
  const [units, setUnits] = useState<Unit[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState("");
  const cursor = cursors[cursors.length - 1] ?? "";

  useEffect(() => {
    let current = true;
    api
      .units(lot, cursor, PAGE)
      .then((page) => {
        if (!current) return;
        setUnits(page.units);
        setNext(page.next);
        setError("");
      })
      .catch((e: Error) => current && setError(e.message));
    return () => {
      current = false;
    };
  }, [lot, cursor]);

  return (
    <section class="panel">
      <div class="row">
        <h1>Units</h1>
        <label>
          Lot{" "}
          <select
            value={lot}
            onChange={(e) => {
              setLot(e.currentTarget.value);
              setCursors([""]);
            }}
          >
            <option value="">all</option>
            {props.lots.map((l) => (
              <option value={l.lot}>{l.lot}</option>
            ))}
          </select>
        </label>
      </div>
      {error && <p role="alert">{error}</p>}
      <div class="scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th>Board</th>
              <th>UID</th>
              <th>Lot</th>
              <th>Outcome</th>
              <th>Failure</th>
              <th class="num">Attempts</th>
              <th>Disposition</th>
              <th>Finished</th>
            </tr>
          </thead>
          <tbody>
            {units.map((u) => (
              <Row unit={u} key={u.lot + u.uid + u.board_serial} />
            ))}
          </tbody>
        </table>
      </div>
      {units.length === 0 && <p class="quiet">No units.</p>}
      <div class="row pager">
        <button type="button" disabled={cursors.length < 2} onClick={() => setCursors(cursors.slice(0, -1))}>
          ← Previous
        </button>
        <span class="quiet">page {cursors.length}</span>
        <button type="button" disabled={!next} onClick={() => next && setCursors([...cursors, next])}>
          Next →
        </button>
      </div>
    </section>
  );
}
