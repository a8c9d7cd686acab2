// One unit: its attempts with steps, measurements, times and text; its certificate.
import { useEffect, useState } from "preact/hooks";
import { api } from "../api";
import type { Attempt, UnitDetail } from "../api";
import { clock, outcomeLight, percent, seconds, stepName, timeName } from "../format";
import { LightBadge } from "../parts/light";

// A limit that is a word is what the value must be.
function limits(m: { low: string; high: string }): string {
  if (m.low && m.high) return m.low === m.high ? m.low : `${m.low} to ${m.high}`;
  if (m.low) return Number.isNaN(Number(m.low)) ? m.low : `at least ${m.low}`;
  return m.high ? `at most ${m.high}` : "";
}

function Steps(props: { attempt: Attempt }) {
  return (
    <table class="narrow">
      <thead>
        <tr>
          <th>Step</th>
          <th>State</th>
          <th class="num">Took</th>
        </tr>
      </thead>
      <tbody>
        {props.attempt.steps.map((s) => (
          <tr key={s.step}>
            <td>{stepName(s.step)}</td>
            <td>{s.state}</td>
            <td class="num">{seconds(s.took_ms / 1000)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Measurements(props: { attempt: Attempt }) {
  if (props.attempt.measurements.length === 0) return null;
  return (
    <table class="narrow">
      <thead>
        <tr>
          <th>Measured</th>
          <th class="num">Value</th>
          <th>Limits</th>
          <th>Result</th>
        </tr>
      </thead>
      <tbody>
        {props.attempt.measurements.map((m) => (
          <tr key={m.step + m.name}>
            <td>{m.name}</td>
            <td class="num">
              {m.value} {m.unit}
            </td>
            <td>{limits(m)}</td>
            <td>
              <LightBadge light={outcomeLight(m.pass ? "pass" : "fail")} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// Where the time went, the longest first; what took none is left out.
function Times(props: { attempt: Attempt }) {
  const { account, cycle_s } = props.attempt;
  if (!account || !cycle_s) return null;
  const rows = Object.entries(account)
    .filter(([, ms]) => ms !== 0)
    .sort((a, b) => b[1] - a[1]);
  if (rows.length === 0) return null;
  return (
    <table class="narrow">
      <thead>
        <tr>
          <th>Time in</th>
          <th class="num">ms</th>
          <th class="num">of cycle</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([row, ms]) => (
          <tr key={row}>
            <td>{timeName(row)}</td>
            <td class="num">{ms}</td>
            <td class="num">{percent(ms / 1000 / cycle_s)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function AttemptPanel(props: { attempt: Attempt }) {
  const a = props.attempt;
  return (
    <section class="panel">
      <div class="row">
        <h2>
          Attempt {a.attempt_no ?? ""} <span class="quiet">at {a.station}/{a.harness}</span>
        </h2>
        <LightBadge light={outcomeLight(a.outcome)} />
      </div>
      <p>
        {clock(a.started_at)}, {seconds(a.cycle_s)}
        {a.failure_code && (
          <>
            {" — "}
            <b>{a.failure_code}</b> in {stepName(a.failure_step)}: {a.failure_text}
          </>
        )}
      </p>
      <div class="pair">
        <Steps attempt={a} />
        <Times attempt={a} />
        <Measurements attempt={a} />
      </div>
      {a.log && (
        <details>
          <summary>Text of the board</summary>
          <pre class="log" tabIndex={0}>{a.log}</pre>
        </details>
      )}
    </section>
  );
}

function Facts(props: { unit: UnitDetail }) {
  const u = props.unit;
  return (
    <dl class="facts">
      <dt>UID</dt>
      <dd class="mono">{u.uid}</dd>
      <dt>Device ID</dt>
      <dd class="mono">{u.device_id}</dd>
      <dt>Lot</dt>
      <dd>{u.lot}</dd>
      <dt>Disposition</dt>
      <dd>{u.disposition || "–"}</dd>
      <dt>Certificate</dt>
      <dd>
        {u.certificate ? (
          <a href={`/api/v1/certificates/${u.uid}.pem?lot=${encodeURIComponent(u.lot)}`}>PEM</a>
        ) : (
          "none"
        )}
      </dd>
    </dl>
  );
}

export function UnitView(props: { uid: string }) {
  const [unit, setUnit] = useState<UnitDetail | null>(null);
  const [error, setError] = useState("");

  useEffect(() => {
    api
      .unit(props.uid)
      .then(setUnit)
      .catch((e: Error) => setError(e.message));
  }, [props.uid]);

  if (error) return <p role="alert">{error}</p>;
  if (!unit) return <p class="quiet">Loading…</p>;
  return (
    <>
      <p>
        <a href="#/units">← Units</a>
      </p>
      <section class="panel">
        <div class="row">
          <h1>Board {unit.board_serial || unit.uid}</h1>
          <LightBadge light={outcomeLight(unit.outcome)} />
        </div>
        <Facts unit={unit} />
      </section>
      {unit.history.map((a) => (
        <AttemptPanel attempt={a} key={a.attempt} />
      ))}
    </>
  );
}
