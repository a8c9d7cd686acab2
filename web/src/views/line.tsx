// The line as it runs: the lot in big numbers, every station and harness.
import type { LogMessage, Lot, Status } from "../api";
import { duration, percent, perHour, seconds } from "../format";
import { Failures } from "../parts/failures";
import { Figure } from "../parts/figure";
import { StationCard } from "../parts/station";

const ORDER = ["running", "paused", "closing", "released", "draft", "closed"];

function byImportance(a: Lot, b: Lot): number {
  const rank = ORDER.indexOf(a.state) - ORDER.indexOf(b.state);
  return rank || (b.created_at ?? "").localeCompare(a.created_at ?? "");
}

// Finished: everything that has an outcome.
function finished(lot: Lot): number {
  return lot.counts.passed + lot.counts.failed + lot.counts.indeterminate;
}

function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

function LotPanel(props: { lot: Lot }) {
  const { lot } = props;
  const n = lot.counts;
  const uph = lot.totals?.uph ?? null;
  const left = Math.max(0, lot.quantity - n.passed);
  const eta = lot.state === "running" && uph ? duration(left / uph) : "–";
  return (
    <section class="panel lot" data-lot={lot.lot}>
      <div class="row">
        <h1>
          Lot {lot.lot} <span class="quiet">{lot.product}</span>
        </h1>
        <span class={`state ${lot.state}`}>{lot.state}</span>
      </div>
      <div class="figures">
        <Figure
          wide
          name="Good boards"
          value={`${n.passed} / ${lot.quantity}`}
          note={`${n.failed} failed, ${n.indeterminate} unclear, ${n.in_progress} in work`}
        />
        <Figure
          name="First-pass yield"
          value={percent(lot.totals?.fpy ?? share(n.first_pass, finished(lot)))}
        />
        <Figure name="Final yield" value={percent(share(n.passed, finished(lot)))} />
        <Figure
          name="Boards per hour"
          value={perHour(uph)}
          note={`cycle ${seconds(lot.totals?.cycle_s.median)}`}
        />
        {lot.state !== "closed" && (
          <Figure name="Time left" value={eta} note={left ? `${left} to go` : "quantity reached"} />
        )}
      </div>
      <progress class="whole" max={lot.quantity} value={n.passed} aria-label="good boards of the lot" />
    </section>
  );
}

function Log(props: { lines: LogMessage[] }) {
  const lines = props.lines.slice(-12);
  return (
    <section class="panel">
      <h2>Live text</h2>
      {lines.length === 0 && <p class="quiet">Boards say nothing at the moment.</p>}
      <pre class="log" tabIndex={0}>
        {lines.map((line) => `${line.station}/${line.harness}  ${line.text.trimEnd()}\n`)}
      </pre>
    </section>
  );
}

export function LineView(props: { status: Status; log: LogMessage[] }) {
  const lots = [...props.status.lots].sort(byImportance);
  const lot = lots[0];
  const stations = props.status.stations.filter((st) => st.state !== "revoked");
  return (
    <>
      {lot ? <LotPanel lot={lot} /> : <section class="panel">No lot yet.</section>}
      <div class="columns">
        <div class="stations">
          {stations.map((st) => (
            <StationCard station={st} key={st.station} />
          ))}
          {stations.length === 0 && <section class="panel">No station is enrolled.</section>}
        </div>
        <aside>
          {lot && <Failures lot={lot} />}
          <Log lines={props.log} />
        </aside>
      </div>
      <footer class="quiet small">
        Provline {props.status.controller.version} · record {props.status.record.seq} ·{" "}
        {props.status.record.hash.slice(0, 16)}
      </footer>
    </>
  );
}
